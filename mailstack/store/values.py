"""What the store holds and tells, as values; no I/O here.

Names of mailboxes are text in the server's own form: hierarchy separator `/`,
`INBOX` in capitals, Unicode NFC; the wire forms (modified UTF-7, UTF-8) and the
file names (Maildir++) are made from it by `imap.names` and `store.maildir`.
Flags are text: system flags with their backslash and capital (`\\Seen`),
keywords as the client first spelled them, compared without case.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import accumulate
from typing import Any, NamedTuple, NewType, Protocol

__all__ = [
    "DEFAULT_FOLDERS",
    "DIGEST_UIDS",
    "INBOX",
    "MAX_ANNOTATIONS",
    "MAX_ANNOTATION_OCTETS",
    "NO_QUOTA",
    "SEPARATOR",
    "SYSTEM_FLAGS",
    "Annotated",
    "Appended",
    "Arrived",
    "Carried",
    "Change",
    "Checked",
    "Copied",
    "Digest",
    "Expunged",
    "Filed",
    "FlagMode",
    "FlagsChanged",
    "Folder",
    "FolderCreated",
    "FolderDeleted",
    "FolderRenamed",
    "FolderSubscribed",
    "Incoming",
    "Kept",
    "Listed",
    "MailboxId",
    "MailboxInvalidated",
    "Moved",
    "Quota",
    "SpecialUse",
    "Staged",
    "Status",
    "Uid",
    "Usage",
]

MailboxId = NewType("MailboxId", int)
Uid = NewType("Uid", int)

INBOX = "INBOX"
SEPARATOR = "/"
MAX_ANNOTATIONS = 100  # of a mailbox, or of the account itself
MAX_ANNOTATION_OCTETS = 64 << 10  # of a value
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

    def park(self) -> None:
        """After `finish`: wait outside memory, without an open file.  OSError when the disk refuses."""

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


class Filed(NamedTuple):
    """Where one copy of a delivered message is."""

    account: str
    mailbox: str
    uid: int


@dataclass(frozen=True, slots=True)
class Copied:
    """COPYUID: `sources[i]` became `targets[i]`; both ascending.  Messages that were gone are left out."""

    uidvalidity: int
    sources: tuple[int, ...]
    targets: tuple[int, ...]


Moved = Copied


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account keeps.  Octets count as RFC822.SIZE does; what was expunged does not count."""

    messages: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """How much an account may keep; 0 sets no limit.  `waits`: senders are asked to try again later, not refused."""

    octets: int = 0
    messages: int = 0
    waits: bool = False

    @property
    def is_none(self) -> bool:
        """Nothing is limited: there is no need to know what is used."""
        return not (self.octets or self.messages)

    def has_room(self, used: Usage, messages: int, octets: int) -> bool:
        """For so much more."""
        return not (
            (self.octets and used.octets + octets > self.octets)
            or (self.messages and used.messages + messages > self.messages)
        )


NO_QUOTA = Quota()


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


@dataclass(frozen=True, slots=True)
class Annotated:
    """Annotations of these names have changed or gone; `folder` None: the account's own.  RFC 5464"""

    account: str
    folder: Folder | None
    names: tuple[str, ...]
    source: object | None = field(default=None, compare=False)


Change = (
    Arrived
    | FlagsChanged
    | Expunged
    | MailboxInvalidated
    | FolderCreated
    | FolderDeleted
    | FolderRenamed
    | FolderSubscribed
    | Annotated
)


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


@dataclass(frozen=True, slots=True)
class Kept:
    """An expunged message that can still be brought back.  `date` and `expunged` are UNIX seconds.

    `inode` is not 0 when its file has further names: it may lie in another mailbox as well, as old clients move.
    """

    id: str
    path: str
    mailbox: int
    folder: str
    uid: int
    size: int
    date: int
    flags: tuple[str, ...]
    expunged: int
    inode: int = 0
    elsewhere: bool = False  # it does
    sender: str = ""  # for people, like `subject`
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """A message that is brought in: its file (CRLF, on the mail's file system), which becomes the message's.

    `date` is UNIX seconds; `key` is not 0 when the message shall come only once (store.transfer).
    """

    path: str
    flags: tuple[str, ...]
    date: int
    key: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A message for the tools: where its file is (under one of these names), and what to know of it."""

    uid: int
    flags: tuple[str, ...]
    date: int
    size: int
    unique: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """An account's index against its files: `findings` are (mailbox, what is or was wrong)."""

    account: str
    messages: int
    findings: tuple[tuple[str, str], ...]
    whole: bool  # nothing is wrong (any more)
