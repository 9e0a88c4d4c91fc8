"""What TLS a domain asks of those who send to it: the questions.  `policy` decides."""

from typing import Protocol

from mailstack.dns.api import DnsFailure, NoSuchDomain, Resolver, TlsaSet
from mailstack.relay.mtasts import StsPolicy
from mailstack.relay.policy import TlsPolicy, for_mx_host
from mailstack.relay.stspolicies import StsPolicies

__all__ = ["Asked", "Demands"]


class Asked(Protocol):
    """`Demands`, or none."""

    async def sts(self, domain: str) -> StsPolicy | None: ...

    async def of_host(
        self, usual: TlsPolicy, host: str, domain: str, *, mx_secure: bool, sts: StsPolicy | None
    ) -> TlsPolicy: ...


class Demands:
    """DANE where the resolver validates, and MTA-STS; `port` is that of the hosts, for the TLSA records' names."""

    def __init__(self, resolver: Resolver, policies: StsPolicies | None, port: int, *, dane: bool = True) -> None:
        self._resolver, self._policies, self._port, self._dane = resolver, policies, port, dane

    async def sts(self, domain: str) -> StsPolicy | None:
        return await self._policies.of(domain) if self._policies is not None else None

    async def of_host(
        self, usual: TlsPolicy, host: str, domain: str, *, mx_secure: bool, sts: StsPolicy | None
    ) -> TlsPolicy:
        """RefusedHost; DnsFailure when it cannot be told whether there are TLSA records (RFC 7672 §2.1)."""
        tlsa = await self._tlsa(host) if self._dane and mx_secure else None
        return for_mx_host(usual, host, domain, tlsa, sts)

    async def _tlsa(self, host: str) -> TlsaSet | None:
        """Only where the addresses are secure too.  RFC 7672 §2.2.2"""
        try:
            secure = (await self._resolver.addresses(host)).secure
        except (NoSuchDomain, DnsFailure):
            return None  # there will be nothing to connect to, and that is said then
        return await self._resolver.tlsa(host, self._port) if secure else None
