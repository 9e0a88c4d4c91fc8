"""The root of the service tree: starts its children in order, stops them in reverse, one after the other."""

import signal
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, maybeDeferred

from mailstack import __version__
from mailstack.app.notify import notify
from mailstack.base.events import Event, log
from mailstack.net.listen import PortTaken

__all__ = ["Root"]


class Root(MultiService):
    """`MultiService.stopService` calls all children at once; here each is awaited before the one below it stops.

    `on_hangup` is called in the reactor's thread at SIGHUP.
    """

    name = "mailstack"

    def __init__(self, reactor: Any, state: str, on_hangup: Any) -> None:
        MultiService.__init__(self)
        self._reactor, self._state, self._on_hangup = reactor, state, on_hangup

    def privilegedStartService(self) -> None:
        """Ports are bound here, before twistd drops root.  A port that is taken ends the start with one line."""
        try:
            MultiService.privilegedStartService(self)
        except PortTaken as taken:
            raise SystemExit(f"mailstack: {taken}") from None

    def startService(self) -> None:
        log(Event.STARTING, version=__version__, state=self._state)
        try:
            MultiService.startService(self)
        except PortTaken as taken:
            raise SystemExit(f"mailstack: {taken}") from None
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._hangup)
        listeners = sum(1 for child in self if hasattr(child, "addresses"))
        log(Event.READY, listeners=listeners)
        notify(f"READY=1\nSTATUS=serving {listeners} listeners")

    def _hangup(self, _number: int, _frame: object) -> None:
        self._reactor.callFromThread(self._on_hangup)

    def stopService(self) -> Deferred[None]:
        notify("STOPPING=1")
        self.running = 0
        return Deferred.fromCoroutine(self._stop(list(self)))

    async def _stop(self, children: list[IService]) -> None:
        """Last started, first stopped; a child that fails to stop does not keep the others from it."""
        for child in reversed(children):
            try:
                await maybeDeferred(child.stopService)
            except Exception as failure:  # noqa: BLE001  the store must be closed whatever a listener did
                log(Event.INTERNAL_ERROR, error_id="stop", where=child.name or "?", failure=failure)
        log(Event.STOPPED)
