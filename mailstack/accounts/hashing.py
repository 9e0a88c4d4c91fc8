"""The threads in which passwords are hashed: a few, and a row of limited length before them."""

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

__all__ = ["Hashing"]

T = TypeVar("T")

_THREADS = 2
_LONGEST_ROW = 200  # passwords waiting for a thread: about four seconds of work


class Hashing:
    """`inline=True` works at once on the calling thread, and the reactor may be a mere clock (tests).

    Otherwise `start` must have been called, and `stop` ends the threads.
    """

    def __init__(self, reactor: Any, *, inline: bool = False) -> None:
        self._reactor, self._inline = reactor, inline
        self._pool = ThreadPool(0, _THREADS, "passwords")
        self._row = 0

    def start(self) -> None:
        if not self._inline:
            self._pool.start()

    def stop(self) -> None:
        """Waits for the password that is being hashed."""
        if self._pool.started:
            self._pool.stop()

    @property
    def overrun(self) -> bool:
        return self._row >= _LONGEST_ROW

    async def __call__(self, work: Callable[[], T]) -> T:
        if self._inline:
            return work()
        self._row += 1
        try:
            made: T = await deferToThreadPool(self._reactor, self._pool, work)
        finally:
            self._row -= 1
        return made
