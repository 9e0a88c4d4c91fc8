"""What the client engine tells its session, and what the session may ask of it, as values."""

from dataclasses import dataclass

from mailstack.base.engine import BodyChunk, BodyEnd
from mailstack.base.secret import Secret
from mailstack.queue.api import Recipient, RemoteReply
from mailstack.smtp.remote import Offer

__all__ = [
    "BodyWanted",
    "ClientEvent",
    "ClientLimits",
    "ClientRequest",
    "Ended",
    "Greeted",
    "LogIn",
    "LoggedIn",
    "LoginRefused",
    "Quit",
    "StartTls",
    "TlsGo",
    "TlsRefused",
    "Transaction",
    "TransactionDone",
]


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What a server may do to us.  Waits are RFC 5321 §4.5.3.2's, each for one whole reply."""

    reply_line_octets: int = 4096  # RFC 5321 §4.5.3.1.5 allows 512; some servers explain at length
    reply_lines: int = 128
    greeting_seconds: float = 300
    command_seconds: float = 300  # EHLO, STARTTLS, AUTH, MAIL, RCPT
    data_seconds: float = 120
    block_seconds: float = 180  # between two blocks of the message
    end_of_data_seconds: float = 600
    handshake_seconds: float = 30
    quit_seconds: float = 10


# --- events -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Greeted:
    """The server has named itself and what it offers; again after STARTTLS."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class TlsGo:
    """The handshake begins now; then `tls_started`."""


@dataclass(frozen=True, slots=True)
class TlsRefused:
    reply: RemoteReply


@dataclass(frozen=True, slots=True)
class LoggedIn:
    pass


@dataclass(frozen=True, slots=True)
class LoginRefused:
    reply: RemoteReply


@dataclass(frozen=True, slots=True)
class BodyWanted:
    """354, and at least one recipient: now chunks, then BodyEnd."""


@dataclass(frozen=True, slots=True)
class TransactionDone:
    """One reply for each recipient, in order.

    `undecided` are indexes of recipients about which the server said nothing before it
    went away, and before it could have the message: another host may be asked at once.
    """

    replies: tuple[RemoteReply, ...]
    undecided: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """There will be no more; `reply` says why.  Not a fault after Quit."""

    reply: RemoteReply


ClientEvent = Greeted | TlsGo | TlsRefused | LoggedIn | LoginRefused | BodyWanted | TransactionDone | Ended


# --- requests ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTls:
    pass


@dataclass(frozen=True, slots=True)
class LogIn:
    """`token`: the password is an access token, for XOAUTH2."""

    user: str
    password: Secret
    token: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """One message for some recipients.  `size` in octets, CRLF line ends, without the doubled dots: what will come."""

    reverse_path: str
    recipients: tuple[Recipient, ...]
    size: int
    eight_bit: bool = False
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    requiretls: bool = False  # RFC 8689
    priority: int = 0  # RFC 6710
    by: str = ""  # RFC 2852: what is left of the time, `600;R`
    probe: bool = False  # ask MAIL and RCPT, and send nothing
    chunked: bool = False  # BDAT in place of DATA: RFC 3030
    ends_line: bool = True  # the message ends with CRLF


@dataclass(frozen=True, slots=True)
class Quit:
    pass


ClientRequest = StartTls | LogIn | Transaction | BodyChunk | BodyEnd | Quit
