"""For the command line, which has no reactor: one question to one server, and dynamic updates.  It blocks.

dnspython does all of it; here are the words for what went wrong.  RFC 2136, RFC 8945
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.resolver
import dns.tsig
import dns.tsigkeyring
import dns.update

from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret
from mailstack.dns.api import DnsFailure

__all__ = ["NoAnswer", "TsigKey", "ask_server", "change_text", "publish", "read_key", "zone_of"]

SECONDS = 5.0
_SHORT_TTL = 60  # seconds, of a record that lasts for one order
Server = tuple[str, int]


class NoAnswer(DnsFailure):
    """The server is silent: there is no use in asking it more."""


class TsigKey:
    """Who may change the zone: what `tsig-keygen` prints."""

    def __init__(self, name: str, algorithm: str, secret: Secret) -> None:
        self.name, self.algorithm, self._secret = name, algorithm, secret

    def ring(self) -> dict[dns.name.Name, dns.tsig.Key]:
        name = dns.name.from_text(self.name)
        return {name: dns.tsig.Key(name, self._secret.reveal(), self.algorithm)}


def read_key(file: str) -> TsigKey:
    """From a file as `tsig-keygen` and `ddns-confgen` write it.  MailError when it is none."""
    text = Path(file).read_text("utf-8")
    words = text.replace("{", " ").replace("}", " ").replace(";", " ").replace('"', " ").split()
    try:
        name = words[words.index("key") + 1]
        algorithm = words[words.index("algorithm") + 1]
        secret = words[words.index("secret") + 1]
        base64.b64decode(secret, validate=True)
    except (ValueError, IndexError, binascii.Error):
        raise MailError(
            Condition.BAD_CONTENT,
            f'{file} has no TSIG key; it looks like: key "name" {{ algorithm hmac-sha256; secret "…"; }};'
            "  Make one with: tsig-keygen",
        ) from None
    return TsigKey(name, algorithm, Secret(secret))


def ask_server(server: Server, owner: str, kind: str) -> Sequence[str]:
    """The data of the records, texts joined; none when the name or the type is not there.  DnsFailure."""
    rdtype = dns.rdatatype.from_text(kind)
    query = dns.message.make_query(dns.name.from_text(owner), rdtype, use_edns=0, payload=1232)
    query.flags |= dns.flags.RD
    try:
        answer, _ = dns.query.udp_with_fallback(query, server[0], port=server[1], timeout=SECONDS)
    except dns.exception.Timeout:
        raise NoAnswer(f"{server[0]} does not answer within {SECONDS:.0f} s") from None
    except (OSError, dns.exception.DNSException) as failure:
        raise DnsFailure(f"{server[0]}: {failure}") from None
    if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        raise DnsFailure(f"{server[0]} says {dns.rcode.to_text(answer.rcode())}")
    return [_text(record) for rrset in answer.answer if rrset.rdtype == rdtype for record in rrset]


def _text(record: dns.rdata.Rdata) -> str:
    if isinstance(record, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(record.strings).decode("utf-8", "replace")
    return record.to_text()


def zone_of(server: Server, owner: str) -> str:
    """The zone that a name is in, as the server knows it by its SOA.  DnsFailure."""
    name = dns.name.from_text(owner)
    while len(name.labels) > 1:
        query = dns.message.make_query(name, dns.rdatatype.SOA)
        try:
            answer, _ = dns.query.udp_with_fallback(query, server[0], port=server[1], timeout=SECONDS)
        except (OSError, dns.exception.DNSException) as failure:
            raise DnsFailure(f"{server[0]}: {failure}") from None
        if any(rrset.rdtype == dns.rdatatype.SOA and rrset.name == name for rrset in answer.answer):
            return name.to_text().rstrip(".")
        name = name.parent()
    raise DnsFailure(f"{server[0]} has no zone for {owner}")


def publish(
    server: Server, zone: str, key: TsigKey | None, records: Iterable[tuple[str, str, int, str, Sequence[str]]]
) -> None:
    """One update, all or nothing: (owner, type, TTL, new data, old data to be removed).  DnsFailure.

    Only the given old data goes: other TXT records of the same name are somebody else's.
    """
    ring = key.ring() if key else None
    name = dns.name.from_text(key.name) if key else None
    update = dns.update.UpdateMessage(zone, keyring=ring, keyname=name)
    for owner, kind, ttl, data, old in records:
        at = dns.name.from_text(owner)
        for gone in old:
            update.delete(at, _rdata(kind, gone))
        update.add(at, ttl, _rdata(kind, data))
    _send(server, update, key)


def change_text(server: Server, key: TsigKey | None, owner: str, *, put: str = "", remove: str = "") -> None:
    """One TXT record more, or one less.  DnsFailure."""
    ring = key.ring() if key else None
    name = dns.name.from_text(key.name) if key else None
    update = dns.update.UpdateMessage(zone_of(server, owner), keyring=ring, keyname=name)
    if put:
        update.add(dns.name.from_text(owner), _SHORT_TTL, _rdata("TXT", put))
    if remove:
        update.delete(dns.name.from_text(owner), _rdata("TXT", remove))
    _send(server, update, key)


def _send(server: Server, update: dns.update.UpdateMessage, key: TsigKey | None) -> None:
    try:
        answer = dns.query.tcp(update, server[0], port=server[1], timeout=SECONDS)
    except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.tsig.BadTime) as failure:
        raise DnsFailure(f"{server[0]} does not accept the key {key.name if key else ''}: {failure}") from None
    except (OSError, dns.exception.DNSException) as failure:
        raise DnsFailure(f"{server[0]}: {failure or type(failure).__name__}") from None
    if answer.rcode() != dns.rcode.NOERROR:
        hint = "; the server's update policy must allow this key" if answer.rcode() == dns.rcode.REFUSED else ""
        raise DnsFailure(f"{server[0]} refuses the change: {dns.rcode.to_text(answer.rcode())}{hint}")


def _rdata(kind: str, data: str) -> dns.rdata.Rdata:
    if kind == "TXT":
        octets = data.encode()
        strings = [octets[start : start + 255] for start in range(0, len(octets), 255)]
        return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), data)
