"""What can be computed from a message, kept: rendered ENVELOPE, BODY, BODYSTRUCTURE.

In memory, bounded, the least used goes first; behind that `cache.sqlite`, which may
be deleted at any time and which nobody waits for: it is read in ranges of UIDs when
something is missed, and written when a few hundred have gathered.  A message never
changes under its (mailbox, UIDVALIDITY, UID), so nothing here can be stale.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ["Kept"]

Key = tuple[int, int, str, int]  # mailbox, uidvalidity, item, uid

MEMORY_OCTETS: Final = 64 << 20
RANGE: Final = 256  # UIDs read at once
GATHER: Final = 256  # new ones before they are written


class Kept:
    """Reactor's thread.  With `path` None nothing outlives the process."""

    def __init__(self, path: str | None, memory_octets: int = MEMORY_OCTETS) -> None:
        self._limit = memory_octets
        self._size = 0
        self._memory: OrderedDict[Key, bytes] = OrderedDict()
        self._fresh: dict[Key, bytes] = {}
        self._looked: set[tuple[int, int, str, int]] = set()  # ranges that were read since the start
        self._cache = _open(path) if path is not None else None

    def get(self, mailbox: int, uidvalidity: int, item: str, uid: int, make: Callable[[], bytes]) -> bytes:
        """What is kept, or what `make` makes."""
        key = (mailbox, uidvalidity, item, uid)
        found = self._memory.get(key)
        if found is None and self._read_range(key):
            found = self._memory.get(key)
        if found is None:
            found = make()
            self._remember(key, found)
            self._fresh[key] = found
            if len(self._fresh) >= GATHER:
                self.flush()
        self._memory.move_to_end(key)
        return found

    def _remember(self, key: Key, value: bytes) -> None:
        self._memory[key] = value
        self._size += len(value) + 200
        while self._size > self._limit and len(self._memory) > 1:
            old, gone = self._memory.popitem(last=False)
            self._size -= len(gone) + 200
            self._looked.discard((*old[:3], old[3] // RANGE))

    def _read_range(self, key: Key) -> bool:
        """Whether anything new is in memory now."""
        place = (*key[:3], key[3] // RANGE)
        if self._cache is None or place in self._looked:
            return False
        self._looked.add(place)
        first = place[3] * RANGE
        with suppress(sqlite3.Error):
            rows = self._cache.execute(
                "SELECT uid, value FROM kept"
                " WHERE mailbox = ? AND uidvalidity = ? AND item = ? AND uid >= ? AND uid < ?",
                (*key[:3], first, first + RANGE),
            ).fetchall()
            for uid, value in rows:
                if (*key[:3], uid) not in self._memory:
                    self._remember((*key[:3], uid), value)
            return bool(rows)
        return False

    def flush(self) -> None:
        """Write what is new; losing it costs nothing but time."""
        rows = [(*key, value) for key, value in self._fresh.items()]
        self._fresh.clear()
        if self._cache is not None and rows:
            with suppress(sqlite3.Error), self._cache:
                self._cache.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        self.flush()
        if self._cache is not None:
            self._cache.close()
            self._cache = None


def _open(path: str) -> sqlite3.Connection | None:
    """None when there is no working cache: everything is then made when asked for."""
    try:
        cache = sqlite3.connect(path)
        cache.execute("PRAGMA journal_mode = WAL")
        cache.execute("PRAGMA synchronous = OFF")
        cache.execute(
            "CREATE TABLE IF NOT EXISTS kept (mailbox INTEGER, uidvalidity INTEGER, item TEXT, uid INTEGER, value BLOB,"
            " PRIMARY KEY (mailbox, uidvalidity, item, uid)) WITHOUT ROWID"
        )
        cache.commit()
    except sqlite3.Error:
        return None
    return cache
