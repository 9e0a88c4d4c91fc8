"""What waits to be sent, and what became of it, as values; no I/O here."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from mailstack.store.api import Content
from mailstack.store.values import Staged

__all__ = [
    "EVERYBODY",
    "NO_WISHES",
    "Choice",
    "Courier",
    "Deferred",
    "Delivered",
    "Envelope",
    "Failed",
    "MailQueue",
    "Outcome",
    "QueueState",
    "QueuedRecipient",
    "Recipient",
    "RemoteReply",
    "Tls",
    "Try",
    "Wishes",
]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT.  `address` is `local@domain`, text, domain in lower case A-labels or U-labels as given.

    `orcpt` and `notify` are RFC 3461's, kept for relay and reports: ORCPT as given
    (`rfc822;…`), NOTIFY as upper-case words, empty when not given.
    """

    address: str
    orcpt: str = ""
    notify: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class Tls(Enum):
    """What the sender says about TLS on the message's way: RFC 8689"""

    AS_USUAL = ""  # as the recipients' domains ask for it
    REQUIRED = "required"  # REQUIRETLS: verified all the way, or a report
    OPTIONAL = "optional"  # `TLS-Required: No`: it shall arrive, whatever those domains ask for


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the sender asks of every server on the way, beside reports.

    `priority` is RFC 6710's, from -9 to 9.  Before `hold_until` nothing is sent (RFC 4865); `hold` is how
    that was said, for reports: `for;3600`.  After `deliver_by` the message comes back or its sender is
    told, as `by_mode` (RFC 2852: R or N, with T behind it) says.
    """

    tls: Tls = Tls.AS_USUAL
    priority: int = 0
    hold_until: datetime | None = None
    hold: str = ""
    deliver_by: datetime | None = None
    by_mode: str = ""


NO_WISHES = Wishes()


_OWN = " by this server"  # the end of `client`; that of a peer begins with its address and ends with a listener


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message in the queue and whom it is for.

    `reverse_path` is "" for the null sender.  `body` is 7BIT, 8BITMIME or BINARYMIME;
    `ret` (FULL, HDRS or "") and `envid` are RFC 3461's.
    """

    id: str
    reverse_path: str
    recipients: tuple[Recipient, ...]
    size: int
    arrived: datetime  # aware, UTC
    account: str = ""  # who submitted it; "" for mail that the server itself sends
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    client: str = ""  # "[192.0.2.1] by submission", for reports and `queue list`; "report by this server"
    wishes: Wishes = NO_WISHES

    @property
    def is_own(self) -> bool:
        """Whether it began here: submitted with a login, or a report of this server's.  Not what an alias passes on."""
        return bool(self.account) or self.client.endswith(_OWN)

    @property
    def set_out(self) -> datetime:
        """From when on it is tried."""
        return max(self.arrived, self.wishes.hold_until or self.arrived)


@dataclass(frozen=True, slots=True)
class RemoteReply:
    """What another server said, whole: it goes to the log and, word for word, into the bounce."""

    host: str  # name of the server, "" when none was reached
    code: int  # 550, or 0 when no reply came
    status: str  # "5.1.1": the server's own, or ours from RFC 3463 when it gave none
    text: str  # one line, or our words for what went wrong (no route, time-out, TLS)
    command: str = ""  # what we had said: "RCPT TO:<…>", "" for the connection

    @property
    def spoken(self) -> str:
        """`mx.example said 550 5.1.1 no such user`, or our own words."""
        if not self.code:
            return f"{self.status} {self.text}"
        return f"{self.host} said {self.code} {self.status} {self.text}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next server has taken it, or it is in the mailbox."""

    reply: RemoteReply
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384 verified", "" in the clear
    reports: bool = True  # it knows DSN, and so tells the sender of success by itself (RFC 3461 §5.2.2)
    keeps_time: bool = True  # it knows DELIVERBY, and so goes on watching the time (RFC 2852)
    here: bool = False  # in a mailbox of this server


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now; try again later."""

    reply: RemoteReply


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: report to the sender."""

    reply: RemoteReply


Outcome = Delivered | Deferred | Failed


class Courier(Protocol):
    """Carries one message to some of its recipients (all of one domain, or all of one route)."""

    def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Awaitable[Mapping[Recipient, Outcome]]:
        """An outcome for every recipient.  Never raises for what the network or the other server did."""


class QueueState(Enum):
    """How a recipient waits."""

    NEW = "new"  # never tried
    DEFERRED = "deferred"  # tried, and to be tried again
    HELD = "held"  # the operator's word is awaited
    SENDING = "sending"  # being tried now

    @classmethod
    def of(cls, tries: int) -> "QueueState":
        return cls.DEFERRED if tries else cls.NEW


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    """One row of `mailstack queue list`."""

    message_id: str
    reverse_path: str
    address: str
    arrived: datetime
    size: int
    tries: int
    next_try: datetime | None  # None: being tried now, or held
    state: QueueState
    last_reply: RemoteReply | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Try:
    """One try that did not succeed."""

    at: datetime
    reply: RemoteReply


@dataclass(frozen=True, slots=True)
class Choice:
    """Which recipients in the queue: all that is given must fit; nothing given is everybody.

    `which` is a message's id, an address or a domain.  In `domain`, `sender` and
    `recipient` a `*` stands for anything, and case counts nowhere; a `sender` without @ is a
    domain, `<>` the null sender.  `reason` is part of what the last try heard.
    """

    which: str = ""
    domain: str = ""
    sender: str = ""
    recipient: str = ""
    older_than: timedelta = timedelta(0)
    reason: str = ""
    state: QueueState | None = None


EVERYBODY = Choice()


class MailQueue(Protocol):
    """The durable queue.  What an operator asks for is done a page at a time: (result, where to go on or None)."""

    def enqueue(self, envelope: Envelope, staged: Staged) -> Awaitable[None]:
        """Take responsibility: durable when it ends, and the runner knows."""

    def size(self) -> tuple[int, int]:
        """Recipients and messages."""

    def list(
        self, choice: Choice = EVERYBODY, after: int = 0, shown: int = 1000
    ) -> tuple[Sequence[QueuedRecipient], int | None]:
        """Up to `shown` rows behind the row `after`, in the order of arrival."""

    def text(self, message_id: str, at_most: int) -> tuple[bytes, int]:
        """Its first octets, and how many there are.  FileNotFoundError, ValueError for what is no id."""

    def tries(self, choice: Choice) -> Sequence[tuple[QueuedRecipient, Sequence[Try]]]:
        """The first chosen ones, with what each try has heard."""

    def retry(self, choice: Choice, after: int = 0) -> Awaitable[tuple[int, int | None]]:
        """Make due now; how many recipients."""

    def hold(self, choice: Choice, after: int = 0) -> Awaitable[tuple[int, int | None]]:
        """Try no more until released; what runs just now ends first."""

    def release(self, choice: Choice, after: int = 0) -> Awaitable[tuple[int, int | None]]:
        """Go on with what is held, at the time when it would have been tried, or now if that has passed."""

    def drop(self, choice: Choice, after: int = 0) -> Awaitable[tuple[int, int | None]]:
        """Remove without a report."""
