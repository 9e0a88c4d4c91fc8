"""The store's seams: what flow, imap.server, pop3.server and the queue call.  Its values are in `store.values`."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from mailstack.store.values import (
    Appended,
    Carried,
    Change,
    Checked,
    Copied,
    Digest,
    Filed,
    FlagMode,
    Folder,
    Incoming,
    Kept,
    Listed,
    Moved,
    Quota,
    SpecialUse,
    Staged,
    Status,
    Usage,
)

__all__ = [
    "CarryingStore",
    "CheckedStore",
    "Columns",
    "Content",
    "KeepingStore",
    "Ledger",
    "MailAccount",
    "MailStore",
    "Mailbox",
]

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

    def octets(self, uid: int) -> bytes:
        """All of a message that is not long, as `content` has it.  MailError(NO_SUCH_MESSAGE)"""

    def kept(self, item: str, uid: int, make: Callable[[Content], bytes]) -> bytes:
        """Rendered octets of the message, made once and kept under the name `item`."""

    def kept_of(self, item: str, uids: Sequence[int]) -> list[bytes | None]:
        """Of many messages, which ascend, what is kept; None where nothing is."""

    def keep(self, item: str, uid: int, octets: bytes) -> None:
        """Keep it, for `kept` and `kept_of`."""

    def saved(self, uids: Sequence[int]) -> Sequence[int | None]:
        """When each of these ascending UIDs came into this mailbox, as UNIX seconds; None when it is gone.  RFC 8514"""

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

    async def expunge(self, uids: Iterable[int], *, for_good: bool = False) -> tuple[int, ...]:
        """Remove these messages whatever their flags; UIDs that were gone are left out of the answer.

        They can be brought back for a time, unless it is `for_good`.
        """

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

    async def refresh(self) -> None:
        """See what other programs did to the folders; costs next to nothing when they did nothing."""

    def folders(self) -> Sequence[Folder]:
        """Sorted by name, INBOX first."""

    def folder(self, name: str) -> Folder:
        """MailError(NO_SUCH_MAILBOX)."""

    def subscriptions(self) -> Sequence[str]:
        """Sorted; may hold names that do not exist (any more).  RFC 9051 §6.3.7"""

    async def create(self, name: str, special_use: SpecialUse | None = None) -> Folder: ...

    async def delete(self, name: str, *, for_good: bool = False) -> None:
        """Its mail can be brought back for a time, unless it is `for_good`."""

    async def rename(self, old_name: str, new_name: str) -> None:
        """Children go along; INBOX: its messages move, INBOX stays, empty (RFC 9051 §6.3.6)."""

    async def subscribe(self, name: str) -> None: ...

    async def unsubscribe(self, name: str) -> None: ...

    def annotations(self, name: str | None) -> Mapping[str, bytes]:
        """By name, sorted; `name` None: the account's own.  MailError(NO_SUCH_MAILBOX).  RFC 5464"""

    async def annotate(
        self, name: str | None, values: Mapping[str, bytes | None], *, source: object | None = None
    ) -> None:
        """Set all of these, None takes one away; or none.

        `source` comes back in the Change.  MailError(NO_SUCH_MAILBOX), LIMIT: too many, OVER_QUOTA: too much
        """

    async def status(self, name: str) -> Status: ...

    def deleted_octets(self, name: str) -> int:
        """Of the messages with \\Deleted.  MailError(NO_SUCH_MAILBOX)"""

    def known_status(self, name: str) -> Status:
        """The same at once, without a look at the disk.  MailError(NO_SUCH_MAILBOX)"""

    async def open(self, name: str) -> Mailbox:
        """Looks at the disk first, so that files brought by other programs are in."""

    async def append(self, name: str, messages: Sequence[Incoming]) -> Appended: ...

    def quota(self) -> Quota:
        """What the account may keep."""

    def usage(self) -> Usage:
        """What it keeps."""

    def watch(self, watcher: Callable[[Change], None]) -> None:
        """Folder changes of this account (created, deleted, renamed, subscribed, annotated)."""

    def unwatch(self, watcher: Callable[[Change], None]) -> None: ...

    def watch_messages(self, watcher: Callable[[Change], None]) -> None:
        """Messages that come, go or change in any of its mailboxes, also in those that nobody has open."""

    def unwatch_messages(self, watcher: Callable[[Change], None]) -> None: ...

    def lock_maildrop(self) -> Callable[[], None]:
        """POP3's exclusive access; call the answer to release.  MailError(IN_USE).  RFC 1939 §3"""


class KeepingStore(Protocol):
    """Expunged mail."""

    async def kept(self, account: str, *, described: bool = False) -> Sequence[Kept]:
        """What can be brought back, the oldest first; `described`: with sender and subject.  MailError(NO_SUCH_USER)"""

    async def bring_back(self, account: str, kept: Sequence[Kept], into: str | None = None) -> Mapping[str, int]:
        """With dates and flags, each into its mailbox or all into one; mailbox → how many.  Durable at the end."""

    async def forget_kept(self, account: str) -> None:
        """Remove all of it for good."""


class CarryingStore(Protocol):
    """Mail brought in from elsewhere, and out: for the tools.  Quotas do not hinder them."""

    async def account(self, name: str) -> MailAccount: ...

    async def take_in(self, account: str, folder: str, carried: Sequence[Carried]) -> tuple[int, int]:
        """(came, had come before); all or none, durable at the end.  MailError(BAD_MAILBOX_NAME), OSError"""

    def known_keys(self, account: str, folder: str) -> Sequence[int]:
        """Of what has come before, ascending."""

    async def forget_keys(self, account: str) -> None: ...

    async def listed(self, account: str, folder: str, after: int, limit: int) -> Sequence[Listed]:
        """Messages with a greater UID, ascending.  MailError(NO_SUCH_USER | NO_SUCH_MAILBOX)"""


class CheckedStore(Protocol):
    """For the tools."""

    def accounts(self) -> Sequence[str]:
        """All that have mail, sorted."""

    def usage(self, account: str) -> Usage:
        """What it keeps; nothing when it has no mail here."""

    async def accounts_on_disk(self) -> Sequence[str]:
        """Also those of which the index knows nothing, sorted."""

    async def rebuild(self, account: str) -> int:
        """Make its rows anew from its files; how many messages it has.  MailError(NO_SUCH_USER)"""

    async def check(self, account: str, *, repair: bool) -> Checked:
        """MailError(NO_SUCH_USER)"""


class MailStore(Protocol):
    """All accounts' mail."""

    async def account(self, name: str) -> MailAccount:
        """Open `alice@demo.test`; Maildir and default folders are made at first use."""

    def stage(self) -> Staged:
        """A new message on its way in.  MailError(STORAGE_FULL)."""

    async def deliver(
        self, staged: Staged, recipients: Sequence[tuple[str, str]], *, keeps_to_quotas: bool = True
    ) -> Sequence[Filed]:
        """File one message for (account, mailbox) pairs, once for all; all or nothing, durable at the end.

        A mailbox that does not exist is the INBOX.  MailError(OVER_QUOTA | OVER_QUOTA_NOW) when it is too much for one.
        """

    def expect_room(self, account: str, octets: int) -> None:
        """For a message of this size, as far as is known now.  MailError(OVER_QUOTA | OVER_QUOTA_NOW)"""
