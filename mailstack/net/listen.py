"""One listening service: its sockets, who may connect, who is connected."""

import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from mailstack.base.engine import Peer
from mailstack.base.events import Event, log
from mailstack.net.connection import Connection, Setting

__all__ = ["Bind", "Limits", "Listener", "PortTaken", "Total", "parse_bind"]


class PortTaken(Exception):
    """A port cannot be bound; one line that names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Where to listen: host and port, or the name of a socket that systemd passes."""

    host: str
    port: int
    systemd: str = ""

    def __str__(self) -> str:
        if self.systemd:
            return f"systemd:{self.systemd}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_bind(text: str) -> Bind:
    """`0.0.0.0:25`, `[::]:25` or `systemd:NAME`.  ValueError otherwise."""
    if text.startswith("systemd:"):
        return Bind("", 0, text.removeprefix("systemd:"))
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT, [IPV6]:PORT or systemd:NAME")
    return Bind(host.strip("[]"), int(port))


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections at one time from one address; `refusal` is said to those beyond (nothing on a TLS port)."""

    per_ip: int
    refusal: bytes


class Total:
    """How many connections the whole server has and may have."""

    __slots__ = ("limit", "now")

    def __init__(self, limit: int) -> None:
        self.limit, self.now = limit, 0


class _Refused(Protocol):
    def __init__(self, last_words: bytes) -> None:
        self._last_words = last_words

    def connectionMade(self) -> None:
        self.transport.write(self._last_words)  # type: ignore[union-attr]
        self.transport.loseConnection()  # type: ignore[union-attr]


class _Door(Factory):
    """Twisted's factory: counts, refuses, builds connections."""

    noisy = False

    def __init__(self, setting: Setting, limits: Limits, total: Total) -> None:
        self.setting, self.limits, self.total = setting, limits, total
        self.connections: set[Connection] = set()
        self._per_ip: Counter[str] = Counter()
        self.closed = False

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        ip = str(getattr(addr, "host", "")).removeprefix("::ffff:")
        reason = self._refusal(ip)
        if reason:
            log(Event.CONNECTION_REFUSED, listener=self.setting.listener, ip=ip, reason=reason)
            return _Refused(b"" if self.setting.implicit_tls else self.limits.refusal)
        peer = Peer(ip, int(getattr(addr, "port", 0)), self.setting.listener, tls=self.setting.implicit_tls)
        connection = Connection(self.setting, peer, self._gone)
        self.connections.add(connection)
        self.total.now += 1
        self._per_ip[ip] += 1
        return connection

    def _refusal(self, ip: str) -> str:
        if self.closed:
            return "stopping"
        if self.total.now >= self.total.limit:
            return f"{self.total.limit} connections in all (limits.connections)"
        if self._per_ip[ip] >= self.limits.per_ip:
            return f"{self.limits.per_ip} connections from one address (limits of {self.setting.listener})"
        return ""

    def _gone(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.total.now -= 1
        ip = connection.peer.ip
        self._per_ip[ip] -= 1
        if not self._per_ip[ip]:
            del self._per_ip[ip]


class Listener(Service):
    """Binds in privilegedStartService, before twistd drops root; `stopService` lets conversations end."""

    def __init__(
        self,
        reactor: Any,
        setting: Setting,
        limits: Limits,
        total: Total,
        binds: Sequence[Bind],
        *,
        systemd_sockets: dict[str, Sequence[int]],
        stop_limit_seconds: float,
    ) -> None:
        self.name = setting.listener
        self._reactor, self._setting = reactor, setting
        self._binds, self._systemd = tuple(binds), systemd_sockets
        self._stop_limit = stop_limit_seconds
        self._ports: list[IListeningPort] = []
        self.door = _Door(setting, limits, total)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it really listens (port 0 in the configuration becomes a number here)."""
        hosts: list[Any] = [port.getHost() for port in self._ports]
        return [(host.host, host.port) for host in hosts]

    def privilegedStartService(self) -> None:
        if self._ports:
            return
        Service.privilegedStartService(self)
        for bind in self._binds:
            for port in self._bind(bind):
                self._ports.append(port)
                where: Any = port.getHost()
                log(Event.LISTENING, listener=self._setting.listener, address=str(Bind(where.host, where.port)))

    def startService(self) -> None:
        self.privilegedStartService()
        Service.startService(self)

    def _bind(self, bind: Bind) -> list[IListeningPort]:
        if bind.systemd:
            return [self._adopt(descriptor) for descriptor in self._named(bind.systemd)]
        try:
            return [self._reactor.listenTCP(bind.port, self.door, backlog=512, interface=bind.host)]
        except CannotListenError as failure:
            reason = getattr(failure.socketError, "strerror", "") or str(failure.socketError)
            raise PortTaken(
                f"listener {self._setting.listener} cannot listen on {bind}: {reason}; "
                f"stop what holds the port, or choose another in the configuration"
            ) from None

    def _named(self, name: str) -> Sequence[int]:
        descriptors = self._systemd.get(name, ())
        if not descriptors:
            raise PortTaken(
                f"listener {self._setting.listener} wants the systemd socket {name!r}, and systemd passed "
                f"{', '.join(sorted(self._systemd)) or 'none'}: see FileDescriptorName= in mailstack.socket"
            )
        return descriptors

    def _adopt(self, descriptor: int) -> IListeningPort:
        with socket.socket(fileno=os.dup(descriptor)) as probe:
            family = probe.family
        port: IListeningPort = self._reactor.adoptStreamPort(descriptor, family, self.door)
        return port

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        self.door.closed = True
        closing = [maybeDeferred(port.stopListening) for port in self._ports]
        self._ports = []
        return Deferred.fromCoroutine(self._stop(closing))

    async def _stop(self, closing: list[Deferred[Any]]) -> None:
        for deferred in closing:
            await deferred
        for connection in list(self.door.connections):
            connection.shut_down()
        ends = self._reactor.seconds() + self._stop_limit
        while self.door.connections and self._reactor.seconds() < ends:
            await deferLater(self._reactor, 0.05)
        for connection in list(self.door.connections):
            connection.abort("server stops")
