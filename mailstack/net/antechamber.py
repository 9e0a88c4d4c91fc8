"""Where strangers wait before they are greeted.  Who speaks first does not listen: a bot.  RFC 5321 §3.1, §4.3.1"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

__all__ = ["Antechamber"]

_TOO_EARLY = b"554 5.5.0 You spoke before the greeting\r\n"


class Antechamber(Protocol):
    """Stands in front of a connection for `seconds`.

    `let_in` makes the protocol that takes over, `refuse` is told of who did not wait;
    `left` is called once, before either, and when the peer has gone.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        let_in: Callable[[], Protocol],
        refuse: Callable[[str], None],
        left: Callable[[], None],
    ) -> None:
        self._clock, self._seconds, self._let_in, self._refuse, self._left = clock, seconds, let_in, refuse, left
        self._timer: IDelayedCall | None = None
        self._waits = True

    def connectionMade(self) -> None:
        self._timer = self._clock.callLater(self._seconds, self._open)

    def dataReceived(self, data: bytes) -> None:  # noqa: ARG002  whatever it is
        if self._leave():
            self._refuse("spoke before the greeting")
            self._transport.write(_TOO_EARLY)
            self._transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002
        self._leave()

    def _open(self) -> None:
        if self._leave():
            transport = self._transport
            transport.protocol = inner = self._let_in()
            inner.makeConnection(transport)

    def _leave(self) -> bool:
        """Whether it was still here."""
        waited, self._waits = self._waits, False
        if waited:
            self._left()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return waited

    @property
    def _transport(self) -> Any:
        return self.transport
