"""The stub resolver on Twisted: UDP first, TCP for what does not fit, one server after the other."""

from dataclasses import dataclass
from typing import Any

import dns.name
import dns.rdatatype
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import CannotListenError, ConnectError
from twisted.internet.protocol import DatagramProtocol, Factory, connectionDone
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure

from mailstack.dns.api import Addresses, DnsFailure, MxHost, MxSet, NoSuchDomain, Texts, TlsaRecord, TlsaSet
from mailstack.dns.cache import CacheLimits, TtlCache
from mailstack.dns.messages import CHAIN_MAX, Found, Query, Trouble, make_query, read_answer, to_name
from mailstack.dns.resolvconf import Servers

__all__ = ["DnsClient", "DnsTimes"]

_Key = tuple[str, dns.rdatatype.RdataType]  # a name in lower case: dnspython's hash slowly
_MX_SETS = 10_000
_MX, _A, _AAAA = dns.rdatatype.MX, dns.rdatatype.A, dns.rdatatype.AAAA


@dataclass(frozen=True, slots=True)
class DnsTimes:
    """How long each round over the servers waits for each of them, in seconds."""

    rounds: tuple[float, ...] = (2.0, 4.0, 6.0)
    tcp_seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class _NoAnswer(Exception):
    """One server had no usable answer; `reason` for the log."""

    reason: str


class DnsClient:
    """Implements `dns.api.Resolver`.  `reactor` gives UDP, TCP and time."""

    def __init__(self, servers: Servers, reactor: Any, *, times: DnsTimes, cache: CacheLimits) -> None:
        self._servers, self._reactor, self._times = servers, reactor, times
        self._cache: TtlCache[_Key, Found] = TtlCache(cache, reactor.seconds)
        self._mx_sets: dict[str, tuple[Found, MxSet]] = {}  # made from what the cache has
        self._asking: dict[_Key, list[Deferred[Found]]] = {}

    # --- dns.api.Resolver ------------------------------------------------------------------------------

    async def mx(self, domain: str) -> MxSet:
        found = await self._look_up(domain, _MX)
        kept = self._mx_sets.get(domain)
        if kept is None or kept[0] is not found:
            hosts = [MxHost(record.preference, _text(record.exchange)) for record in _typed(found)]
            if len(self._mx_sets) >= _MX_SETS:
                self._mx_sets.clear()
            kept = self._mx_sets[domain] = found, MxSet(found.secure, tuple(hosts))
        return kept[1]

    async def addresses(self, host: str) -> Addresses:
        """`localhost` is this host, whatever the DNS says.  RFC 6761 §6.3"""
        if host.rstrip(".").lower().rpartition(".")[2] == "localhost":
            return Addresses(secure=True, ips=("127.0.0.1", "::1"))
        six, four = await gatherResults(
            [Deferred.fromCoroutine(self._settled(host, _AAAA)), Deferred.fromCoroutine(self._settled(host, _A))]
        )
        found = [each for each in (six, four) if isinstance(each, Found)]
        troubles = [each for each in (six, four) if isinstance(each, Exception)]
        ips = tuple(record.address for each in found for record in _typed(each))
        if troubles and not ips:
            # also when one kind of address there is not, and the other could not be told: that is not none
            raise next((each for each in troubles if isinstance(each, NoSuchDomain)), troubles[0])
        return Addresses(all(each.secure for each in found), ips)

    async def tlsa(self, host: str, port: int) -> TlsaSet:
        found = await self._looked_up(f"_{port}._tcp.{host}", dns.rdatatype.TLSA)
        records = [TlsaRecord(each.usage, each.selector, each.mtype, each.cert) for each in _typed(found)]
        return TlsaSet(found.secure, tuple(records))

    async def texts(self, name: str) -> Texts:
        found = await self._looked_up(name, dns.rdatatype.TXT)
        return Texts(found.secure, tuple(b"".join(each.strings) for each in _typed(found)))

    async def _looked_up(self, text: str, rdtype: dns.rdatatype.RdataType) -> Found:
        """A name that does not exist has no records: for service labels that is the same."""
        try:
            return await self._look_up(text, rdtype)
        except NoSuchDomain:
            return Found((), 0.0, secure=False, exists=False)

    async def _settled(self, name: str, rdtype: dns.rdatatype.RdataType) -> Found | NoSuchDomain | DnsFailure:
        try:
            return await self._look_up(name, rdtype)
        except (NoSuchDomain, DnsFailure) as trouble:
            return trouble

    # --- one name and type -----------------------------------------------------------------------------

    async def _look_up(self, text: str, rdtype: dns.rdatatype.RdataType) -> Found:
        """From the cache or the servers.  NoSuchDomain, DnsFailure."""
        key = (text.rstrip(".").lower(), rdtype)
        found = self._cache.get(key)
        if found is None:
            found = await self._shared(key, to_name(text))
        if not found.exists:
            raise NoSuchDomain(f"{key[0]} does not exist")
        return found

    def _shared(self, key: _Key, name: dns.name.Name) -> "Deferred[Found]":
        """Who asks what is being asked already gets the same answer."""
        waiting: Deferred[Found] = Deferred(lambda gone: self._asking.get(key, [gone]).remove(gone))
        if key in self._asking:
            self._asking[key].append(waiting)
            return waiting
        self._asking[key] = [waiting]
        Deferred.fromCoroutine(self._resolve(name, key[1])).addBoth(self._tell, key)
        return waiting

    def _tell(self, result: "Found | Failure", key: _Key) -> None:
        if isinstance(result, Found):
            self._cache.put(key, result, result.ttl)
        for waiting in self._asking.pop(key):
            waiting.callback(result)  # a Failure goes to its errback

    async def _resolve(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Found:
        """Follow what the answers left unfinished; a chain is as lasting and as secure as its weakest link."""
        found = await self._ask_servers(name, rdtype)
        for _ in range(CHAIN_MAX):
            if found.unfinished is None:
                return found
            more = await self._ask_servers(found.unfinished, rdtype)
            secure, ttl = found.secure and more.secure, min(found.ttl, more.ttl)
            found = Found(more.records, ttl, secure, more.exists, more.unfinished)
        raise DnsFailure(f"too many CNAMEs from {_text(name)}")

    async def _ask_servers(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Found:
        reasons: dict[str, None] = {}
        for seconds in self._times.rounds:
            for server in self._servers.addresses:
                try:
                    found = await self._ask(server, name, rdtype, seconds)
                except _NoAnswer as trouble:
                    reasons[f"{server[0]}: {trouble.reason}"] = None
                else:
                    return found if self._servers.trust_ad else _doubted(found)
        raise DnsFailure(f"{_text(name)} {rdtype.name}: " + "; ".join(reasons))

    async def _ask(
        self, server: tuple[str, int], name: dns.name.Name, rdtype: dns.rdatatype.RdataType, seconds: float
    ) -> Found:
        """One server: UDP, without EDNS if it must be, TCP if it must be."""
        query = make_query(name, rdtype, edns=True)
        answer = await self._by_udp(server, query, seconds)
        if not isinstance(answer, Found) and answer[0] is Trouble.NO_EDNS:
            query = make_query(name, rdtype, edns=False)
            answer = await self._by_udp(server, query, seconds)
        if not isinstance(answer, Found) and answer[0] is Trouble.TRUNCATED:
            answer = await self._by_tcp(server, query)
        if isinstance(answer, Found):
            return answer
        raise _NoAnswer(answer[1])

    # --- the two transports ----------------------------------------------------------------------------

    def _by_udp(self, server: tuple[str, int], query: Query, seconds: float) -> "Deferred[_Answer]":
        asking = _UdpQuery(server, query)
        interface = "::" if ":" in server[0] else "0.0.0.0"  # noqa: S104  connected to one server at once
        try:
            self._reactor.listenUDP(0, asking, interface=interface, maxPacketSize=65535)
        except CannotListenError as failure:
            return fail(_NoAnswer(str(failure)))
        return asking.answer.addTimeout(seconds, self._reactor, _too_late)

    async def _by_tcp(self, server: tuple[str, int], query: Query) -> "_Answer":
        endpoint = TCP6ClientEndpoint if ":" in server[0] else TCP4ClientEndpoint
        asking = _TcpQuery(query)
        connecting = endpoint(self._reactor, server[0], server[1], timeout=self._times.tcp_seconds)
        try:
            await connecting.connect(_OneQuery(asking))
        except (ConnectError, OSError) as failure:
            raise _NoAnswer(f"TCP: {failure}") from failure
        return await asking.answer.addTimeout(self._times.tcp_seconds, self._reactor, _too_late)


_Answer = Found | tuple[Trouble, str]


def _too_late(_: object, seconds: float) -> Any:
    raise _NoAnswer(f"no answer within {seconds:g} s")


class _UdpQuery(DatagramProtocol):
    """One query on a socket of its own: a fresh random port, and only that server is heard."""

    noisy = False

    def __init__(self, server: tuple[str, int], query: Query) -> None:
        self._server, self._query = server, query
        self.answer: Deferred[_Answer] = Deferred().addBoth(self._done)

    def startProtocol(self) -> None:  # noqa: N802  Twisted's name
        try:
            self._socket.connect(*self._server)
            self._socket.write(self._query.wire)
        except OSError as failure:
            self._fail(str(failure))

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: ARG002
        found = read_answer(self._query, datagram)
        if isinstance(found, tuple) and found[0] is Trouble.NOT_OURS:
            return
        if not self.answer.called:
            self.answer.callback(found)

    def connectionRefused(self) -> None:
        self._fail("port closed")

    def stopProtocol(self) -> None:  # noqa: N802  Twisted's name
        """Also what becomes of a refusal under epoll, which reports an error without anything to read."""
        self._fail("port closed")

    @property
    def _socket(self) -> Any:
        return self.transport

    def _fail(self, reason: str) -> None:
        if not self.answer.called:
            self.answer.errback(_NoAnswer(reason))

    def _done(self, result: Any) -> Any:
        if self.transport is not None:
            self._socket.stopListening()
        return result


class _TcpQuery(Int16StringReceiver):
    """RFC 7766: the same octets behind their count."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self.answer: Deferred[_Answer] = Deferred().addBoth(self._done)

    def connectionMade(self) -> None:
        self.sendString(self._query.wire)  # type: ignore[no-untyped-call]

    def stringReceived(self, string: bytes) -> None:  # noqa: N802  Twisted's name
        if not self.answer.called:
            self.answer.callback(read_answer(self._query, string))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002
        if not self.answer.called:
            self.answer.errback(_NoAnswer("TCP connection closed without an answer"))

    def _done(self, result: Any) -> Any:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()
        return result


class _OneQuery(Factory):
    noisy = False

    def __init__(self, asking: _TcpQuery) -> None:
        self._asking = asking

    def buildProtocol(self, addr: object) -> _TcpQuery:  # noqa: ARG002
        return self._asking


def _doubted(found: Found) -> Found:
    return Found(found.records, found.ttl, secure=False, exists=found.exists, unfinished=found.unfinished)


def _typed(found: Found) -> tuple[Any, ...]:
    """dnspython's classes for MX, A and AAAA have their fields only at run time."""
    return found.records


def _text(name: dns.name.Name) -> str:
    """Lower case, without the final dot; "" for the root."""
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""
