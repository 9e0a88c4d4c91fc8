"""The ports of the web server inside."""

from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.web.server import Site

from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log

__all__ = ["WebPorts"]


class WebPorts(Service):
    """Listens on `addresses`, (host, port), from `startService` on."""

    name = "http"

    def __init__(self, reactor: Any, addresses: Sequence[tuple[str, int]], site: Site) -> None:
        self._reactor, self._addresses, self._site = reactor, addresses, site
        self._ports: list[Any] = []

    def startService(self) -> None:
        """MailError(IN_USE) when a port is taken."""
        super().startService()  # type: ignore[no-untyped-call]
        for host, port in self._addresses:
            try:
                listening = self._reactor.listenTCP(port, self._site, interface=host)
            except CannotListenError as taken:
                reason = getattr(taken.socketError, "strerror", "") or str(taken.socketError)
                raise MailError(Condition.IN_USE, f"http.address {host}:{port}", detail=reason) from None
            self._ports.append(listening)
            log(Event.LISTENING, listener="http", address=f"{host}:{listening.getHost().port}")

    def stopService(self) -> Deferred[Any]:
        super().stopService()  # type: ignore[no-untyped-call]
        ports, self._ports = self._ports, []
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])
