"""The threads in which passwords are hashed: a few, and rows of limited length before them.

Who is known from where he comes goes first, and one thread is for such people alone: a flood of
guesses keeps the others busy, never that one.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
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

    def __init__(self, reactor: Any, *, inline: bool = False, threads: int = _THREADS) -> None:
        self._reactor, self._inline, self._threads = reactor, inline, threads
        self._pool = ThreadPool(0, threads, "passwords")
        self._busy = 0
        self._rows: dict[bool, deque[Deferred[None]]] = {True: deque(), False: deque()}  # by whether they are known

    def start(self) -> None:
        if not self._inline:
            self._pool.start()

    def stop(self) -> None:
        """Waits for the password that is being hashed."""
        if self._pool.started:
            self._pool.stop()

    def overrun(self, *, known: bool) -> bool:
        """Whether one more would wait too long."""
        return len(self._rows[known]) >= _LONGEST_ROW

    async def __call__(self, work: Callable[[], T], *, known: bool = True) -> T:
        if self._inline:
            return work()
        if self._busy >= self._room(known=known):
            turn: Deferred[None] = Deferred()
            self._rows[known].append(turn)
            await turn
        else:
            self._busy += 1
        try:
            made: T = await deferToThreadPool(self._reactor, self._pool, work)
        finally:
            self._next()
        return made

    def _room(self, *, known: bool) -> int:
        return self._threads if known else max(1, self._threads - 1)

    def _next(self) -> None:
        """Whoever is next takes the place over; it stays counted as busy."""
        self._busy -= 1
        for known in (True, False):
            if self._rows[known] and self._busy < self._room(known=known):
                self._busy += 1
                self._rows[known].popleft().callback(None)
                return
