"""Removing finished queue files without making anybody wait: an unlink may take milliseconds while a sync runs."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress

from mailstack.base import files

__all__ = ["Sweep", "remove_file"]


def remove_file(path: str) -> None:
    """What cannot be removed is set aside at the next start: nothing to stop for."""
    with suppress(OSError):
        files.remove(path)


class Sweep:
    """Takes paths; one job `in_thread` at a time removes all that have come."""

    def __init__(self, in_thread: Callable[[Callable[[], None]], object]) -> None:
        self._in_thread = in_thread
        self._paths: deque[str] = deque()
        self._sweeping = False

    def __call__(self, path: str) -> None:
        self._paths.append(path)
        if not self._sweeping:
            self._sweeping = True
            self._in_thread(self._sweep)

    def _sweep(self) -> None:
        """In the thread.  A path that comes just when it ends may get a job of its own, or be seen here."""
        while self._paths:
            while self._paths:
                with suppress(IndexError):  # another job was faster
                    remove_file(self._paths.popleft())
            self._sweeping = False
