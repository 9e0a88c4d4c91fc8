"""A tiny DNS server on loopback, UDP and TCP on one port, that can be told to misbehave."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.protocols.basic import Int16StringReceiver

SOA = ". 60 IN SOA ns. hostmaster. 1 2 3 4 30"


class DnsServer:
    """`records` are lines of a zone file with whole names; names that are not there are NXDOMAIN.

    `quirks` by (name, type): "servfail", "refused", "silent", "truncate" (UDP), "formerr-edns", "garbage",
    "wrong-id", "wrong-question", "nosoa", "no-chase" (the answer ends at the CNAME).
    """

    def __init__(self, reactor, records=(), *, ad=False):
        self.ad = ad
        self.quirks = {}
        self.asked = []  # (name, type, transport)
        self.records = []
        for line in records:
            self.add(line)
        self._tcp = reactor.listenTCP(0, _Tcp(self), interface="127.0.0.1")
        self.port = self._tcp.getHost().port
        self._udp = reactor.listenUDP(self.port, _Udp(self), interface="127.0.0.1")

    def add(self, line):
        name, ttl, _class, rdtype, rest = line.split(None, 4)
        self.records.append(dns.rrset.from_text(name, int(ttl), "IN", rdtype, rest))

    def stop(self):
        self._tcp.stopListening()
        self._udp.stopListening()

    def answer(self, wire, transport):
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, rdtype = question.name, question.rdtype
        self.asked.append((name.to_text().rstrip("."), dns.rdatatype.to_text(rdtype), transport))
        quirk = self.quirks.get((name.to_text().rstrip("."), dns.rdatatype.to_text(rdtype)))
        response = dns.message.make_response(query, recursion_available=True)
        if quirk == "silent":
            return []
        if quirk == "formerr-edns" and query.edns >= 0:
            response = dns.message.make_response(query)
            response.use_edns(False)
            response.set_rcode(dns.rcode.FORMERR)
            return [response.to_wire()]
        if quirk in {"servfail", "refused"}:
            response.set_rcode(dns.rcode.from_text(quirk.upper()))
            return [response.to_wire()]
        if quirk == "truncate" and transport == "udp":
            response.flags |= dns.flags.TC
            return [response.to_wire()]
        self._fill(response, name, rdtype, quirk)
        return [*_forged(query, response, quirk), response.to_wire(max_size=65535)]

    def _fill(self, response, name, rdtype, quirk):
        if self.ad:
            response.flags |= dns.flags.AD
        for _ in range(20):
            alias = self._find(name, dns.rdatatype.CNAME)
            if alias is None:
                break
            response.answer.append(alias)
            name = alias[0].target
            if quirk == "no-chase":
                return
        found = self._find(name, rdtype)
        if found is not None:
            response.answer.append(found)
            return
        if not any(rrset.name == name for rrset in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if quirk != "nosoa":
            response.authority.append(dns.rrset.from_text(*SOA.split(None, 4)))

    def _find(self, name, rdtype):
        found = [rrset for rrset in self.records if rrset.name == name and rrset.rdtype == rdtype]
        if not found:
            return None
        joined = found[0].copy()
        for rrset in found[1:]:
            joined.update(rrset)
        return joined


def _forged(query, response, quirk):
    """What comes before the true answer."""
    if quirk == "garbage":
        return [b"", b"\x00\x01", b"\xff" * 40]
    if quirk in {"wrong-id", "wrong-question"}:
        forged = dns.message.from_wire(response.to_wire())
        forged.answer.clear()
        if quirk == "wrong-id":
            forged.id ^= 1
        else:
            forged.question = [dns.rrset.from_text("elsewhere.test.", 0, "IN", "A")]
        return [forged.to_wire()]
    return []


class _Udp(DatagramProtocol):
    noisy = False

    def __init__(self, server):
        self.server = server

    def datagramReceived(self, datagram, addr):
        for answer in self.server.answer(datagram, "udp"):
            self.transport.write(answer, addr)


class _Tcp(Factory):
    noisy = False

    def __init__(self, server):
        self.server = server

    def buildProtocol(self, addr):
        connection = _TcpConnection()
        connection.server = self.server
        return connection


class _TcpConnection(Int16StringReceiver):
    def stringReceived(self, string):
        for answer in self.server.answer(string, "tcp"):
            self.sendString(answer)
