"""One open mailbox, shared by all its sessions: columns in memory, and changes asked for through the writer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log
from mailstack.base.spans import spelled
from mailstack.store import changing, content, filing, maildir
from mailstack.store.api import Content
from mailstack.store.columns import MailColumns
from mailstack.store.effects import Added, Reflagged, Removed
from mailstack.store.feed import Feed
from mailstack.store.flags import merged
from mailstack.store.foldering import Home
from mailstack.store.index import messages, tombstones
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.memory import Memory
from mailstack.store.txn import Txn
from mailstack.store.values import (
    Appended,
    Arrived,
    Change,
    Copied,
    Digest,
    Expunged,
    FlagMode,
    FlagsChanged,
    Folder,
    Incoming,
    MailboxInvalidated,
    Moved,
    Status,
)

__all__ = ["OpenMailbox"]

READ_AHEAD = 100  # rows


class OpenMailbox:
    """Implements `store.api.Mailbox`.  Made by store.account when the first session opens it."""

    def __init__(self, memory: Memory, home: Home, box: Box, folder: Folder, columns: MailColumns) -> None:
        self._memory = memory
        self._home = home
        self.folder = folder
        self.path = home.path(box)
        self.columns = columns
        self.uidnext = box.uidnext
        self.highest_modseq = box.modseq
        self.recent = box.recent
        self.sessions = 0
        self._ahead: dict[int, Row] = {}  # rows that were read, for the messages that will be asked for next
        self._next = 0  # the UID behind the last one that was asked for
        self.is_gone = False
        self.feed = Feed()

    @property
    def keywords(self) -> Sequence[str]:
        return self.columns.keyword_names

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def is_watched(self) -> bool:
        return bool(self.feed)

    def status(self) -> Status:
        total, recent, unseen, deleted, octets = self.columns.counts(self.recent)
        uidvalidity = self.folder.uidvalidity
        return Status(total, recent, unseen, deleted, self.uidnext, uidvalidity, octets, self.highest_modseq)

    # --- store.api.Mailbox ---------------------------------------------------------------------------

    def claim_recent(self) -> int:
        first, self.recent = self.recent, self.uidnext
        if first != self.uidnext:
            recent = self.uidnext
            self._memory.write_unwatched(lambda txn: changing.claim_recent(txn, self.folder.id, recent))
        return first

    def watch(self, watcher: Callable[[Change], None]) -> None:
        self.feed.watch(watcher)
        self._memory.follow(self, self.path)

    def unwatch(self, watcher: Callable[[Change], None]) -> None:
        self.feed.unwatch(watcher)
        if not self.feed:
            self._memory.unfollow(self.folder.id)

    def release(self) -> None:
        self.sessions -= 1
        if self.sessions == 0:
            self._memory.is_idle(self)

    def content(self, uid: int) -> Content:
        base, letters, size = self._place(uid)
        return content.open_message(self.path, base, letters, size, self._memory.line_maps)

    def octets(self, uid: int) -> bytes:
        return content.read_message(self.path, *self._place(uid))

    def _place(self, uid: int) -> tuple[str, tuple[str, str], int]:
        """The name of its file up to the letters, those that may be behind it, its size."""
        row = self._row(uid)
        if row is None or self.columns.position(uid) is None:
            raise MailError(Condition.NO_SUCH_MESSAGE, "Message is gone")
        return row.base, (merged(row.flags, row.disk), row.disk), row.size

    def _row(self, uid: int) -> Row | None:
        """Who reads one message after the other has the rows of the next ones read together, each for once.

        A name that has changed meanwhile costs a second look at the disk (store.content); what is gone is
        not in the columns any more.
        """
        row = self._ahead.pop(uid, None)
        if row is not None:
            self._next = uid + 1
            return row
        many = READ_AHEAD if self._next <= uid < self._next + READ_AHEAD else 1
        self._next = uid + 1
        rows = self._memory.read(lambda db: messages.between(db, self.folder.id, uid, uid + many))
        self._ahead = {row.uid: row for row in rows}
        return self._ahead.pop(uid, None)

    def kept(self, item: str, uid: int, make: Callable[[Content], bytes]) -> bytes:
        def from_file() -> bytes:
            opened = self.content(uid)
            try:
                return make(opened)
            finally:
                opened.close()

        return self._memory.kept.get(self.folder.id, self.folder.uidvalidity, item, uid, from_file)

    def kept_of(self, item: str, uids: Sequence[int]) -> list[bytes | None]:
        return self._memory.kept.of(self.folder.id, self.folder.uidvalidity, item, uids)

    def keep(self, item: str, uid: int, octets: bytes) -> None:
        self._memory.kept.keep(self.folder.id, self.folder.uidvalidity, item, uid, octets)

    def saved(self, uids: Sequence[int]) -> Sequence[int | None]:
        """The name that a file gets when it comes into a mailbox begins with the seconds: nothing else is to be kept.

        A name of another program that does not begin so stands for the internal date.
        """
        rows = self._memory.read(lambda db: messages.some(db, self.folder.id, uids))
        when = {row.uid: maildir.saved_at(row.base) or row.date for row in rows}
        return [when.get(uid) for uid in uids]

    def digest(self, item: str, number: int) -> Digest:
        return self._memory.digests.get(self.folder.id, self.folder.uidvalidity, item, number)

    def keep_digest(self, item: str, records: Mapping[int, bytes]) -> Digest:
        place = self.folder.id, self.folder.uidvalidity
        return self._memory.digests.add(*place, item, records, self.columns.position)

    async def set_flags(
        self, uids: Iterable[int], mode: FlagMode, flags: Iterable[str], *, source: object | None = None
    ) -> tuple[int, ...]:
        changed, _ = await self._set_flags(uids, mode, flags, None, source)
        return changed

    async def set_flags_unchanged(
        self,
        uids: Iterable[int],
        mode: FlagMode,
        flags: Iterable[str],
        *,
        unchanged_since: int,
        source: object | None = None,
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return await self._set_flags(uids, mode, flags, unchanged_since, source)

    async def _set_flags(
        self,
        uids: Iterable[int],
        mode: FlagMode,
        flags: Iterable[str],
        unchanged_since: int | None,
        source: object | None,
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        wanted, names = tuple(uids), tuple(flags)
        return await self._memory.write(
            lambda txn: changing.set_flags(
                txn, self._home, self.folder.id, wanted, mode, names, source, unchanged_since
            )
        )

    def expunged_since(self, modseq: int) -> Sequence[int] | None:
        if modseq >= self.highest_modseq:
            return ()
        return self._memory.read(lambda db: tombstones.since(db, self.folder.id, modseq))

    async def expunge(self, uids: Iterable[int], *, for_good: bool = False) -> tuple[int, ...]:
        wanted = tuple(uids)
        gone = await self._memory.write(lambda txn: changing.expunge(txn, self.folder.id, wanted, for_good=for_good))
        if gone:
            log(Event.MAIL_EXPUNGED, account=self._home.name, mailbox=self.folder.name, uids=spelled(gone))
        return gone

    async def copy(self, uids: Iterable[int], target: str) -> Copied:
        wanted = tuple(uids)
        self._memory.quota(self._home.name)
        return await self._memory.write(lambda txn: filing.copy(txn, self._home, self.folder.id, wanted, target))

    async def move(self, uids: Iterable[int], target: str) -> Moved:
        wanted = tuple(uids)
        moved = await self._memory.write(lambda txn: filing.move(txn, self._home, self.folder.id, wanted, target))
        if moved.sources:
            gone, became = spelled(moved.sources), spelled(moved.targets)
            where = {"account": self._home.name, "mailbox": self.folder.name, "target": target}
            log(Event.MAIL_MOVED, **where, uids=gone, became=became)
        return moved

    async def replace(self, uid: int, target: str, message: Incoming) -> Appended:
        self._memory.quota(self._home.name)

        def work(txn: Txn) -> Appended:
            old = messages.get(txn.db, self.folder.id, uid)
            appended = filing.append(txn, self._home.name, target, [message], instead_of=old and old.size)
            if not changing.expunge(txn, self.folder.id, [uid]):
                raise MailError(Condition.NO_SUCH_MESSAGE, "Message is gone")
            return appended

        return await self._memory.write(work)

    async def refresh(self) -> None:
        if self.seems_changed():
            await self._memory.look_at(self.folder.id)

    def seems_changed(self) -> bool:
        return self._memory.site.stamps.seems_changed(self.folder.id, self.path, len(self.columns))

    # --- changes that are durable, in the order of their commits ---------------------------------------------

    def knows(self, modseq: int) -> bool:
        """It was read when a change of this time was committed, but not told yet."""
        return modseq <= self.highest_modseq

    def added(self, effect: Added) -> None:
        self._keep_counters(effect.box)
        self.columns.append(effect.rows)
        self.feed.publish(Arrived(self.folder.id, tuple(row.uid for row in effect.rows)))

    def reflagged(self, effect: Reflagged) -> None:
        self._keep_counters(effect.box)
        self.columns.reflag(effect.flags, effect.modseq)
        uids = tuple(uid for uid, _ in effect.flags)
        if uids:
            self.feed.publish(FlagsChanged(self.folder.id, uids, effect.modseq, effect.source))

    def removed(self, effect: Removed) -> None:
        self._keep_counters(effect.box)
        self.columns.remove(effect.uids)
        self.feed.publish(Expunged(self.folder.id, effect.uids, effect.modseq))

    def _keep_counters(self, box: Box) -> None:
        self._ahead.clear()
        self.uidnext = box.uidnext
        self.highest_modseq = box.modseq
        self.columns.keywords = box.keywords

    def renamed(self, folder: Folder, path: str) -> None:
        self.folder, self.path = folder, path

    def subscribed(self, *, yes: bool) -> None:
        self.folder = replace(self.folder, subscribed=yes)

    def invalidated(self, reason: str) -> None:
        self.is_gone = True
        self.feed.publish(MailboxInvalidated(self.folder.id, reason))
