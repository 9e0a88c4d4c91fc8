"""Fetching an MTA-STS policy over HTTPS: no redirects, no caches, a valid certificate, a small text.  RFC 8461 §3.3"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from mailstack.dns.api import DnsFailure, NoSuchDomain, Resolver
from mailstack.relay.addresses import NotForTheWire, on_the_wire
from mailstack.relay.dial import Dialler
from mailstack.relay.hosts import interleave
from mailstack.relay.line import TlsClients
from mailstack.relay.stspolicies import FetchFailed

__all__ = ["HttpsFetch"]

_PATH = "/.well-known/mta-sts.txt"
_OCTETS_MAX = 64 * 1024  # RFC 8461 §3.2 asks for at most that
_SECONDS = 60.0


class HttpsFetch:
    """`stspolicies.Fetch`.  `port` is 443 but for tests."""

    def __init__(self, reactor: Any, resolver: Resolver, dialler: Dialler, tls: TlsClients, *, port: int = 443) -> None:
        self._reactor, self._resolver, self._dialler, self._tls, self._port = reactor, resolver, dialler, tls, port

    async def __call__(self, domain: str) -> bytes:
        try:
            host = on_the_wire(f"postmaster@mta-sts.{domain}", smtputf8=False).partition("@")[2]
        except NotForTheWire as fault:
            raise FetchFailed(str(fault)) from fault
        try:
            ips = interleave((await self._resolver.addresses(host)).ips, 1)
        except (NoSuchDomain, DnsFailure) as failure:
            raise FetchFailed(f"address of {host}: {failure}") from failure
        if not ips:
            raise FetchFailed(f"{host} has no address")
        endpoint = wrapClientTLS(self._tls(host, verify=True), self._dialler(ips[0], self._port))
        getting = Deferred.fromCoroutine(self._get(host, endpoint)).addTimeout(_SECONDS, self._reactor)
        try:
            return await getting
        except FetchFailed:
            raise
        except TooLate as late:
            raise FetchFailed(f"https://{host}{_PATH}: no answer within {_SECONDS:.0f} s") from late
        except Exception as failure:
            raise FetchFailed(f"https://{host}{_PATH}: {_words(failure)}") from failure

    async def _get(self, host: str, endpoint: IStreamClientEndpoint) -> bytes:
        agent = Agent.usingEndpointFactory(self._reactor, _Always(endpoint))
        response: Any = await agent.request(
            b"GET", f"https://{host}{_PATH}".encode(), Headers({"User-Agent": ["mailstack"]}), None
        )
        kind = (response.headers.getRawHeaders("content-type") or [""])[0].partition(";")[0].strip().lower()
        body = _Body()
        response.deliverBody(body)
        octets: bytes = await body.done
        if response.code != 200:
            raise FetchFailed(f"https://{host}{_PATH}: status {response.code}")
        if kind != "text/plain":
            raise FetchFailed(f"https://{host}{_PATH}: {kind or 'no type'} in place of text/plain")
        return octets


@implementer(IAgentEndpointFactory)
class _Always:
    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: object) -> IStreamClientEndpoint:  # noqa: ARG002, N802  Twisted's
        return self._endpoint


class _Body(Protocol):
    """Collects a body up to the limit."""

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._abort())
        self._octets = bytearray()

    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if len(self._octets) > _OCTETS_MAX and not self.done.called:
            self.done.errback(FetchFailed(f"the policy is longer than {_OCTETS_MAX} octets"))
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(bytes(self._octets))
        else:
            self.done.errback(FetchFailed(f"the policy broke off: {reason.getErrorMessage()}"))

    def _abort(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()


def _words(failure: Exception) -> str:
    """Twisted keeps the reasons of a failed request in a list."""
    if isinstance(failure, ResponseFailed) or getattr(failure, "reasons", None):
        reasons = getattr(failure, "reasons", ())
        return "; ".join(str(each.value) for each in reasons) or type(failure).__name__
    return str(failure) or type(failure).__name__
