"""Knowing without a listing that a folder has not been changed by anybody else.

A Maildir directory's mtime moves with every file that comes, goes or is renamed.
When both mtimes are the ones that our rows agree with, there is nothing to look for:
two `stat` calls (7 µs) instead of a listing (130 ms for 100,000 files).

Our own changes move the mtimes too, so each of them is made inside `touching`: if
the directory was as we knew it before, it is known as it is afterwards.  A change by
somebody else in the same microseconds would be taken for ours, so such a folder is
*unsure*, and is listed now and then all the same (`_patience`).

Lives in the writer's thread; `seems_changed` may be called from any.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mailstack.store.index import stamps
from mailstack.store.index.stamps import Stamp

__all__ = ["Stamps"]

# two changes within one tick of a coarse file system clock leave the same mtime
TICK_NS = 20_000_000
MOST_KNOWN = 20_000  # folders in memory


class Stamps:
    """The known state of every folder that was looked at since the start."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[int, Stamp] = {}
        self._dirty: set[int] = set()

    def is_due(self, connection: Any, mailbox: int, path: str, messages: int = 0) -> bool:
        """Whether the folder must be listed: somebody has changed it, or may have."""
        return self._differs(self._get(connection, mailbox), path, messages)

    def seems_changed(self, mailbox: int, path: str, messages: int = 0) -> bool:
        """A guess without the database, right unless the writer is at work in this folder just now."""
        known = self._known.get(mailbox)
        return known is None or self._differs(known, path, messages)

    def never_scanned(self, connection: Any, mailbox: int) -> bool:
        """The index knows nothing of this folder's messages yet."""
        return self._get(connection, mailbox).scanned == 0

    def _differs(self, known: Stamp, path: str, messages: int) -> bool:
        if known.scanned == 0 or _mtimes(path) != known[:2]:
            return True
        return known.unsure and self._now() - known.scanned > _patience(messages)

    @contextmanager
    def touching(self, connection: Any, mailbox: int, path: str) -> Iterator[None]:
        """Our own change of this folder happens inside."""
        known = self._get(connection, mailbox)
        before = _mtimes(path)
        yield
        if before == known[:2]:
            self._put(mailbox, Stamp(*_mtimes(path), known.scanned, unsure=True))

    def before_listing(self, path: str) -> tuple[int, int]:
        return _mtimes(path)

    def listed(self, mailbox: int, path: str, before: tuple[int, int], *, moved: bool) -> None:
        """The rows agree with what was listed after `before` was taken; `moved`: we have renamed files since."""
        mtimes = _mtimes(path) if moved else before
        fresh = self._now() * 1e9 - max(mtimes) < TICK_NS
        scanned = max(self._now(), 1.0)  # a test's clock may begin at 0, which means never
        self._put(mailbox, Stamp(*mtimes, scanned, unsure=moved or fresh))

    def doubt(self, connection: Any, mailbox: int) -> None:
        """Something of ours is not as it should be on the disk: look at all of it next time."""
        self._put(mailbox, self._get(connection, mailbox)._replace(cur=0, new=0))

    def forget(self, connection: Any, mailbox: int) -> None:
        self._known.pop(mailbox, None)
        self._dirty.discard(mailbox)
        stamps.remove(connection, mailbox)

    def save(self, connection: Any) -> None:
        """Write down what has changed.  A crash before that costs a listing."""
        if self._dirty:
            stamps.put(connection, [(mailbox, self._known[mailbox]) for mailbox in self._dirty])
            self._dirty.clear()

    def rolled_back(self) -> None:
        """A transaction failed, so nothing is known of the disk for sure: ask the database again."""
        self._known.clear()
        self._dirty.clear()

    def _get(self, connection: Any, mailbox: int) -> Stamp:
        known = self._known.get(mailbox)
        if known is None:
            known = stamps.get(connection, mailbox) or Stamp(0, 0, 0, unsure=False)
            if len(self._known) >= MOST_KNOWN:  # those that are written down can be read again
                self._known = {each: self._known[each] for each in self._dirty}
            self._known[mailbox] = known
        return known

    def _put(self, mailbox: int, stamp: Stamp) -> None:
        self._known[mailbox] = stamp
        self._dirty.add(mailbox)


def _patience(messages: int) -> float:
    """Seconds between listings of a folder that only we seem to change: longer when a listing is dear."""
    return 30 + messages / 50


def _mtimes(path: str) -> tuple[int, int]:
    """(0, 0) for a folder that is not there."""
    try:
        return os.stat(f"{path}/cur").st_mtime_ns, os.stat(f"{path}/new").st_mtime_ns  # noqa: PTH116
    except FileNotFoundError:
        return 0, 0
