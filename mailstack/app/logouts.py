"""Ends conversations whose login holds no longer: another password, a disabled account, none any more."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from mailstack.accounts.live import Live
from mailstack.base.events import Event, log
from mailstack.net.connection import Connection

__all__ = ["Logouts"]

_EVERY = 1.0  # seconds; a look costs microseconds while nothing has changed
_FORGET_EVERY = 60  # looks
_GRACE = 10.0  # seconds for the command in progress


class Logouts(Service):
    """`connections` gives all there are."""

    def __init__(self, live: Live, connections: Callable[[], Iterable[Connection]], reactor: Any) -> None:
        self._live, self._connections, self._reactor = live, connections, reactor
        self._looks = 0
        self._call = LoopingCall(self.look)
        self._call.clock = reactor

    def startService(self) -> None:
        Service.startService(self)
        self._call.start(_EVERY)

    def stopService(self) -> None:
        Service.stopService(self)
        if self._call.running:
            self._call.stop()

    def look(self) -> None:
        """Never the last look: what goes wrong in one may go right in the next."""
        try:
            self._look()
        except Exception:  # noqa: BLE001  see above
            log(Event.INTERNAL_ERROR, error_id="logouts", where="logouts", failure=Failure().getTraceback())

    def _look(self) -> None:
        over = {cid: (account, reason) for cid, account, reason in self._live.over()}
        if over:
            for connection in list(self._connections()):
                if connection.cid in over:
                    account, reason = over[connection.cid]
                    log(Event.LOGGED_OUT, cid=connection.cid, account=account, reason=reason)
                    connection.shut_down()
                    self._reactor.callLater(_GRACE, connection.abort, "logged out")
        self._looks += 1
        if self._looks % _FORGET_EVERY == 0:
            self._live.keep_only({connection.cid for connection in self._connections()})
