"""The records that a domain's mail needs, from what the server is and serves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

__all__ = ["Facts", "Need", "Record", "Service", "needed", "reverse_records"]

_MX_PREFERENCE = 10


class Need(Enum):
    REQUIRED = "required"  # without it no mail comes, or none is believed
    ADVISED = "advised"  # what big receivers and mail programs expect today
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Record:
    """One record: `owner` is a whole name without the final dot, `data` as in a zone file, TXT without quotes."""

    owner: str
    kind: str  # "MX", "TXT", …
    data: str
    need: Need
    why: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service that mail programs look for.  `port` 0: it is not offered here."""

    name: str  # of RFC 6186 and RFC 8314: "imaps"
    port: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the server.  `host` is its name, `domain` the one whose records are asked for."""

    domain: str
    host: str
    addresses: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    dkim: tuple[tuple[str, str], ...] = ()  # (selector, the text of its record)
    key_digests: tuple[str, ...] = ()  # SHA-256 of the certificates' public keys (SPKI), hexadecimal
    issuer: str = ""  # who makes the certificates, as CAA names it
    reports_to: str = ""  # the mailbox for DMARC and TLS reports


def needed(facts: Facts) -> Sequence[Record]:
    """In the order in which they are best made: mail comes, mail is believed, programs find the way, the rest."""
    return [
        *_mail_comes(facts),
        *_mail_is_believed(facts),
        *_programs_find_us(facts),
        *_optional(facts),
    ]


def reverse_records(facts: Facts) -> Sequence[Record]:
    """PTR: whoever gave the addresses sets them, hardly ever the zone of the domain.  Gmail insists since 2024."""
    why = "the provider of the address sets it; many servers refuse mail from an address without"
    return [
        Record(ip_address(ip).reverse_pointer, "PTR", f"{facts.host}.", Need.REQUIRED, why) for ip in facts.addresses
    ]


def _mail_comes(facts: Facts) -> Iterator[Record]:
    host, domain = facts.host, facts.domain
    yield Record(domain, "MX", f"{_MX_PREFERENCE} {host}.", Need.REQUIRED, "other servers bring mail to this host")
    if not _below(host, domain):
        return
    for ip in facts.addresses:
        kind = "AAAA" if ":" in ip else "A"
        yield Record(host, kind, ip, Need.REQUIRED, "where this host is")


def _mail_is_believed(facts: Facts) -> Iterator[Record]:
    """RFC 7208, RFC 6376, RFC 7489"""
    host, domain = facts.host, facts.domain
    mechanism = "mx" if facts.addresses else f"a:{host}"
    yield Record(domain, "TXT", f"v=spf1 {mechanism} -all", Need.REQUIRED, "SPF: only this host sends for the domain")
    if host != domain and _below(host, domain):
        yield Record(host, "TXT", "v=spf1 a -all", Need.ADVISED, "SPF of the name that we say in HELO, for bounces")
    for selector, text in facts.dkim:
        owner = f"{selector}._domainkey.{domain}"
        yield Record(owner, "TXT", text, Need.REQUIRED, "DKIM: the key that our signatures are checked with")
    rua = f"; rua=mailto:{facts.reports_to}" if facts.reports_to else ""
    why = "DMARC: what to do with forgeries; go on to p=quarantine when the reports show only mail of yours"
    yield Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none{rua}", Need.REQUIRED, why)


def _programs_find_us(facts: Facts) -> Iterator[Record]:
    """SRV of RFC 6186 §3 and RFC 8314 §5.1; the ones with TLS from the start are to be preferred."""
    for service in facts.services:
        owner = f"_{service.name}._tcp.{facts.domain}"
        if service.port:
            priority = 0 if service.name.endswith("s") else 10
            why = "mail programs find the way by the address alone"
            yield Record(owner, "SRV", f"{priority} 1 {service.port} {facts.host}.", Need.ADVISED, why)
        else:
            yield Record(owner, "SRV", "0 0 0 .", Need.OPTIONAL, "says that this is not offered here")


def _optional(facts: Facts) -> Iterator[Record]:
    host, domain = facts.host, facts.domain
    if facts.reports_to:
        text = f"v=TLSRPTv1; rua=mailto:{facts.reports_to}"
        why = "others tell you when they could not reach us over TLS (RFC 8460)"
        yield Record(f"_smtp._tls.{domain}", "TXT", text, Need.ADVISED, why)
    if not _below(host, domain):
        return
    for digest in facts.key_digests:
        why = "DANE (RFC 7672): only for a zone signed by DNSSEC; change it before the key changes"
        yield Record(f"_25._tcp.{host}", "TLSA", f"3 1 1 {digest}", Need.OPTIONAL, why)
    if facts.issuer:
        why = "no other authority may make certificates for this host (RFC 8659)"
        yield Record(host, "CAA", f'0 issue "{facts.issuer}"', Need.OPTIONAL, why)


def _below(name: str, domain: str) -> bool:
    """Whether the name's records are in this domain's zone, as far as names tell."""
    return name == domain or name.endswith(f".{domain}")
