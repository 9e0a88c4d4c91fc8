"""How a connection to another server is opened."""

from typing import Any, Protocol

from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

__all__ = ["Dialler", "TcpDialler"]


class Dialler(Protocol):
    def __call__(self, ip: str, port: int) -> IStreamClientEndpoint:
        """An endpoint for a numeric address; its time-out is the dialler's."""


class TcpDialler:
    """Straight TCP from this host; `bind_ip` "" leaves the choice to the system."""

    def __init__(self, reactor: Any, *, timeout_seconds: float, bind_ip: str = "") -> None:
        self._reactor, self._timeout, self._bind_ip = reactor, timeout_seconds, bind_ip

    def __call__(self, ip: str, port: int) -> IStreamClientEndpoint:
        six = ":" in ip
        same_family = bool(self._bind_ip) and (":" in self._bind_ip) == six
        bind = (self._bind_ip, 0) if same_family else None
        endpoint = TCP6ClientEndpoint if six else TCP4ClientEndpoint
        return endpoint(self._reactor, ip, port, self._timeout, bind)
