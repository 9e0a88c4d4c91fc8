"""What can be computed from a message, kept: rendered ENVELOPE, BODYSTRUCTURE, fields of the header.

In blocks of 256 UIDs, so that a whole mailbox's answers are a few look-ups and not one a message.
In memory, bounded, the least used blocks go first; behind that `cache.sqlite`, which may be deleted
at any time, is bounded too, and which nobody waits for: a block is read when something of it is
missed, and written when a few have changed.  A message never changes under its (mailbox,
UIDVALIDITY, UID), so nothing here can be stale.
"""

import sqlite3
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import Final

__all__ = ["Kept"]

Key = tuple[int, int, str, int]  # mailbox, uidvalidity, item, number of the block
Block = dict[int, bytes]  # by UID

MEMORY_OCTETS: Final = 64 << 20
DISK_OCTETS: Final = 2 << 30
UIDS: Final = 256  # of one block
DIRTY: Final = 8  # blocks that have changed before they are written
_OVERHEAD: Final = 150  # octets that a value costs besides its own

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS kept_block (mailbox INTEGER, uidvalidity INTEGER, item TEXT, number INTEGER,"
    " uids BLOB, ends BLOB, blob BLOB, PRIMARY KEY (mailbox, uidvalidity, item, number))"
)


class Kept:
    """Reactor's thread.  With `path` None nothing outlives the process."""

    def __init__(self, path: str | None, memory_octets: int = MEMORY_OCTETS, disk_octets: int = DISK_OCTETS) -> None:
        self._limit = memory_octets
        self.octets = 0  # in memory, about
        self.on_growth: Callable[[], object] = _nobody
        self._memory: OrderedDict[Key, Block] = OrderedDict()
        self._dirty: dict[Key, Block] = {}
        self._cache = _open(path, disk_octets) if path is not None else None

    def of(self, mailbox: int, uidvalidity: int, item: str, uids: Sequence[int]) -> list[bytes | None]:
        """What is kept of each of these, which ascend; None: nothing."""
        values: list[bytes | None] = []
        at = 0
        while at < len(uids):
            number = uids[at] // UIDS
            end = bisect_left(uids, (number + 1) * UIDS, at)
            values += map(self._block((mailbox, uidvalidity, item, number)).get, uids[at:end])
            at = end
        return values

    def get(self, mailbox: int, uidvalidity: int, item: str, uid: int, make: Callable[[], bytes]) -> bytes:
        """What is kept, or what `make` makes."""
        found = self._block((mailbox, uidvalidity, item, uid // UIDS)).get(uid)
        if found is None:
            found = make()
            self.keep(mailbox, uidvalidity, item, uid, found)
        return found

    def keep(self, mailbox: int, uidvalidity: int, item: str, uid: int, value: bytes) -> None:
        key = (mailbox, uidvalidity, item, uid // UIDS)
        block = self._block(key)
        self.octets += len(value) + _OVERHEAD
        block[uid] = value
        self._dirty[key] = block
        self._make_room()
        if len(self._dirty) >= DIRTY:
            self.flush()

    def _block(self, key: Key) -> Block:
        """The one in use from now on."""
        found = self._memory.get(key)
        if found is None:
            found = self._dirty.get(key)
            if found is None:
                found = self._read(key)
            self._memory[key] = found
            self.octets += _cost(found.values())
            self._make_room()
        self._memory.move_to_end(key)
        return found

    def _make_room(self) -> None:
        while self.octets > self._limit and self.give_back():
            pass
        self.on_growth()

    def give_back(self) -> bool:
        """Forget the block that was used least; the last one is in use."""
        if len(self._memory) < 2:
            return False
        _, gone = self._memory.popitem(last=False)
        self.octets -= _cost(gone.values())
        return True

    def _read(self, key: Key) -> Block:
        if self._cache is None:
            return {}
        with suppress(sqlite3.Error, ValueError):
            row = self._cache.execute(
                "SELECT uids, ends, blob FROM kept_block"
                " WHERE mailbox = ? AND uidvalidity = ? AND item = ? AND number = ?",
                key,
            ).fetchone()
            if row is not None:
                uids, ends, blob = array("Q", row[0]), array("Q", row[1]), row[2]
                return {uid: blob[start:end] for uid, (start, end) in zip(uids, pairwise(ends), strict=True)}
        return {}

    def flush(self) -> None:
        """Write what is new; losing it costs nothing but time."""
        rows = [(*key, *_packed(block)) for key, block in self._dirty.items()]
        self._dirty.clear()
        if self._cache is None or not rows:
            return
        try:
            with self._cache:
                self._cache.executemany("INSERT OR REPLACE INTO kept_block VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as fault:
            if fault.sqlite_errorcode == sqlite3.SQLITE_FULL:
                with suppress(sqlite3.Error), self._cache:
                    self._cache.execute("DELETE FROM kept_block")

    def close(self) -> None:
        self.flush()
        if self._cache is not None:
            self._cache.close()
            self._cache = None


def _cost(values: Iterable[bytes]) -> int:
    return _OVERHEAD + sum(len(value) + _OVERHEAD for value in values)


def _packed(block: Block) -> tuple[bytes, bytes, bytes]:
    """UIDs, where the value of each begins and the last one ends, the values."""
    ends = array("Q", accumulate(map(len, block.values()), initial=0))
    return array("Q", block).tobytes(), ends.tobytes(), b"".join(block.values())


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
