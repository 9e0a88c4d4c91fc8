"""The stub resolver against a real little server on loopback."""

import pytest
from twisted.internet.defer import Deferred, gatherResults

from mailstack.dns.api import DnsFailure, MxHost, NoSuchDomain, TlsaRecord
from mailstack.dns.cache import CacheLimits
from mailstack.dns.client import DnsClient, DnsTimes
from mailstack.dns.resolvconf import Servers
from tests.fakes.dnsserver import DnsServer
from tests.fakes.spin import spinning

RECORDS = [
    "a.test. 60 IN MX 20 MX2.a.test.",
    "a.test. 60 IN MX 10 mx1.a.test.",
    "mx1.a.test. 60 IN A 192.0.2.1",
    "mx1.a.test. 60 IN AAAA 2001:db8::1",
    "four.test. 60 IN A 192.0.2.4",
    "null.test. 60 IN MX 0 .",
    "alias.test. 60 IN CNAME a.test.",
    "dangling.test. 60 IN CNAME nowhere.test.",
]


@pytest.fixture
def spin():
    with spinning() as spinner:
        yield spinner


@pytest.fixture
def server(spin):
    made = DnsServer(spin.reactor, RECORDS)
    yield made
    made.stop()


def client(spin, *servers, trust_ad=True, rounds=(0.2,)):
    addresses = tuple(("127.0.0.1", server.port if isinstance(server, DnsServer) else server) for server in servers)
    return DnsClient(Servers(addresses, trust_ad), spin.reactor, times=DnsTimes(rounds, 2.0), cache=CacheLimits())


def test_mx_and_addresses(spin, server):
    resolver = client(spin, server)
    mx = spin.run(resolver.mx("A.test."))
    assert set(mx.hosts) == {MxHost(10, "mx1.a.test"), MxHost(20, "mx2.a.test")}
    assert spin.run(resolver.addresses("mx1.a.test")).ips == ("2001:db8::1", "192.0.2.1")
    assert spin.run(resolver.addresses("four.test")).ips == ("192.0.2.4",)
    assert spin.run(resolver.mx("null.test")).hosts == (MxHost(0, ""),)
    assert spin.run(resolver.mx("four.test")).hosts == ()
    assert spin.run(resolver.addresses("a.test")).ips == ()


def test_kept_also_when_there_is_nothing(spin, server):
    resolver = client(spin, server)
    for _ in range(2):
        spin.run(resolver.mx("four.test"))
        with pytest.raises(NoSuchDomain):
            spin.run(resolver.mx("nowhere.test"))
        with pytest.raises(NoSuchDomain):
            spin.run(resolver.addresses("nowhere.test"))
    assert [asked[:2] for asked in server.asked] == [
        ("four.test", "MX"),
        ("nowhere.test", "MX"),
        ("nowhere.test", "AAAA"),
        ("nowhere.test", "A"),
    ]


def test_without_soa_nothing_is_kept(spin, server):
    server.quirks["four.test", "MX"] = "nosoa"
    resolver = client(spin, server)
    for _ in range(2):
        assert spin.run(resolver.mx("four.test")).hosts == ()
    assert len(server.asked) == 2


def test_aliases(spin, server):
    resolver = client(spin, server)
    assert len(spin.run(resolver.mx("alias.test")).hosts) == 2
    with pytest.raises(NoSuchDomain):
        spin.run(resolver.mx("dangling.test"))


def test_an_alias_that_the_server_does_not_follow(spin, server):
    server.quirks["alias.test", "MX"] = "no-chase"
    assert len(spin.run(client(spin, server).mx("alias.test")).hosts) == 2
    assert [asked[0] for asked in server.asked] == ["alias.test", "a.test"]


def test_tcp_when_it_is_cut_short(spin, server):
    for n in range(100):
        server.add(f"big.test. 60 IN MX {n} a-rather-long-name-number-{n}.big.test.")
    server.quirks["big.test", "MX"] = "truncate"
    assert len(spin.run(client(spin, server).mx("big.test")).hosts) == 100
    assert [asked[2] for asked in server.asked] == ["udp", "tcp"]


@pytest.mark.parametrize("quirk", ["garbage", "wrong-id", "wrong-question", "formerr-edns"])
def test_odd_answers_do_not_mislead(spin, server, quirk):
    server.quirks["a.test", "MX"] = quirk
    assert len(spin.run(client(spin, server).mx("a.test")).hosts) == 2


@pytest.mark.parametrize(
    ("quirk", "words"), [("servfail", "SERVFAIL"), ("refused", "REFUSED"), ("silent", "no answer")]
)
def test_no_usable_answer_is_temporary_and_not_kept(spin, server, quirk, words):
    server.quirks["a.test", "MX"] = quirk
    resolver = client(spin, server)
    with pytest.raises(DnsFailure, match=words):
        spin.run(resolver.mx("a.test"))
    server.quirks.clear()
    assert len(spin.run(resolver.mx("a.test")).hosts) == 2


def test_the_next_server_is_asked(spin, server):
    broken = DnsServer(spin.reactor, RECORDS)
    broken.quirks["a.test", "MX"] = "servfail"
    assert len(spin.run(client(spin, broken, server).mx("a.test")).hosts) == 2
    assert (len(broken.asked), len(server.asked)) == (1, 1)
    broken.stop()


def test_a_closed_port_does_not_take_the_whole_time(spin, server):
    gone = DnsServer(spin.reactor)
    port = gone.port
    gone.stop()
    spin.reactor.iterate(0)
    resolver = client(spin, port, server, rounds=(15.0,))
    assert len(spin.run(resolver.mx("a.test"), limit=10.0).hosts) == 2


def test_a_second_round(spin, server):
    server.quirks["a.test", "MX"] = "silent"
    resolver = client(spin, server, rounds=(0.05, 5.0))
    waiting = Deferred.fromCoroutine(resolver.mx("a.test"))
    spin.until(lambda: server.asked)
    server.quirks.clear()
    assert len(spin.run(waiting).hosts) == 2


def test_one_kind_of_address_is_enough_but_not_none_of_it(spin, server):
    server.quirks["mx1.a.test", "AAAA"] = "servfail"
    server.quirks["a.test", "AAAA"] = "servfail"
    resolver = client(spin, server)
    assert spin.run(resolver.addresses("mx1.a.test")).ips == ("192.0.2.1",)
    with pytest.raises(DnsFailure):
        spin.run(resolver.addresses("a.test"))


def test_who_asks_the_same_at_once_shares_the_answer(spin, server):
    resolver = client(spin, server)
    several = gatherResults([Deferred.fromCoroutine(resolver.mx("a.test")) for _ in range(5)])
    assert [len(mx.hosts) for mx in spin.run(several)] == [2] * 5
    assert len(server.asked) == 1


def test_who_goes_away_does_not_take_the_others_along(spin, server):
    resolver = client(spin, server)
    first, second = (Deferred.fromCoroutine(resolver.mx("a.test")) for _ in range(2))
    first.addErrback(lambda failure: None)
    first.cancel()
    assert len(spin.run(second).hosts) == 2


@pytest.mark.parametrize(("ad", "trust_ad", "secure"), [(True, True, True), (True, False, False), (False, True, False)])
def test_secure_is_what_a_trusted_server_says(spin, ad, trust_ad, secure):
    server = DnsServer(spin.reactor, RECORDS, ad=ad)
    resolver = client(spin, server, trust_ad=trust_ad)
    assert spin.run(resolver.mx("a.test")).secure is secure
    assert spin.run(resolver.addresses("mx1.a.test")).secure is secure
    server.stop()


def test_localhost_is_here(spin, server):
    assert spin.run(client(spin, server).addresses("localhost")).ips == ("127.0.0.1", "::1")
    assert server.asked == []


def test_tlsa_and_texts(spin):
    digest = "ab" * 32
    server = DnsServer(
        spin.reactor,
        [
            f"_25._tcp.mx1.a.test. 60 IN TLSA 3 1 1 {digest}",
            '_mta-sts.a.test. 60 IN TXT "v=STSv1; " "id=1;"',
        ],
        ad=True,
    )
    resolver = client(spin, server)
    found = spin.run(resolver.tlsa("mx1.a.test", 25))
    assert found.secure
    assert found.records == (TlsaRecord(3, 1, 1, bytes.fromhex(digest)),)
    assert spin.run(resolver.tlsa("nowhere.test", 25)).records == ()
    assert spin.run(resolver.texts("_mta-sts.a.test")).texts == (b"v=STSv1; id=1;",)
    assert spin.run(resolver.texts("nowhere.test")).texts == ()
    assert not spin.run(client(spin, server, trust_ad=False).tlsa("mx1.a.test", 25)).secure
    server.quirks[("_25._tcp.mx2.a.test", "TLSA")] = "servfail"
    with pytest.raises(DnsFailure):
        spin.run(resolver.tlsa("mx2.a.test", 25))
    server.stop()
