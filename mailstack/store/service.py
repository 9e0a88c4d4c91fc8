"""The store as the rest of the server sees it: `Store`, and its `ledger` for others' tables in the same database.

<root>/index.sqlite      all rows; can be made again from the mail
<root>/cache.sqlite      may be deleted at any time
<root>/lock              one process at a time
<root>/mail/             <domain>/<local>/ are Maildirs (store.maildir)
<root>/mail/.staging/    messages on their way in
"""

import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.base.histogram import Histogram
from mailstack.base.staging import StagedFile
from mailstack.store import foldering, maildir
from mailstack.store.account import OpenAccount
from mailstack.store.batches import WriteJob
from mailstack.store.checking import check_mailbox, check_usage
from mailstack.store.effects import AccountRead
from mailstack.store.flags import Keywords, merged, names_of
from mailstack.store.index import accounts, imported, mailboxes, messages, usage
from mailstack.store.index.messages import Row
from mailstack.store.memory import Memory, as_known
from mailstack.store.opened import How, Opened, open_store
from mailstack.store.quota import refusal
from mailstack.store.rebuilding import rebuild
from mailstack.store.rescue import check_aside
from mailstack.store.room import RESERVE_OCTETS, Room
from mailstack.store.taking import take_in
from mailstack.store.txn import Txn
from mailstack.store.undelete import bring_back, forget, kept_of, sweep_all
from mailstack.store.values import NO_QUOTA, Carried, Checked, Filed, Kept, Listed, Quota, Staged, Usage
from mailstack.store.watching import Watching

__all__ = ["Store", "StoreLedger"]

T = TypeVar("T")

MEMORY_OCTETS = 256 << 20
POLL_SECONDS = 1.0  # until another program's mail is seen without inotify; a tenth of the mailboxes at a time
POLL_TURNS = 10
SWEEP_SECONDS = 60.0
POLL_FOLLOWED = 30  # every so many rounds also those that inotify tells about


class Store:
    """Implements `store.api.MailStore`.

    Constructing it touches no disk (it may be another user, before a fork); `start`
    opens it.  `reactor` None runs everything on the caller's thread and at once, so that
    every awaitable has ended when it is given out.  `durability` "none" is for tests.
    """

    def __init__(
        self,
        root: str,
        *,
        reactor: Any = None,
        durability: How = "syncfs",
        mail: str | None = None,
        reserve: int = RESERVE_OCTETS,
        now: Callable[[], float] = time.time,
        quota_of: Callable[[str], Quota] = lambda _: NO_QUOTA,
        keep_expunged: float = 0,
        memory: int = MEMORY_OCTETS,
    ) -> None:
        """`memory`: about how many octets all that is kept only to be quicker may take.

        `keep_expunged`: for how many seconds expunged mail can be brought back; 0 removes it at once.
        """
        self._memory_octets = memory
        self._root = root
        self._mail = mail or f"{root}/mail"
        self.mail_folder = self._mail
        self._staging = f"{self._mail}/.staging"
        self._reactor = reactor
        self._durability: How = durability
        self._now = now
        self._quota_of = quota_of
        self._keep_expunged = keep_expunged
        self._room = Room([self._mail, root], reserve, now)
        self._opened: Opened | None = None
        self._polling: LoopingCall | None = None
        self._sweeping: LoopingCall | None = None
        self.ledger = StoreLedger(self)

    @classmethod
    def inline(cls, root: object, **options: Any) -> "Store":
        """For tests: no threads, no reactor, no syncs; started."""
        store = cls(str(root), durability="none", **options)
        store.start()
        return store

    # --- life ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """MailError(IN_USE): another process has it; MailError(UNAVAILABLE): the mail of this index is not there."""
        for folder in (self._root, self._mail, self._staging):
            Path(folder).mkdir(files.FOLDER_MODE, parents=True, exist_ok=True)
        self._opened = open_store(
            self._root, self._mail, self._reactor, self._durability, self._now, self._memory_octets
        )
        self._memory.quota_of = self._quota_of
        self._memory.site.keep_seconds = self._keep_expunged
        for left in Path(self._staging).iterdir():
            left.unlink()  # it was never accepted
        self._opened.committer.start()
        if self._reactor is not None:
            self._poll_always()

    def _poll_always(self) -> None:
        with suppress(OSError):
            self._memory.watching = Watching(self._reactor, self._refresh)
        turns = itertools.cycle(range(POLL_TURNS * POLL_FOLLOWED))
        self._polling = LoopingCall(lambda: self._poll_some(next(turns)))
        self._polling.clock = self._reactor
        self._polling.start(POLL_SECONDS / POLL_TURNS, now=False)
        self._sweeping = LoopingCall(lambda: Deferred.fromCoroutine(self.sweep()))
        self._sweeping.clock = self._reactor
        self._sweeping.start(SWEEP_SECONDS, now=False)

    def _poll_some(self, turn: int) -> Deferred[None]:
        followed = turn < POLL_TURNS
        return Deferred.fromCoroutine(self._memory.poll(turn % POLL_TURNS, POLL_TURNS, followed=followed))

    @property
    def keep_expunged(self) -> float:
        return self._keep_expunged

    @keep_expunged.setter
    def keep_expunged(self, seconds: float) -> None:
        self._keep_expunged = seconds
        if self._opened is not None:
            self._memory.site.keep_seconds = seconds

    async def sweep(self) -> int:
        """Remove for good, up to some thousand files, what has been expunged for long; how many."""
        site = self._memory.site
        homes = [site.account_path(name) for name in self.accounts()]
        return await self._in_thread(lambda: sweep_all(homes, site.now(), site.keep_seconds))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Without a reactor at once."""
        if self._reactor is None:
            return work()
        done: T = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work)
        return done

    def _refresh(self, mailbox: int) -> None:
        if self._opened is not None:
            Deferred.fromCoroutine(self._memory.refresh(mailbox))

    async def stop(self) -> None:
        """Ends when everything that was asked for is durable and the names on the disk say what the index does."""
        for repeated in (self._polling, self._sweeping):
            if repeated is not None and repeated.running:
                repeated.stop()
        if self._opened is not None:
            watching, self._memory.watching = self._memory.watching, None
            if watching is not None:
                watching.close()
            self._opened.keep_caches(self._root)
            await self._opened.committer.stop()
        self.abandon()

    def abandon(self) -> None:
        """Let everything go as it is.  By itself (without `stop`) it is what a crash leaves, for tests."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    async def poll(self) -> None:
        """Look whether other programs changed any mailbox that somebody watches."""
        await self._memory.poll(0, 1)

    @property
    def opened(self) -> Opened:
        """MailError(SHUTTING_DOWN) before the start and after the end."""
        if self._opened is None:
            raise MailError(Condition.SHUTTING_DOWN, "Shutting down", detail="the store is not open")
        return self._opened

    @property
    def trouble(self) -> str:
        """Why mail is refused, or nothing can be changed, just now; "" when all is well.  For health and metrics."""
        return self.opened.committer.trouble or self._room.trouble

    @property
    def batch_sizes(self) -> Histogram:
        """How many callers' work each commit has made durable.  MailError(SHUTTING_DOWN)"""
        return self.opened.batches.sizes

    @property
    def _memory(self) -> Memory:
        return self.opened.memory

    # --- store.api.MailStore -------------------------------------------------------------------------

    async def account(self, name: str) -> OpenAccount:
        memory = self._memory
        account = memory.accounts.get(name)
        if not isinstance(account, OpenAccount) or account.seems_changed():
            account = await self._read_account(name)
        memory.staying_accounts.used(name)
        return account

    async def _read_account(self, name: str) -> OpenAccount:
        memory = self._memory
        with as_known():
            await memory.write(lambda txn: foldering.read_account(txn, name), lambda told: _keep(memory, told))
        if name not in memory.accounts:  # the disk takes nothing
            _keep(memory, memory.read(lambda db: foldering.known_account(db, name)))
        account = memory.accounts[name]
        assert isinstance(account, OpenAccount)
        return account

    def stage(self) -> Staged:
        self._room.check()
        return StagedFile(self._staging, sync=self._durability == "fsync")

    async def deliver(
        self, staged: Staged, recipients: Sequence[tuple[str, str]], *, keeps_to_quotas: bool = True
    ) -> Sequence[Filed]:
        return await self._memory.deliver(staged, tuple(recipients), keeps_to_quotas=keeps_to_quotas)

    def expect_room(self, account: str, octets: int) -> None:
        quota = self._memory.quota(account)
        if quota.is_none:
            return
        used = self.usage(account)
        if not quota.has_room(used, 1, max(octets, 1)):
            raise refusal(account, quota, used)

    # --- store.api.CheckedStore ------------------------------------------------------------------------

    def accounts(self) -> Sequence[str]:
        return self._memory.read(accounts.names)

    async def accounts_on_disk(self) -> Sequence[str]:
        """Also those that the index has lost."""
        return await self._in_thread(lambda: maildir.accounts_below(self._mail))

    async def rebuild(self, account: str) -> int:
        self._expect(account)
        opened = await self.account(account)
        total = sum([await self._memory.write(partial(_rebuild, mailbox=folder.id)) for folder in opened.folders()])
        await self._memory.write(partial(_check_usage, account=account, repair=True))
        return total

    def usage(self, account: str) -> Usage:
        return self._memory.read(partial(_used, account=account))

    async def kept(self, account: str, *, described: bool = False) -> Sequence[Kept]:
        self._expect(account)
        return await kept_of(self._memory, self._in_thread, account, described=described)

    async def bring_back(self, account: str, kept: Sequence[Kept], into: str | None = None) -> Mapping[str, int]:
        self._expect(account)
        return await bring_back(self._memory, account, kept, into)

    async def take_in(self, account: str, folder: str, carried: Sequence[Carried]) -> tuple[int, int]:
        return await self._memory.write(lambda txn: take_in(txn, account, folder, carried))

    def known_keys(self, account: str, folder: str) -> Sequence[int]:
        def work(connection: Any) -> Sequence[int]:
            number = accounts.find(connection, account)
            return () if number is None else imported.keys(connection, number, maildir.normal(folder))

        return self._memory.read(work)

    async def forget_keys(self, account: str) -> None:
        await self._memory.write(lambda txn: imported.forget(txn.db, foldering.ensure_home(txn, account).id))

    async def listed(self, account: str, folder: str, after: int, limit: int) -> Sequence[Listed]:
        self._expect(account)
        opened = await self.account(account)
        place = opened.path_of(folder)
        return self._memory.read(lambda connection: listed(connection, *place, after, limit))

    async def forget_kept(self, account: str) -> None:
        await forget(self._memory, self._in_thread, account)

    def _expect(self, account: str) -> None:
        if account not in self.accounts() and not foldering.stamp_of(self._memory.site.account_path(account)):
            raise MailError(Condition.NO_SUCH_USER, f"{account} has no mail here")

    async def check(self, account: str, *, repair: bool) -> Checked:
        self._expect(account)
        opened = await self.account(account)
        total, findings = 0, []
        for folder in opened.folders():
            count, told = await self._memory.write(partial(_check, mailbox=folder.id, repair=repair))
            total += count
            findings += [(folder.name, each) for each in told]
        findings += await self._memory.write(partial(_check_aside, account=account, repair=repair))
        findings += [
            ("", each) for each in await self._memory.write(partial(_check_usage, account=account, repair=repair))
        ]
        whole = all(what.startswith("mended: ") for _, what in findings)
        return Checked(account, total, tuple(findings), whole)


def _used(connection: Any, account: str) -> Usage:
    number = accounts.find(connection, account)
    return Usage() if number is None else usage.of(connection, number)


def _check(txn: Txn, *, mailbox: int, repair: bool) -> tuple[int, Sequence[str]]:
    box, place = mailboxes.by_id(txn.db, mailbox), mailboxes.place_of(txn.db, mailbox)
    if box is None or place is None:
        return 0, ()  # deleted meanwhile
    home = foldering.Home(box.account, place[0], txn.site.account_path(place[0]))
    return check_mailbox(txn, home, box, repair=repair)


def listed(connection: Any, mailbox: int, path: str, after: int, limit: int) -> Sequence[Listed]:
    box = mailboxes.by_id(connection, mailbox)
    rows = messages.after(connection, mailbox, after, limit)
    return [_listed(row, path, () if box is None else box.keywords) for row in rows]


def _listed(row: Row, path: str, keywords: Keywords) -> Listed:
    names = dict.fromkeys((merged(row.flags, row.disk), row.disk))
    paths = tuple(f"{path}/cur/{maildir.file_name(row.base, letters)}" for letters in names)
    unique = maildir.read_base(row.base).unique
    return Listed(row.uid, names_of(row.flags, keywords), row.date, row.size, unique, paths)


def _rebuild(txn: Txn, *, mailbox: int) -> int:
    box, place = mailboxes.by_id(txn.db, mailbox), mailboxes.place_of(txn.db, mailbox)
    if box is None or place is None:
        return 0  # deleted meanwhile
    return rebuild(txn, foldering.Home(box.account, place[0], txn.site.account_path(place[0])), box)


def _check_aside(txn: Txn, *, account: str, repair: bool) -> Sequence[tuple[str, str]]:
    return check_aside(txn, account, foldering.ensure_home(txn, account), repair=repair)


def _check_usage(txn: Txn, *, account: str, repair: bool) -> Sequence[str]:
    return check_usage(txn, foldering.ensure_home(txn, account), repair=repair)


def _keep(memory: Memory, told: AccountRead) -> None:
    account = memory.accounts.get(told.account)
    if isinstance(account, OpenAccount):
        account.update(told)
    else:
        memory.keep_account(told.account, OpenAccount(memory, told))


class StoreLedger:
    """Implements `store.api.Ledger`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, work: Callable[[Any], T], *, syncs_files: bool = True) -> Awaitable[T]:
        return self._store.opened.committer.submit(WriteJob(work, syncs_files=syncs_files))

    def read(self, work: Callable[[Any], T]) -> T:
        return work(self._store.opened.reader)

    def durable(self) -> Awaitable[None]:
        return self._store.opened.committer.submit(WriteJob(_nothing))


def _nothing(_connection: Any) -> None:
    """A job that waits for the sync only."""
