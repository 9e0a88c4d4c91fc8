"""The shape that every protocol engine has, and what a session may ask of its connection.

An engine is sans-IO: octets in, events out, responses in, octets out.

    receive(octets)  →  next_event() → an event | NEED_DATA
    send(response)   →  data_to_send() → octets

*Pull, not push*: the session takes the next event when it is ready for it, so
pipelining and input back-pressure need no code.  State moves when a *response*
is sent: only a positive answer makes a command count.  The engine answers
syntax and sequence faults itself, a session sees only well-formed commands in a
legal state.  `net.connection` is the only place where an engine meets a
transport.
"""

from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Protocol, TypeVar

__all__ = [
    "NEED_DATA",
    "After",
    "BodyAborted",
    "BodyChunk",
    "BodyEnd",
    "Engine",
    "NeedData",
    "Paced",
    "Peer",
    "Session",
    "Wire",
]


class NeedData(Enum):
    """The one answer of `next_event` when nothing whole has arrived."""

    NEED_DATA = auto()


NEED_DATA: Final = NeedData.NEED_DATA


class After(Enum):
    """What the connection does once the octets that the engine has given are on their way."""

    GO_ON = auto()
    START_TLS = auto()  # octets already buffered behind the command are an injection: the connection closes
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class BodyChunk:
    """Some octets of a message body (DATA, BDAT, APPEND), unstuffed, in order, never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BodyEnd:
    """The body is whole."""


@dataclass(frozen=True, slots=True)
class BodyAborted:
    """The body will not come whole, or may not be kept; `reason` is for the log.  The engine answers the peer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection, as far as the transport knows it.

    `ip` and `port` are of the client (after the PROXY protocol, if any);
    `listener` names the listening service in the configuration (`submission`).
    `tls` tells whether TLS is on *now*; it is replaced when STARTTLS succeeds.
    """

    ip: str
    port: int
    listener: str
    tls: bool = False
    tls_version: str = ""  # "TLSv1.3"
    tls_cipher: str = ""  # "TLS_AES_256_GCM_SHA384"
    local_ip: str = ""
    local_port: int = 0
    protocol: str = ""  # of that listener: "submission", "imap"
    addresses: tuple[str, ...] = ()  # e-mail addresses of the certificate that the client has proved to own

    @property
    def loopback(self) -> bool:
        return self.ip == "::1" or self.ip.startswith("127.") or self.ip.startswith("::ffff:127.")


EventT_co = TypeVar("EventT_co", covariant=True)
ResponseT_contra = TypeVar("ResponseT_contra", contravariant=True)
EventT_contra = TypeVar("EventT_contra", contravariant=True)
ResponseT_co = TypeVar("ResponseT_co", covariant=True)


class Engine(Protocol[EventT_co, ResponseT_contra]):
    """One side of one protocol, without I/O or clock."""

    def receive(self, data: bytes) -> None:
        """Take octets from the transport.  Never raises: a fault becomes an answer, at worst `After.CLOSE`."""

    def receive_eof(self) -> None:
        """The peer will send no more (half-closed or lost)."""

    def next_event(self) -> EventT_co | NeedData:
        """The next thing for the session; NEED_DATA also while an earlier event waits for its `send`."""

    def send(self, response: ResponseT_contra) -> None:
        """Take the session's answer to the last event, or pushed news where the protocol allows it."""

    def data_to_send(self) -> bytes:
        """All octets made since the last call, for one write."""

    @property
    def after(self) -> After:
        """What to do after the octets of `data_to_send` have been written."""

    @property
    def buffered(self) -> int:
        """How many received octets are not yet events."""

    @property
    def idle_limit(self) -> float:
        """Seconds the peer may be silent in the present state."""

    def tls_started(self) -> None:
        """TLS is on: forget what was said in the clear (RFC 3207 §4.2, RFC 9051 §6.2.1, RFC 2595 §4)."""

    def timed_out(self) -> None:
        """The peer was silent for `idle_limit`: make the protocol's last words; `after` becomes CLOSE."""

    def shutting_down(self) -> None:
        """The server stops: make the protocol's last words (421, BYE) as soon as it may; then CLOSE."""

    def internal_error(self, error_id: str) -> None:
        """The session failed in a way nobody foresaw: answer the event blandly (451, NO [SERVERBUG], -ERR)."""


class Paced(Protocol):
    """An engine whose peer may be slow, but not for ever: octets that come one by one never end by silence."""

    @property
    def body_pace(self) -> tuple[int, float]:
        """The number of the body that is coming now (0: none), and the seconds that it may take in all so far."""


class Wire(Protocol[ResponseT_contra]):
    """What a session may ask of its connection beside answering: pushed news, room, the end."""

    @property
    def peer(self) -> Peer: ...

    @property
    def cid(self) -> str:
        """The connection's name in the log."""

    def channel_binding(self, kind: str) -> bytes | None:
        """What only the two ends of this TLS connection know (RFC 5056); None when there is none of that kind."""

    def settled(self) -> None:
        """Somebody has logged in: the connection no longer counts among its address's strangers."""

    def send(self, response: ResponseT_contra) -> None:
        """Give a response to the engine now; it leaves with the next flush (at once when no event is being handled)."""

    def flush(self) -> None:
        """Write what the engine has made."""

    def room(self) -> Awaitable[None]:
        """Flush, and wait until the peer has read enough.  Raises ConnectionError once the connection is lost."""

    @property
    def unread(self) -> int:
        """Octets that were pushed to a peer that does not read them."""

    def close(self) -> None:
        """Flush and close, without waiting for the peer."""


class Session(Protocol[EventT_contra, ResponseT_co]):
    """The acting side of one connection.  Built by its factory with the `Wire`."""

    def greet(self) -> ResponseT_co | None:
        """The first words of the server, or None when the engine has them.  Not called again after STARTTLS."""

    def handle(self, event: EventT_contra) -> Coroutine[Any, Any, ResponseT_co | None]:
        """Do what the event asks; the answer is sent, None when there is none (body chunks)."""

    def tls_started(self) -> None:
        """TLS has come up; `wire.peer` is new."""

    def lost(self, reason: str) -> None:
        """The connection is gone: release everything.  Called exactly once, also after a clean end."""
