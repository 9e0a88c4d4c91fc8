"""What the server engine and its session say to each other, as values."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from mailstack.base.engine import BodyAborted, BodyChunk, BodyEnd

__all__ = [
    "NO_PARAMS",
    "Answer",
    "Auth",
    "AuthResponse",
    "BareLineEnds",
    "Bdat",
    "ChunkEnd",
    "Command",
    "Data",
    "Ehlo",
    "Expn",
    "Helo",
    "Help",
    "Mail",
    "Noop",
    "Param",
    "Params",
    "Quit",
    "Rcpt",
    "Replies",
    "Reply",
    "Rset",
    "SmtpEvent",
    "SmtpLimits",
    "StartTls",
    "Terms",
    "Vrfy",
]

T = TypeVar("T")


class BareLineEnds(Enum):
    """What becomes of a CR or LF in the data that is not part of a CRLF."""

    REFUSE = auto()  # 550 5.6.11, once the data have ended
    NORMALISE = auto()  # it becomes a CRLF
    KEEP = auto()  # the message is declared binary: there are no lines


@dataclass(frozen=True, slots=True)
class SmtpLimits:
    """What one peer may do to an SMTP server.  The values without an argument are DESIGN §4's."""

    command_line_octets: int = 2048
    auth_line_octets: int = 12288  # RFC 4954 §4
    text_line_octets: int = 64 * 1024
    message_octets: int = 50 * 1024 * 1024
    drained_octets: int = 100 * 1024 * 1024  # read of a refused body before the connection is cut
    recipients: int = 1000
    recipients_unauthenticated: int = 100
    bad_commands: int = 20  # not understood or out of place
    errors: int = 10  # refused (5xx) since the last message that was taken; only strangers are counted
    failed_logins: int = 5
    command_seconds: float = 300.0  # RFC 5321 §4.5.3.2.7
    data_seconds: float = 300.0
    body_seconds: float = 600.0  # for a whole body, and a second more for each KiB that has come


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds on this connection just now.  The session replaces it when TLS comes up or somebody logs in."""

    hostname: str
    message_octets: int = 0  # 0: no limit is announced
    recipients: int = 0  # of one message; 0: no limit is announced
    starttls: bool = False  # offered now
    tls: bool = False  # on now
    xclient: bool = False  # offered to this address
    hold: str = ""  # what FUTURERELEASE announces; "": not offered
    mechanisms: tuple[str, ...] = ()  # offered now
    authenticated: bool = False
    lmtp: bool = False  # RFC 2033 is spoken, by a server of our own side
    bare_line_ends: BareLineEnds = BareLineEnds.REFUSE


# --- parameters of MAIL and RCPT ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param(Generic[T]):
    """esmtp-param = keyword ["=" value]     RFC 5321 §4.1.2

    `parse` gets the value (None without `=`) and raises ParseFault; `default` stands for a parameter not given.
    """

    keyword: str
    parse: Callable[[str | None], T]
    default: T


class Params:
    """The parameters of one command: `params[SIZE]` has the type that SIZE's parser gives."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = values or {}

    def __getitem__(self, param: Param[T]) -> T:
        value: T = self._values.get(param.keyword, param.default)
        return value

    def __contains__(self, param: object) -> bool:
        return isinstance(param, Param) and param.keyword in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Params) and self._values == other._values

    def __hash__(self) -> int:
        return hash(frozenset(self._values))

    def __repr__(self) -> str:
        return f"Params({dict(self._values)!r})"


NO_PARAMS = Params()


# --- commands: what the engine gives to the session ---------------------------------------------------------------


class Command:
    """A well-formed command in a legal state."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Helo(Command):
    domain: str  # as said, octets that are in no host name replaced by `?`


@dataclass(frozen=True, slots=True)
class Ehlo(Command):
    domain: str


@dataclass(frozen=True, slots=True)
class Mail(Command):
    reverse_path: str  # `local@domain`; "" is the null sender
    params: Params = NO_PARAMS


@dataclass(frozen=True, slots=True)
class Rcpt(Command):
    address: str  # `local@domain`, or `postmaster` alone
    params: Params = NO_PARAMS


@dataclass(frozen=True, slots=True)
class Data(Command):
    """354 makes the body come: BodyChunk…, then BodyEnd or BodyAborted."""


@dataclass(frozen=True, slots=True)
class Bdat(Command):
    """The engine's own: BodyChunk… come, then ChunkEnd, or behind the last BodyEnd.  RFC 3030 §2"""

    octets: int
    last: bool


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """One BDAT is whole and not the last: a positive reply asks for the next, any other ends the transaction."""

    octets: int


@dataclass(frozen=True, slots=True)
class Rset(Command):
    """Forget the transaction."""


@dataclass(frozen=True, slots=True)
class Noop(Command):
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Quit(Command):
    """221 closes."""


@dataclass(frozen=True, slots=True)
class Vrfy(Command):
    name: str


@dataclass(frozen=True, slots=True)
class Expn(Command):
    name: str


@dataclass(frozen=True, slots=True)
class Help(Command):
    topic: str


@dataclass(frozen=True, slots=True)
class StartTls(Command):
    """220 makes the connection begin the handshake."""


@dataclass(frozen=True, slots=True)
class Auth(Command):
    """334 makes an AuthResponse come.  `initial` is out of base64; None: the client waits to be asked."""

    mechanism: str  # in capitals
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AuthResponse(Command):
    """One answer in the exchange, out of base64."""

    data: bytes = field(repr=False)


SmtpEvent = Command | BodyChunk | ChunkEnd | BodyEnd | BodyAborted


# --- replies ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of one or more lines.  RFC 5321 §4.2, RFC 2034 §4

    Its texts never hold what a peer has said unchecked; control characters are made `?` all the same.
    """

    code: int
    status: str | None
    text: str
    extra: tuple[str, ...] = ()

    @property
    def positive(self) -> bool:
        return self.code < 400

    @property
    def spoken(self) -> str:
        """`550 5.1.1 No such mailbox here`, for the log."""
        return " ".join(filter(None, (str(self.code), self.status, self.text)))

    def encode(self) -> bytes:
        status = f"{self.status} " if self.status else ""
        *head, last = (self.text, *self.extra)
        lines = [f"{self.code}-{status}{_printable(text)}\r\n" for text in head]
        return "".join([*lines, f"{self.code} {status}{_printable(last)}\r\n"]).encode()


@dataclass(frozen=True, slots=True)
class Replies:
    """LMTP's answer to the data: one for each recipient that was taken, in order.  RFC 2033 §4.2"""

    each: tuple[Reply, ...]

    @property
    def code(self) -> int:
        """What it comes to: 250 when somebody has the message."""
        return next((reply.code for reply in self.each if reply.positive), self.each[0].code)

    @property
    def positive(self) -> bool:
        return any(reply.positive for reply in self.each)

    def encode(self) -> bytes:
        return b"".join(reply.encode() for reply in self.each)


Answer = Reply | Replies


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text)
