"""What is asked of the DNS, as values; no I/O here."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "Addresses",
    "Answer",
    "DnsFailure",
    "MxHost",
    "MxSet",
    "NoSuchDomain",
    "Resolver",
    "Texts",
    "TlsaRecord",
    "TlsaSet",
]


@dataclass(frozen=True, slots=True)
class MxHost:
    preference: int
    host: str  # lower case, no final dot; "" is the null MX of RFC 7505


@dataclass(frozen=True, slots=True)
class Answer:
    """What every answer says of itself."""

    secure: bool = False  # the trusted resolver says it was validated (AD)


@dataclass(frozen=True, slots=True)
class MxSet(Answer):
    """Empty when the domain exists without MX: the domain itself is then the host (RFC 5321 §5.1)."""

    hosts: tuple[MxHost, ...] = ()


@dataclass(frozen=True, slots=True)
class Addresses(Answer):
    """IPv4 and IPv6 addresses as text; empty when the name exists without any."""

    ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """RFC 6698 §2.1.  Any numbers: what they mean, and whether we know it, is `relay.dane`'s."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TlsaSet(Answer):
    """Empty when there are none, also when the name does not exist."""

    records: tuple[TlsaRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Texts(Answer):
    """TXT records, each one's strings joined; empty when there are none, also when the name does not exist."""

    texts: tuple[bytes, ...] = ()


class NoSuchDomain(Exception):
    """NXDOMAIN: permanent."""


class DnsFailure(Exception):
    """No usable answer (SERVFAIL, time-out, garbage): temporary.  `str()` is for the log and the queue."""


class Resolver(Protocol):
    def mx(self, domain: str) -> Awaitable[MxSet]:
        """NoSuchDomain, DnsFailure.  A CNAME at `domain` is followed."""

    def addresses(self, host: str) -> Awaitable[Addresses]:
        """AAAA and A.  NoSuchDomain, DnsFailure (only when neither could be told)."""

    def tlsa(self, host: str, port: int) -> Awaitable[TlsaSet]:
        """DnsFailure."""

    def texts(self, name: str) -> Awaitable[Texts]:
        """DnsFailure."""
