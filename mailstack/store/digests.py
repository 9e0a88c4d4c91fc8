"""What searches look at, kept in blocks: for 256 UIDs of a mailbox one string of octets with all their records.

A search is then one `find` over a block, not a look at each message.  What a record
holds is the business of whoever makes it; it never has the octet 0xFF, which ends it.
In memory, bounded, the least used blocks go first; behind that `cache.sqlite`, which
may be deleted at any time, is bounded too, and starts anew when it is full.
"""

import sqlite3
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from mailstack.store.values import DIGEST_UIDS, Digest

__all__ = ["Digests"]

Key = tuple[int, int, str, int]  # mailbox, uidvalidity, item, number of the block

MEMORY_OCTETS: Final = 128 << 20
DISK_OCTETS: Final = 2 << 30
DIRTY: Final = 4  # blocks that have changed before they are written: a few milliseconds at once
_OVERHEAD: Final = 8 * 1024  # octets a block costs besides its blob

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS digests (mailbox INTEGER, uidvalidity INTEGER, item TEXT, number INTEGER,"
    " uids BLOB, ends BLOB, blob BLOB, PRIMARY KEY (mailbox, uidvalidity, item, number))"
)


class Digests:
    """Reactor's thread.  With `path` None nothing outlives the process."""

    def __init__(self, path: str | None, memory_octets: int = MEMORY_OCTETS, disk_octets: int = DISK_OCTETS) -> None:
        self._limit = memory_octets
        self.octets = 0  # in memory, about
        self.on_growth: Callable[[], object] = _nobody
        self._memory: OrderedDict[Key, Digest] = OrderedDict()
        self._dirty: dict[Key, Digest] = {}
        self._cache = _open(path, disk_octets) if path is not None else None

    def get(self, mailbox: int, uidvalidity: int, item: str, number: int) -> Digest:
        """What is kept of this block; it may be nothing."""
        key = (mailbox, uidvalidity, item, number)
        found = self._memory.get(key)
        if found is not None:
            self._memory.move_to_end(key)
            return found
        found = self._dirty.get(key) or self._read(key) or Digest.of({})
        self._remember(key, found)
        return found

    def add(
        self,
        mailbox: int,
        uidvalidity: int,
        item: str,
        records: Mapping[int, bytes],
        present: Callable[[int], object],
    ) -> Digest:
        """The block with these records (by UID, all of one block) in it.

        Those that are not `present` any more are left out: None, for a UID that is gone.
        """
        number = next(iter(records)) // DIGEST_UIDS
        key = (mailbox, uidvalidity, item, number)
        old = self.get(*key)
        merged = {uid: record for uid, record in old.records() if present(uid) is not None} | dict(records)
        new = Digest.of(merged)
        self._forget(key)
        self._remember(key, new)
        self._dirty[key] = new
        if len(self._dirty) >= DIRTY:
            self.flush()
        return new

    def _remember(self, key: Key, digest: Digest) -> None:
        self._memory[key] = digest
        self.octets += len(digest.blob) + _OVERHEAD
        while self.octets > self._limit and self.give_back():
            pass
        self.on_growth()

    def give_back(self) -> bool:
        """Forget the block that was used least; the last one is in use."""
        if len(self._memory) < 2:
            return False
        self._forget(next(iter(self._memory)))
        return True

    def _forget(self, key: Key) -> None:
        gone = self._memory.pop(key, None)
        if gone is not None:
            self.octets -= len(gone.blob) + _OVERHEAD

    def _read(self, key: Key) -> Digest | None:
        if self._cache is None:
            return None
        with suppress(sqlite3.Error, ValueError):
            row = self._cache.execute(
                "SELECT uids, ends, blob FROM digests"
                " WHERE mailbox = ? AND uidvalidity = ? AND item = ? AND number = ?",
                key,
            ).fetchone()
            if row is not None:
                return Digest(array("Q", row[0]), array("Q", row[1]), row[2])
        return None

    def flush(self) -> None:
        """Write what is new; losing it costs nothing but time."""
        rows = [(*key, each.uids.tobytes(), each.ends.tobytes(), each.blob) for key, each in self._dirty.items()]
        self._dirty.clear()
        if self._cache is None or not rows:
            return
        try:
            self._write(rows)
        except sqlite3.Error as fault:
            if fault.sqlite_errorcode == sqlite3.SQLITE_FULL:
                with suppress(sqlite3.Error), self._cache:
                    self._cache.execute("DELETE FROM digests")

    def _write(self, rows: Sequence[tuple[object, ...]]) -> None:
        assert self._cache is not None
        with self._cache:
            self._cache.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        self.flush()
        if self._cache is not None:
            self._cache.close()
            self._cache = None


def _open(path: str, octets: int) -> sqlite3.Connection | None:
    """None when there is no working cache: everything is then made when asked for."""
    try:
        cache = sqlite3.connect(path, timeout=0)
        cache.execute("PRAGMA journal_mode = WAL")
        cache.execute("PRAGMA synchronous = OFF")
        (page,) = cache.execute("PRAGMA page_size").fetchone()
        cache.execute(f"PRAGMA max_page_count = {octets // page}")
        cache.execute(_SCHEMA)
        cache.commit()
    except sqlite3.Error:
        return None
    return cache


def _nobody() -> None:
    """Nobody shares the memory."""
