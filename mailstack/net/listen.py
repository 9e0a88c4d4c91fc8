"""One listening service: its sockets, who may connect, who is connected."""

import errno
import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.task import deferLater

from mailstack.base.engine import Peer
from mailstack.base.events import Event, log
from mailstack.net.antechamber import Antechamber
from mailstack.net.connection import Connection, Setting
from mailstack.net.proxy import Introduction, Source
from mailstack.net.unixsocket import UnixBind, listening_unix_socket, remove_socket

__all__ = ["Bind", "Limits", "Listener", "PortTaken", "Total", "parse_bind", "passed_sockets"]

_THIS_MACHINE = "127.0.0.1"  # who comes by a socket in the file system; limits and bans know IP addresses only
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class PortTaken(Exception):
    """A port cannot be bound; one line that names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Bind:
    """An address to listen on."""

    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_bind(text: str) -> Bind:
    """`0.0.0.0:25` or `[::]:25`.  ValueError otherwise."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT or [IPV6]:PORT")
    return Bind(str(ip_address(host.strip("[]"))), int(port))


def passed_sockets(descriptors: Iterable[int]) -> dict[tuple[str, int], int]:
    """What systemd passed (sd_listen_fds(3)), by the address each is bound to.

    A listener whose configured address is among them takes that socket instead of
    binding one: the same configuration serves with and without mailstack.socket.
    """
    found = {}
    for descriptor in descriptors:
        with socket.socket(fileno=os.dup(descriptor)) as passed:
            if passed.family in {socket.AF_INET, socket.AF_INET6}:
                os.set_blocking(descriptor, False)  # else the reactor would wait in accept()
                host, port = passed.getsockname()[:2]
                found[host, port] = descriptor
    return found


def _listening_socket(bind: Bind) -> socket.socket:
    bound = socket.socket(bind.family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bind.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # so that 0.0.0.0 can have its own
        # both are inherited by accepted connections: replies never wait for Nagle, dead peers are noticed
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        bound.bind((bind.host, bind.port))
        bound.listen(512)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _advice(failure: OSError) -> str:
    if failure.errno == errno.EACCES:
        return "ports below 1024 want root or CAP_NET_BIND_SERVICE: start as root with twistd --uid, or by systemd"
    if failure.errno == errno.EADDRINUSE:
        return "stop what holds the port (ss -ltnp shows it), or choose another in the configuration"
    return "see the listener's address in the configuration"


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections at one time, of this listener and from one address (0: no limit of its own).

    `refusal` is said to those beyond (nothing on a TLS port).  `proxies` must say
    for whom they connect (`net.proxy`); limits count for those.
    """

    most: int
    per_ip: int
    refusal: bytes
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    login: bool = True  # the service is one to log in to
    greeting_seconds: float = 0.0  # that strangers wait for it


class Doorkeeper(Protocol):
    """Knows who must stay outside for a while."""

    def arrived(self, ip: str, *, login: bool) -> str:
        """Why this connection is refused, for the log; "" lets it in.  `login`: it is to a service to log in to."""

    def left(self, ip: str, errors: int) -> None:
        """The connection is over; `errors` counts what it was told off for."""


def _where(port: Any) -> "Bind | str":
    """Where a listening port really is."""
    host: Any = port.getHost()
    if isinstance(host, UNIXAddress):
        return os.fsdecode(host.name or b"")
    return Bind(host.host, host.port)


class Total:
    """How many connections the whole server has and may have; and how many of an address nobody has logged in on.

    Without the second limit one address could take all places of the first, and say nothing.
    """

    __slots__ = ("doorkeeper", "limit", "now", "strangers", "strangers_limit")

    def __init__(self, limit: int, strangers_limit: int = 0) -> None:
        self.limit, self.now = limit, 0
        self.doorkeeper: Doorkeeper | None = None
        self.strangers: Counter[str] = Counter()
        self.strangers_limit = strangers_limit  # 0: none


class _Refused(TwistedProtocol):
    def __init__(self, last_words: bytes) -> None:
        self._last_words = last_words

    def connectionMade(self) -> None:
        self.transport.write(self._last_words)  # type: ignore[union-attr]
        self.transport.loseConnection()  # type: ignore[union-attr]


class _Closed(Factory):
    """Stands at a port that is not read yet."""

    noisy = False


class _Door(Factory):
    """Twisted's factory: counts, refuses, builds connections."""

    noisy = False

    def __init__(self, setting: Setting, limits: Limits, total: Total) -> None:
        self.setting, self.limits, self.total = setting, limits, total
        self.connections: set[Connection] = set()
        self._strangers: set[Connection] = set()
        self._per_ip: Counter[str] = Counter()

    def buildProtocol(self, addr: IAddress | None) -> TwistedProtocol | None:
        source: Any = addr  # an IPv4Address, an IPv6Address or a UNIXAddress
        if isinstance(source, UNIXAddress):
            return self._let_in(_THIS_MACHINE, 0)
        ip, port = str(getattr(addr, "host", "")).removeprefix("::ffff:"), int(getattr(addr, "port", 0))
        if not self.limits.proxies or not self._is_proxy(ip):
            return self._receive(ip, port)

        def let_in(source: Source) -> TwistedProtocol:
            return self._receive(source.ip or ip, source.port or port)

        def refuse(reason: str) -> None:
            log(Event.CONNECTION_REFUSED, listener=self.setting.listener, ip=ip, reason=reason)

        return Introduction(self.setting.clock, self.setting.handshake_seconds, let_in, refuse)

    def _is_proxy(self, ip: str) -> bool:
        address = ip_address(ip)
        return any(address in network for network in self.limits.proxies)

    def _receive(self, ip: str, port: int) -> TwistedProtocol:
        """Strangers wait for the greeting, and have a place meanwhile."""
        seconds = self.limits.greeting_seconds
        here = bool(ip_address(ip).is_loopback)
        if seconds <= 0 or here or self._full(ip):
            return self._let_in(ip, port)
        self.total.now += 1
        self._per_ip[ip] += 1

        def left() -> None:
            self.total.now -= 1
            self._per_ip[ip] -= 1
            if not self._per_ip[ip]:
                del self._per_ip[ip]

        def refuse(reason: str) -> None:
            log(Event.CONNECTION_REFUSED, listener=self.setting.listener, ip=ip, reason=reason)

        return Antechamber(self.setting.clock, seconds, lambda: self._let_in(ip, port), refuse, left)

    def _let_in(self, ip: str, port: int) -> TwistedProtocol:
        reason = self._refusal(ip)
        if reason:
            log(Event.CONNECTION_REFUSED, listener=self.setting.listener, ip=ip, reason=reason)
            return _Refused(b"" if self.setting.implicit_tls else self.limits.refusal)
        peer = Peer(ip, port, self.setting.listener, tls=self.setting.implicit_tls, protocol=self.setting.protocol)
        connection = Connection(self.setting, peer, self._gone, self._settled)
        self.connections.add(connection)
        self._strangers.add(connection)
        self.total.now += 1
        self.total.strangers[ip] += 1
        self._per_ip[ip] += 1
        return connection

    def _refusal(self, ip: str) -> str:
        """Why not; to be asked once a connection, for the doorkeeper counts."""
        if full := self._full(ip):
            return full
        keeper = self.total.doorkeeper
        return "" if keeper is None else keeper.arrived(ip, login=self.limits.login)

    def _full(self, ip: str) -> str:
        if self.total.now >= self.total.limit:
            return f"{self.total.limit} connections in all (limits.connections)"
        if 0 < self.total.strangers_limit <= self.total.strangers[ip]:
            return f"{self.total.strangers_limit} connections without a login (limits.strangers_per_address)"
        if 0 < self.limits.most <= len(self.connections):
            return f"{self.limits.most} connections to {self.setting.listener} (max_connections)"
        if 0 < self.limits.per_ip <= self._per_ip[ip]:
            return f"{self.limits.per_ip} connections from one address (max_connections_per_address)"
        return ""

    def _settled(self, connection: Connection) -> None:
        if connection in self._strangers:
            self._strangers.discard(connection)
            self.total.strangers[connection.peer.ip] -= 1
            if not self.total.strangers[connection.peer.ip]:
                del self.total.strangers[connection.peer.ip]

    def _gone(self, connection: Connection) -> None:
        self._settled(connection)
        self.connections.discard(connection)
        self.total.now -= 1
        ip = connection.peer.ip
        if self.total.doorkeeper is not None:
            self.total.doorkeeper.left(ip, connection.errors)
        self._per_ip[ip] -= 1
        if not self._per_ip[ip]:
            del self._per_ip[ip]


class Listener(Service):
    """The sockets of one listener.

    Bound in privilegedStartService, before twistd drops root; nobody is let in
    before `open`, when the store and all else stand (the kernel keeps early
    callers waiting).  `open` again replaces the setting for connections to come.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        binds: Sequence[Bind | UnixBind],
        *,
        passed_sockets: Mapping[tuple[str, int], int],
        total: Total,
        stop_limit_seconds: float,
    ) -> None:
        self.name = name
        self._reactor, self._binds, self._passed = reactor, tuple(binds), passed_sockets
        self._total, self.stop_limit_seconds = total, stop_limit_seconds
        self._ports: list[Any] = []
        self._door: _Door | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it really listens (port 0 in the configuration becomes a number here)."""
        return [(where.host, where.port) for port in self._ports if isinstance(where := _where(port), Bind)]

    @property
    def places(self) -> list[str]:
        """The same as text, sockets in the file system included."""
        return [str(_where(port)) for port in self._ports]

    @property
    def connections(self) -> set[Connection]:
        return self._door.connections if self._door is not None else set()

    def privilegedStartService(self) -> None:
        Service.privilegedStartService(self)
        self.bind()

    def bind(self) -> None:
        """Raises PortTaken."""
        for bind in self._binds if not self._ports else ():
            port = self._bind(bind)
            if port is not None:
                port.stopReading()
                self._ports.append(port)

    def open(self, setting: Setting, limits: Limits) -> None:
        """Let people in."""
        if self._door is None:
            self._door = _Door(setting, limits, self._total)
            for port in self._ports:
                port.factory = self._door
                port.startReading()
                log(Event.LISTENING, listener=self.name, address=str(_where(port)))
        self._door.setting, self._door.limits = setting, limits

    def _bind(self, bind: Bind | UnixBind) -> Any:
        if isinstance(bind, UnixBind):
            return self._bind_path(bind)
        descriptor = self._passed.get((bind.host, bind.port))
        if descriptor is not None:
            return self._adopt(descriptor, bind)
        try:
            with _listening_socket(bind) as bound:
                return self._adopt(bound.fileno(), bind)
        except OSError as failure:
            if failure.errno in _NO_IPV6 and bind.host == "::":
                log(Event.LISTEN_SKIPPED, listener=self.name, address=str(bind), reason=failure.strerror)
                return None
            raise PortTaken(
                f"listener {self.name} cannot listen on {bind}: {failure.strerror}; {_advice(failure)}"
            ) from None

    def _bind_path(self, bind: UnixBind) -> Any:
        try:
            with listening_unix_socket(bind) as bound:
                return self._adopt(bound.fileno(), bind)
        except OSError as failure:
            reason = f"{failure.strerror}; see path, path_mode and path_group in the configuration"
            raise PortTaken(f"listener {self.name} cannot listen on {bind}: {reason}") from None

    def _adopt(self, descriptor: int, bind: Bind | UnixBind) -> Any:
        return self._reactor.adoptStreamPort(descriptor, bind.family, _Closed())

    def stopService(self) -> Deferred[None]:
        """Close the sockets; conversations may end within the limit, then they are cut."""
        Service.stopService(self)
        closing = [maybeDeferred(port.stopListening) for port in self._ports]
        self._ports = []
        return Deferred.fromCoroutine(self._stop(closing))

    async def _stop(self, closing: list[Deferred[Any]]) -> None:
        for deferred in closing:
            await deferred
        for bind in self._binds:
            if isinstance(bind, UnixBind):
                remove_socket(bind)
        for connection in list(self.connections):
            connection.shut_down()
        ends = self._reactor.seconds() + self.stop_limit_seconds
        while self.connections and self._reactor.seconds() < ends:
            await deferLater(self._reactor, 0.05)
        for connection in list(self.connections):
            connection.abort("server stops")
