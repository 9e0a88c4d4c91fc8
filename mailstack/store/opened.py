"""A store folder opened by this process: its lock, connections, writer, and memory; closed all together."""

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.store import schema
from mailstack.store.batches import Batches, Durability
from mailstack.store.commit import InlineCommitter, ThreadCommitter
from mailstack.store.digests import Digests
from mailstack.store.durability import NoSync, SyncEach, SyncFileSystem, sqlite_connection
from mailstack.store.index import accounts, counters, stamps
from mailstack.store.kept import Kept
from mailstack.store.memory import Committer, Memory
from mailstack.store.stamps import Stamps
from mailstack.store.txn import Site
from mailstack.store.uidvalidity import has_mark

__all__ = ["How", "Opened", "open_store"]

BOOT_ID = "/proc/sys/kernel/random/boot_id"

How = Literal["syncfs", "fsync", "none"]


@dataclass(frozen=True, slots=True)
class Opened:
    """`close` lets everything go as it is: without the committer's stop before, that is what a crash leaves."""

    committer: Committer
    batches: Batches
    memory: Memory
    reader: Any
    resources: ExitStack

    def keep_caches(self, root: str) -> None:
        """Before a clean end: what they have is on the disk, and nothing more comes."""
        self.memory.kept.close()
        self.memory.digests.close()
        with suppress(OSError):
            files.sync_file(f"{root}/cache.sqlite")

    def close(self) -> None:
        self.resources.close()


def open_store(root: str, mail: str, reactor: Any, how: How, now: Callable[[], float], memory_octets: int) -> Opened:
    """MailError(IN_USE): another process has it; MailError(UNAVAILABLE): the mail of this index is not there."""
    with ExitStack() as stack:
        stack.callback(os.close, _locked(f"{root}/lock"))
        writer = sqlite_connection(f"{root}/index.sqlite", synchronous="OFF" if how == "none" else "FULL")
        stack.callback(writer.close)
        with _transaction(writer):
            may_have_lost = _begin(writer, mail)
        durability = _durability(how, root, mail)
        stack.callback(durability.close)
        reader = sqlite_connection(f"{root}/index.sqlite", read_only=True)
        stack.callback(reader.close)
        if may_have_lost:
            _forget_cache(root)
        files.make_private(f"{root}/cache.sqlite")
        kept = Kept(f"{root}/cache.sqlite", memory_octets)
        stack.callback(kept.close)
        digests = Digests(f"{root}/cache.sqlite", memory_octets)
        stack.callback(digests.close)
        site = Site(mail, now, Stamps(now), durable=how != "none")
        batches = Batches(writer, durability, site.stamps.save)
        batches.on_rollback = site.stamps.rolled_back
        batches.at_clean_end = _end
        committer: Committer = (
            InlineCommitter(batches) if reactor is None else ThreadCommitter(batches, reactor.callFromThread)
        )
        memory = Memory(site, committer, kept, digests, reader, memory_octets)
        return Opened(committer, batches, memory, reader, stack.pop_all())


def _locked(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, files.FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise MailError(Condition.IN_USE, "Another process has the store", detail=path) from None
    return fd


def _durability(how: How, root: str, mail: str) -> Durability:
    if how == "syncfs":
        return SyncFileSystem([root, mail])
    return SyncEach(root) if how == "fsync" else NoSync(root)


def _transaction(connection: Any) -> ExitStack:
    """COMMIT at the end, ROLLBACK when that was an exception."""
    stack = ExitStack()
    connection.execute("BEGIN IMMEDIATE")
    stack.push(lambda kind, _fault, _trace: connection.execute("ROLLBACK" if kind else "COMMIT") and None)
    return stack


def _forget_cache(root: str) -> None:
    """It is never synced while it is in use, so after a power cut anything may stand in it."""
    for end in ("", "-wal", "-shm"):
        files.remove(f"{root}/cache.sqlite{end}")


def _begin(txn: Any, mail: str) -> bool:
    """Whether the power may have gone since the last time.

    After a crash, chores may be undone that only memory knew of: every folder is looked at once.
    An index without its mail (a disk that is not mounted) is refused: everything would count as expunged.
    """
    schema.migrate(txn, "store", schema.STORE)
    if accounts.names(txn) and not has_mark(mail):
        raise MailError(
            Condition.UNAVAILABLE, "Mail folder is not the one of this index", detail=f"{mail}: not mounted?"
        )
    crashed, boot = not counters.get(txn, counters.CLEAN), _boot()
    if crashed:
        stamps.doubt_all(txn)
    may_have_lost = crashed and (boot == 0 or counters.get(txn, counters.BOOT) != boot)
    counters.put(txn, counters.CLEAN, 0)
    counters.put(txn, counters.BOOT, boot)
    return may_have_lost


def _boot() -> int:
    """A number that every start of the system has for itself; 0 where it tells none."""
    try:
        return int(Path(BOOT_ID).read_text()[:8], 16)
    except (OSError, ValueError):
        return 0


def _end(txn: Any) -> None:
    """Nothing is left to do."""
    counters.put(txn, counters.CLEAN, 1)
