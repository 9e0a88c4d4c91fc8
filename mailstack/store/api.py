"""What the store holds and tells, as values; no I/O here.

Names of mailboxes are text in the server's own form: hierarchy separator `/`,
`INBOX` in capitals, Unicode NFC; the wire forms (modified UTF-7, UTF-8) and the
file names (Maildir++) are made from it by `imap.names` and `store.maildir`.
Flags are text: system flags with their backslash and capital (`\\Seen`),
keywords as the client first spelled them, compared without case.
"""

from array import array
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import accumulate
from typing import Any, Literal, NewType, Protocol, TypeVar

__all__ = [
    "DEFAULT_FOLDERS",
    "DIGEST_UIDS",
    "INBOX",
    "SEPARATOR",
    "SYSTEM_FLAGS",
    "Appended",
    "Arrived",
    "Change",
    "Checked",
    "CheckedStore",
    "Copied",
    "Digest",
    "Expunged",
    "FlagMode",
    "FlagsChanged",
    "Folder",
    "FolderCreated",
    "FolderDeleted",
    "FolderRenamed",
    "FolderSubscribed",
    "Incoming",
    "Ledger",
    "MailboxId",
    "MailboxInvalidated",
    "Moved",
    "SpecialUse",
    "Staged",
    "Status",
    "Uid",
]

MailboxId = NewType("MailboxId", int)
Uid = NewType("Uid", int)

INBOX = "INBOX"
SEPARATOR = "/"
SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


class SpecialUse(Enum):
    """RFC 6154 §2: what a mailbox is for."""

    ARCHIVE = "\\Archive"
    DRAFTS = "\\Drafts"
    JUNK = "\\Junk"
    SENT = "\\Sent"
    TRASH = "\\Trash"


# made with every account, subscribed: Outlook of the older kind expects them to exist
DEFAULT_FOLDERS = (
    ("Drafts", SpecialUse.DRAFTS),
    ("Sent", SpecialUse.SENT),
    ("Trash", SpecialUse.TRASH),
    ("Junk", SpecialUse.JUNK),
    ("Archive", SpecialUse.ARCHIVE),
)


@dataclass(frozen=True, slots=True)
class Folder:
    """One mailbox as LIST shows it.  A name without a mailbox (\\NoSelect parent) is no Folder: it has no files."""

    id: MailboxId
    name: str
    uidvalidity: int
    special_use: SpecialUse | None = None
    subscribed: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """RFC 9051 §6.3.11 and RFC 3501's RECENT; sizes in octets as IMAP counts them (CRLF)."""

    messages: int
    recent: int
    unseen: int
    deleted: int
    uidnext: int
    uidvalidity: int
    size: int
    highest_modseq: int


class Staged(Protocol):
    """A message on its way in: written once, above 64 KiB straight into a file, then placed by links.

    `base.staging.StagedFile` is the one implementation; store and queue place it.
    """

    @property
    def size(self) -> int:
        """Octets so far."""

    def write(self, data: bytes) -> None:
        """Append octets.  OSError when the disk refuses."""

    def finish(self) -> None:
        """No more will come; contents may be read and placed from now on."""

    def head(self) -> bytes:
        """The first octets, at least the whole header when that is below 64 KiB."""

    def read(self, offset: int, length: int) -> bytes: ...

    def place(self, path: str) -> None:
        """Make the message appear under `path` (atomically; many paths share one file).  Not yet durable."""

    def discard(self) -> None:
        """Forget it; what was placed stays.  Always right at the end, also twice or after `place`."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message to file: `flags` and `internal_date` as APPEND gives them."""

    staged: Staged
    flags: tuple[str, ...] = ()
    internal_date: datetime | None = None  # aware; None: now


@dataclass(frozen=True, slots=True)
class Appended:
    """APPENDUID: `uids[i]` is the UID of the i-th message."""

    mailbox: MailboxId
    uidvalidity: int
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """COPYUID: `sources[i]` became `targets[i]`; both ascending.  Messages that were gone are left out."""

    uidvalidity: int
    sources: tuple[int, ...]
    targets: tuple[int, ...]


Moved = Copied


class FlagMode(Enum):
    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


# --- Change: the closed set of what a store may tell.  Published only after it is durable. ---------------


@dataclass(frozen=True, slots=True)
class Arrived:
    """New messages, ascending, all greater than any UID before.  The columns hold them already."""

    mailbox: MailboxId
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """`source` is the token of the session that asked for it (it answers by itself), None for the disk or another."""

    mailbox: MailboxId
    uids: tuple[int, ...]
    modseq: int
    source: object | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Expunged:
    """Gone for good, ascending."""

    mailbox: MailboxId
    uids: tuple[int, ...]
    modseq: int


@dataclass(frozen=True, slots=True)
class MailboxInvalidated:
    """Deleted, or its UIDVALIDITY changed: sessions that have it open must end or deselect."""

    mailbox: MailboxId
    reason: str


@dataclass(frozen=True, slots=True)
class FolderCreated:
    account: str
    folder: Folder


@dataclass(frozen=True, slots=True)
class FolderDeleted:
    account: str
    folder: Folder


@dataclass(frozen=True, slots=True)
class FolderRenamed:
    account: str
    old_name: str
    folder: Folder


@dataclass(frozen=True, slots=True)
class FolderSubscribed:
    """Subscribed or unsubscribed: `subscribed` says which."""

    account: str
    name: str
    subscribed: bool


Change = (
    Arrived
    | FlagsChanged
    | Expunged
    | MailboxInvalidated
    | FolderCreated
    | FolderDeleted
    | FolderRenamed
    | FolderSubscribed
)


# --- durability -----------------------------------------------------------------------------------------

T = TypeVar("T")


class Ledger(Protocol):
    """The group commit, as the queue and other tables in the same database see it.

    `write` runs `work(connection)` inside the next write transaction, together with
    everybody else's; the awaitable ends when that transaction *and every file placed
    before the call* is on the disk.  A sync error is MailError(UNAVAILABLE), a full
    disk MailError(STORAGE_FULL), and then nothing of `work` has happened.
    `work` must be quick, touch no reactor and may be run again after a rollback.
    `syncs_files` False: it relies on no file placed before (an outcome, a removal), so only the rows are waited for.
    """

    def write(self, work: Callable[[Any], T], *, syncs_files: bool = True) -> Awaitable[T]: ...

    def read(self, work: Callable[[Any], T]) -> T:
        """Run a short read-only query at once, on the caller's thread, over what is committed."""

    def durable(self) -> Awaitable[None]:
        """Wait until every file placed before this call is on the disk."""


# --- the store's face: what flow, imap.server and pop3.server call ------------------------------------------------


class Columns(Protocol):
    """An open mailbox's messages as parallel columns, ascending by UID, shared by all its sessions.

    Index i is *not* a sequence number: a session counts by its own `imap.view`.
    """

    @property
    def uids(self) -> Sequence[int]: ...

    def position(self, uid: int) -> int | None:
        """Index of `uid`, None when it is gone."""

    def flags(self, uid: int) -> tuple[str, ...]:
        """Sorted system flags, then keywords.  KeyError when it is gone."""

    def flags_between(self, start: int, stop: int) -> Sequence[tuple[str, ...]]:
        """The same for the messages at the indices [start, stop), fast: clients poll whole mailboxes."""

    def size(self, uid: int) -> int:
        """RFC822.SIZE: octets with CRLF line ends."""

    def internal_date(self, uid: int) -> datetime: ...

    def sizes_between(self, start: int, stop: int) -> Sequence[int]:
        """Octets of the messages at the indices [start, stop)."""

    def seconds_between(self, start: int, stop: int) -> Sequence[int]:
        """Their internal dates as UNIX seconds."""

    def modseq(self, uid: int) -> int: ...

    def modseqs_between(self, start: int, stop: int) -> Sequence[int]:
        """Of the messages at the indices [start, stop)."""

    def changed_since(self, modseq: int) -> Sequence[int]:
        """UIDs, ascending, of the messages whose modseq is greater."""

    def first_unseen(self) -> int | None:
        """The lowest UID without \\Seen, None when there is none.  Kept, not searched for."""


class Content(Protocol):
    """A message's octets, CRLF whatever the file has.  Close it after use."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...

    def close(self) -> None: ...


DIGEST_UIDS = 256  # UIDs of one block: number n has those from n * DIGEST_UIDS on


@dataclass(frozen=True, slots=True, eq=False)
class Digest:
    """What is kept of one block of messages for searches: records one behind the other, each ended by 0xFF.

    `uids` ascending; the record of `uids[i]` ends before `ends[i] - 1`.  `memo` is for what readers make of it.
    """

    uids: "array[int]"
    ends: "array[int]"
    blob: bytes
    memo: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Mapping[int, bytes]) -> "Digest":
        """Of records by UID; none has 0xFF."""
        uids = array("Q", sorted(records))
        ends = array("Q", accumulate(len(records[uid]) + 1 for uid in uids))
        return cls(uids, ends, b"".join(records[uid] + b"\xff" for uid in uids))

    def records(self) -> Iterator[tuple[int, bytes]]:
        return zip(self.uids, self.blob.split(b"\xff"), strict=False)


class Mailbox(Protocol):
    """One open mailbox.  Async methods end when the change is durable; columns have it by then, watchers were told."""

    @property
    def folder(self) -> Folder: ...

    @property
    def columns(self) -> Columns: ...

    @property
    def uidnext(self) -> int: ...

    @property
    def highest_modseq(self) -> int: ...

    @property
    def keywords(self) -> Sequence[str]:
        """In use here, for FLAGS and PERMANENTFLAGS."""

    def claim_recent(self) -> int:
        """The first UID that no read-write session was told of yet; from now on it was.  RFC 3501 §2.3.2"""

    def watch(self, watcher: Callable[[Change], None]) -> None: ...

    def unwatch(self, watcher: Callable[[Change], None]) -> None: ...

    def release(self) -> None:
        """One session less; the columns may leave memory."""

    def content(self, uid: int) -> Content:
        """MailError(NO_SUCH_MESSAGE) when the file is gone."""

    def kept(
        self,
        item: Literal["envelope", "body", "bodystructure", "emailid", "preview"],
        uid: int,
        make: Callable[[Content], bytes],
    ) -> bytes:
        """Rendered octets of the message, made once and kept."""

    def digest(self, item: str, number: int) -> Digest:
        """What is kept of this block for searches; it may have more messages, fewer, or none."""

    def keep_digest(self, item: str, records: Mapping[int, bytes]) -> Digest:
        """The block with these records (by UID, all of one block) added."""

    async def set_flags(
        self, uids: Iterable[int], mode: FlagMode, flags: Iterable[str], *, source: object | None = None
    ) -> tuple[int, ...]:
        """The UIDs whose flags really changed."""

    async def set_flags_unchanged(
        self,
        uids: Iterable[int],
        mode: FlagMode,
        flags: Iterable[str],
        *,
        unchanged_since: int,
        source: object | None = None,
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Only of messages whose modseq is not greater: (UIDs changed, UIDs refused).  RFC 7162 §3.1.3"""

    def expunged_since(self, modseq: int) -> Sequence[int] | None:
        """UIDs that went after `modseq`, ascending; None when nobody remembers that far back.  RFC 7162 §3.2.6"""

    async def expunge(self, uids: Iterable[int]) -> tuple[int, ...]:
        """Remove these messages whatever their flags; UIDs that were gone are left out of the answer."""

    async def copy(self, uids: Iterable[int], target: str) -> Copied:
        """All or nothing.  MailError(NO_SUCH_MAILBOX) → TRYCREATE."""

    async def move(self, uids: Iterable[int], target: str) -> Moved: ...

    async def replace(self, uid: int, target: str, message: Incoming) -> Appended:
        """The message comes into `target`, and this one goes; both or neither.  MailError(NO_SUCH_MESSAGE)"""

    async def refresh(self) -> None:
        """Look at the folder on the disk now, and tell what changed."""


class MailAccount(Protocol):
    """One account's mailboxes."""

    @property
    def name(self) -> str: ...

    def folders(self) -> Sequence[Folder]:
        """Sorted by name, INBOX first."""

    def folder(self, name: str) -> Folder:
        """MailError(NO_SUCH_MAILBOX)."""

    def subscriptions(self) -> Sequence[str]:
        """Sorted; may hold names that do not exist (any more).  RFC 9051 §6.3.7"""

    async def create(self, name: str, special_use: SpecialUse | None = None) -> Folder: ...

    async def delete(self, name: str) -> None: ...

    async def rename(self, old_name: str, new_name: str) -> None:
        """Children go along; INBOX: its messages move, INBOX stays, empty (RFC 9051 §6.3.6)."""

    async def subscribe(self, name: str) -> None: ...

    async def unsubscribe(self, name: str) -> None: ...

    async def status(self, name: str) -> Status: ...

    async def open(self, name: str) -> Mailbox:
        """Looks at the disk first, so that files brought by other programs are in."""

    async def append(self, name: str, messages: Sequence[Incoming]) -> Appended: ...

    def watch(self, watcher: Callable[[Change], None]) -> None:
        """Folder changes of this account (created, deleted, renamed, subscribed)."""

    def unwatch(self, watcher: Callable[[Change], None]) -> None: ...

    def lock_maildrop(self) -> Callable[[], None]:
        """POP3's exclusive access; call the answer to release.  MailError(IN_USE).  RFC 1939 §3"""


@dataclass(frozen=True, slots=True)
class Checked:
    """An account's index against its files: `findings` are (mailbox, what is or was wrong)."""

    account: str
    messages: int
    findings: tuple[tuple[str, str], ...]
    whole: bool  # nothing is wrong (any more)


class CheckedStore(Protocol):
    """For the tools."""

    def accounts(self) -> Sequence[str]:
        """All that have mail, sorted."""

    async def check(self, account: str, *, repair: bool) -> Checked:
        """MailError(NO_SUCH_USER)"""


class MailStore(Protocol):
    """All accounts' mail."""

    async def account(self, name: str) -> MailAccount:
        """Open `alice@demo.test`; Maildir and default folders are made at first use."""

    def stage(self) -> Staged:
        """A new message on its way in.  MailError(STORAGE_FULL)."""

    async def deliver(self, staged: Staged, recipients: Sequence[tuple[str, str]]) -> None:
        """File one message for (account, mailbox) pairs, once for all; all or nothing, durable at the end.

        A mailbox that does not exist is the INBOX.
        """
