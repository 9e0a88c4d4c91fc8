"""A gate that is shut while the peer does not read."""

from twisted.internet.defer import Deferred, succeed

__all__ = ["Gate"]


class Gate:
    """`passed()` ends at once while open, else when it opens; ConnectionError once the connection is lost."""

    __slots__ = ("_lost", "_open", "_waiting", "shut_since")

    def __init__(self) -> None:
        self._open = True
        self._lost: str | None = None
        self._waiting: list[Deferred[None]] = []
        self.shut_since: float | None = None

    def shut(self, now: float) -> None:
        if self._open:
            self._open, self.shut_since = False, now

    def open(self) -> None:
        self._open, self.shut_since = True, None
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(None)

    def lose(self, reason: str) -> None:
        self._lost = reason
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.errback(ConnectionError(reason))

    def passed(self) -> Deferred[None]:
        if self._lost is not None:
            raise ConnectionError(self._lost)
        if self._open:
            return succeed(None)
        deferred: Deferred[None] = Deferred()
        self._waiting.append(deferred)
        return deferred
