"""Queries and answers as octets; dnspython does the coding.  Pure."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import idna

from mailstack.dns.api import NoSuchDomain

__all__ = ["Found", "Query", "Trouble", "make_query", "read_answer", "to_name"]

UDP_PAYLOAD = 1232  # octets: fits every path without fragments (DNS flag day 2020)
CHAIN_MAX = 8  # CNAMEs in a row
NEGATIVE_TTL_MAX = 3600.0  # RFC 2308 §5 allows up to three hours


@dataclass(frozen=True, slots=True)
class Query:
    id: int
    name: dns.name.Name
    rdtype: dns.rdatatype.RdataType
    wire: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What there is under a name: `records` as dnspython's rdata, empty when nothing of the type.

    `exists` is False for NXDOMAIN.  `unfinished` is the end of a chain of CNAMEs that the answer did not follow.
    """

    records: tuple[dns.rdata.Rdata, ...]
    ttl: float
    secure: bool
    exists: bool = True
    unfinished: dns.name.Name | None = None


class Trouble(Enum):
    """Why octets are no answer to a query."""

    NOT_OURS = "not an answer to what was asked"  # forged, late, or garbage: keep waiting for the real one
    TRUNCATED = "cut short"  # ask again by TCP
    NO_EDNS = "EDNS not understood"  # ask again without
    SERVER_FAILED = "server failed"  # ask the next server


def to_name(text: str) -> dns.name.Name:
    """A host or domain name, U-labels allowed.  NoSuchDomain for what can be no name at all."""
    plain = text.rstrip(".")
    try:
        ascii_form = plain if plain.isascii() else idna.encode(plain, uts46=True).decode("ascii")
        return dns.name.Name([*(label.encode("ascii") for label in ascii_form.lower().split(".")), b""])
    except (idna.IDNAError, dns.exception.DNSException) as fault:
        raise NoSuchDomain(f"{text!r} is no domain name: {fault}") from fault


def make_query(name: dns.name.Name, rdtype: dns.rdatatype.RdataType, *, edns: bool) -> Query:
    """AD in a query asks for AD in the answer (RFC 6840 §5.7)."""
    query_id = secrets.randbelow(1 << 16)
    options = {"use_edns": 0, "payload": UDP_PAYLOAD} if edns else {"use_edns": False}
    message = dns.message.make_query(name, rdtype, id=query_id, **options)
    message.flags |= dns.flags.AD
    return Query(query_id, name, rdtype, message.to_wire())


def read_answer(query: Query, wire: bytes) -> Found | tuple[Trouble, str]:
    """What the octets say, or why they are of no use, with words for the log."""
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError) as fault:
        return Trouble.NOT_OURS, f"garbage: {fault}"
    if not _answers(query, message):
        return Trouble.NOT_OURS, "another question's answer"
    if message.flags & dns.flags.TC:
        return Trouble.TRUNCATED, "truncated"
    rcode = message.rcode()
    if rcode in {dns.rcode.FORMERR, dns.rcode.BADVERS}:
        return Trouble.NO_EDNS, dns.rcode.to_text(rcode)
    if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Trouble.SERVER_FAILED, dns.rcode.to_text(rcode)
    return _follow(query, message)


def _answers(query: Query, message: dns.message.Message) -> bool:
    asked = message.question
    return (
        message.id == query.id
        and bool(message.flags & dns.flags.QR)
        and len(asked) == 1
        and asked[0].name == query.name
        and asked[0].rdtype == query.rdtype
        and asked[0].rdclass == dns.rdataclass.IN
    )


def _follow(query: Query, message: dns.message.Message) -> Found | tuple[Trouble, str]:
    """Walk the CNAMEs in the answer section."""
    name, ttls, seen = query.name, [], {query.name}
    secure = bool(message.flags & dns.flags.AD)
    while (alias := _rrset(message, name, dns.rdatatype.CNAME)) is not None:
        ttls.append(float(alias.ttl))
        name = alias[0].target
        if name in seen or len(seen) > CHAIN_MAX:
            return Trouble.SERVER_FAILED, f"CNAMEs of {query.name} go in a circle"
        seen.add(name)
    found = _rrset(message, name, query.rdtype)
    if found is not None:
        return Found(tuple(found), min([*ttls, float(found.ttl)]), secure)
    exists = message.rcode() != dns.rcode.NXDOMAIN
    soa_ttl = _negative_ttl(message)
    if exists and len(seen) > 1 and soa_ttl is None:
        return Found((), min(ttls), secure, unfinished=name)
    return Found((), min([*ttls, soa_ttl or 0.0]), secure, exists=exists)


def _rrset(
    message: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    return message.get_rrset(message.answer, name, dns.rdataclass.IN, rdtype)


def _negative_ttl(message: dns.message.Message) -> float | None:
    """The SOA's TTL or minimum, whichever is less; None without SOA: not to be kept.  RFC 2308 §5"""
    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return min(float(rrset.ttl), float(rrset[0].minimum), NEGATIVE_TTL_MAX)
    return None


def texts(records: Sequence[dns.rdata.Rdata]) -> tuple[str, ...]:
    return tuple(record.to_text() for record in records)
