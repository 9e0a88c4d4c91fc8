"""The store as the rest of the server sees it: `Store`, and its `ledger` for others' tables in the same database.

<root>/index.sqlite      all rows; can be made again from the mail
<root>/cache.sqlite      may be deleted at any time
<root>/lock              one process at a time
<root>/mail/             <domain>/<local>/ are Maildirs (store.maildir)
<root>/mail/.staging/    messages on their way in
"""

import fcntl
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.base.staging import StagedFile
from mailstack.store import filing, foldering, schema
from mailstack.store.account import OpenAccount
from mailstack.store.api import Staged
from mailstack.store.commit import Batches, Durability, InlineCommitter, ThreadCommitter, WriteJob
from mailstack.store.durability import NoSync, SyncEach, SyncFileSystem, sqlite_connection
from mailstack.store.effects import AccountRead
from mailstack.store.index import counters, stamps
from mailstack.store.kept import Kept
from mailstack.store.memory import Committer, Memory
from mailstack.store.stamps import Stamps
from mailstack.store.txn import Site

__all__ = ["Store", "StoreLedger"]

T = TypeVar("T")
How = Literal["syncfs", "fsync", "none"]

POLL_SECONDS = 1.0


class StoreLedger:
    """Implements `store.api.Ledger`."""

    def __init__(self, committer: Committer, reader: Any) -> None:
        self._committer = committer
        self._reader = reader

    def write(self, work: Callable[[Any], T]) -> Awaitable[T]:
        return self._committer.submit(WriteJob(work))

    def read(self, work: Callable[[Any], T]) -> T:
        return work(self._reader)

    def durable(self) -> Awaitable[None]:
        return self._committer.submit(WriteJob(_nothing))


def _nothing(_connection: Any) -> None:
    """A job that waits for the sync only."""


class Store:
    """Implements `store.api.MailStore`.

    `reactor` None runs everything on the caller's thread and at once, so that every
    awaitable has ended when it is given out.  `durability` "none" is for tests.
    Construct, then `start`; MailError(IN_USE) when another process has the store.
    """

    def __init__(
        self,
        root: str,
        *,
        reactor: Any = None,
        durability: How = "syncfs",
        mail: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._root = root
        self._mail = mail or f"{root}/mail"
        self._staging = f"{self._mail}/.staging"
        for folder in (root, self._mail, self._staging):
            Path(folder).mkdir(files.FOLDER_MODE, parents=True, exist_ok=True)
        self._lock = _locked(f"{root}/lock")
        self._durability = durability
        self._reactor = reactor
        self._polling: LoopingCall | None = None
        synchronous = "OFF" if durability == "none" else "FULL"
        self._writer = sqlite_connection(f"{root}/index.sqlite", synchronous=synchronous)
        site = Site(self._mail, now, Stamps(now))
        self._way = self._make_durability()
        batches = Batches(self._writer, self._way, site.stamps.save)
        batches.on_rollback = site.stamps.rolled_back
        self._committer: Committer = (
            InlineCommitter(batches) if reactor is None else ThreadCommitter(batches, reactor.callFromThread)
        )
        batches.at_clean_end = lambda txn: counters.put(txn, counters.CLEAN, 1)
        _in_transaction(self._writer, _begin)
        self._reader = sqlite_connection(f"{root}/index.sqlite", read_only=True)
        self._kept = Kept(f"{root}/cache.sqlite")
        self._memory = Memory(site, self._committer, self._kept, self._reader)
        self.ledger = StoreLedger(self._committer, self._reader)

    @classmethod
    def inline(cls, root: object, *, now: Callable[[], float] = time.time) -> "Store":
        """For tests: no threads, no reactor, no syncs; started."""
        store = cls(str(root), durability="none", now=now)
        store.start()
        return store

    def _make_durability(self) -> Durability:
        if self._durability == "syncfs":
            return SyncFileSystem([self._root, self._mail])
        return SyncEach(self._root) if self._durability == "fsync" else NoSync(self._root)

    # --- life ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """What lies in the staging folder was never accepted: it goes."""
        for left in Path(self._staging).iterdir():
            left.unlink()
        self._committer.start()
        if self._reactor is not None:
            self._polling = LoopingCall(lambda: Deferred.fromCoroutine(self.poll()))
            self._polling.clock = self._reactor
            self._polling.start(POLL_SECONDS, now=False)

    async def stop(self) -> None:
        """Ends when everything that was asked for is durable and the names on the disk say what the index does."""
        if self._polling is not None and self._polling.running:
            self._polling.stop()
        await self._committer.stop()
        self.abandon()

    def abandon(self) -> None:
        """Let everything go as it is.  By itself (without `stop`) it is what a crash leaves, for tests."""
        self._kept.close()
        self._reader.close()
        self._writer.close()
        self._way.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def poll(self) -> None:
        """Look whether other programs changed a mailbox that somebody watches."""
        await self._memory.poll()

    # --- store.api.MailStore -------------------------------------------------------------------------

    async def account(self, name: str) -> OpenAccount:
        account = self._memory.accounts.get(name)
        if not isinstance(account, OpenAccount) or account.seems_changed():
            await self._memory.write(lambda txn: foldering.read_account(txn, name), self._keep_account)
            account = self._memory.accounts[name]
        assert isinstance(account, OpenAccount)
        return account

    def _keep_account(self, told: AccountRead) -> None:
        account = self._memory.accounts.get(told.account)
        if isinstance(account, OpenAccount):
            account.update(told)
        else:
            self._memory.accounts[told.account] = OpenAccount(self._memory, told)

    def stage(self) -> Staged:
        return StagedFile(self._staging, sync=self._durability == "fsync")

    async def deliver(self, staged: Staged, recipients: Sequence[tuple[str, str]]) -> None:
        wanted = tuple(recipients)
        await self._memory.write(lambda txn: filing.deliver(txn, staged, wanted))


def _locked(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, files.FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise MailError(Condition.IN_USE, "Another process has the store", detail=path) from None
    return fd


def _begin(txn: Any) -> None:
    """After a crash, chores may be undone that only memory knew of: every folder is looked at once."""
    schema.migrate(txn, "store", schema.STORE)
    if not counters.get(txn, counters.CLEAN):
        stamps.doubt_all(txn)
    counters.put(txn, counters.CLEAN, 0)


def _in_transaction(connection: Any, work: Callable[[Any], None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        work(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
