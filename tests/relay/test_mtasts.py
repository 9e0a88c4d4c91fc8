"""Policies: read, kept in the database, fetched over real HTTPS on loopback."""

import pytest
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource
from twisted.web.server import Site

from mailstack.base.errors import ParseFault
from mailstack.dns.api import Addresses, DnsFailure, NoSuchDomain, Texts
from mailstack.relay.mtasts import MAX_AGE, StsMode, StsPolicy, read_policy, read_record
from mailstack.relay.stsfetch import HttpsFetch
from mailstack.relay.stspolicies import FetchFailed, StsPolicies
from mailstack.tls.authority import make_certificate
from mailstack.tls.contexts import ClientContexts
from tests.fakes.spin import spinning
from tests.queue.world import FakeLedger, run
from tests.relay.test_courier import MapDialler, ServerTls

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.t.test\r\nmx: *.mx.T.test\r\nmax_age: 86400\r\n"
POLICY = StsPolicy(StsMode.ENFORCE, ("mx1.t.test", "*.mx.t.test"), 86400)


@pytest.mark.parametrize(
    ("octets", "policy"),
    [
        (GOOD, POLICY),
        (GOOD.replace(b"\r\n", b"\n"), POLICY),
        (
            b"version:STSv1\nmode:testing\nmx:a.test\nmax_age:1\nnews: of tomorrow",
            StsPolicy(StsMode.TESTING, ("a.test",), 1),
        ),
        (b"version: STSv1\nmode: none\nmax_age: 9999999999", StsPolicy(StsMode.NONE, (), MAX_AGE)),
        (b"version: STSv1\nmode: none\nmode: enforce\nmax_age: 5\n", StsPolicy(StsMode.NONE, (), 5)),
    ],
)
def test_policies(octets, policy):
    assert read_policy(octets) == policy


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html>not found</html>",
        b"version: STSv2\nmode: none\nmax_age: 1",
        b"version: STSv1\nmode: strict\nmx: a.test\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmx: a.test\n",
        b"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1\n",
        b"version: STSv1\nmode: enforce\nmax_age: 1\n",
        b"version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1\n",
        b"version: STSv1\nmode: enforce\nmx: a.*.test\nmax_age: 1\n",
    ],
)
def test_no_policies(octets):
    with pytest.raises(ParseFault):
        read_policy(octets)


@pytest.mark.parametrize(
    ("texts", "id_"),
    [
        ((b"v=STSv1; id=20260101T0;",), "20260101T0"),
        ((b"v=STSv1;id=1", b"something else"), "1"),
        ((b"v=STSv1; id=1; new=x",), "1"),
        ((), None),
        ((b"v=STSv1; id=1", b"v=STSv1; id=2"), None),
        ((b"v=STSv10; id=1",), None),
        ((b"v=STSv1;",), None),
        ((b"v=STSv1; id=not-an-id",), None),
        ((b"v=STSv1; id=" + b"1" * 33,), None),
    ],
)
def test_records(texts, id_):
    assert read_record(texts) == id_


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("mx1.t.test", True),
        ("MX1.T.TEST", True),
        ("a.mx.t.test", True),
        ("a.b.mx.t.test", False),
        ("mx.t.test", False),
        ("mx2.t.test", False),
    ],
)
def test_hosts_that_are_covered(host, covered):
    assert POLICY.covers(host) is covered


# --- kept -------------------------------------------------------------------------------------------------


class World:
    """One domain, its record, its web server, a clock."""

    def __init__(self, tmp_path):
        self.texts_now = (b"v=STSv1; id=1;",)
        self.octets = GOOD
        self.fetched = self.asked = 0
        self.clock = 1000.0
        self.ledger = FakeLedger(tmp_path / "index.sqlite")
        self.restart()

    def restart(self):
        self.policies = StsPolicies(self, self.fetch, self.ledger, lambda: self.clock)

    async def texts(self, name):
        assert name == "_mta-sts.t.test"
        self.asked += 1
        if self.texts_now is None:
            raise DnsFailure("servfail")
        return Texts(texts=self.texts_now)

    async def fetch(self, domain):
        assert domain == "t.test"
        self.fetched += 1
        if self.octets is None:
            raise FetchFailed("status 404")
        return self.octets

    def of(self):
        return run(self.policies.of("t.test"))


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.ledger.connection.close()


def test_fetched_once_and_kept_over_a_restart(world):
    assert world.of() == POLICY
    world.restart()
    world.octets = None
    assert world.of() == POLICY
    assert world.fetched == 1


def test_a_new_id_brings_a_new_policy(world):
    world.of()
    world.texts_now, world.octets = (b"v=STSv1; id=2;",), b"version: STSv1\nmode: none\nmax_age: 60\n"
    assert world.of() is None
    assert world.fetched == 2


@pytest.mark.parametrize("texts", [(), None, (b"v=STSv1; id=2;",)])
def test_who_hides_the_record_or_the_policy_takes_no_tls_away(world, texts):
    world.of()
    world.texts_now, world.octets = texts, None
    assert world.of() == POLICY
    world.clock += 86400
    assert world.of() is None


def test_failures_are_not_tried_again_at_once(world):
    world.octets = None
    assert world.of() is None
    assert world.of() is None
    assert (world.fetched, world.asked) == (1, 1)
    world.clock += 300
    world.octets = GOOD
    assert world.of() == POLICY


def test_a_domain_without_a_policy(world):
    world.texts_now = ()
    assert world.of() is None
    assert world.fetched == 0


def test_a_full_disk_costs_only_the_keeping(world):
    world.ledger.broken = 9
    assert world.of() == POLICY


# --- fetched ----------------------------------------------------------------------------------------------


class Page(Resource):
    isLeaf = True  # noqa: N815  Twisted's

    def __init__(self, code, headers, octets):
        super().__init__()
        self.code, self.headers, self.octets = code, headers, octets
        self.asked = []

    def render_GET(self, request):
        self.asked.append((request.path, request.getHeader("host")))
        request.setResponseCode(self.code)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        return self.octets


class Hosts:
    async def addresses(self, host):
        if host == "mta-sts.t.test":
            return Addresses(ips=("192.0.2.9",))
        if host == "mta-sts.bare.test":
            return Addresses()
        raise NoSuchDomain(host)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("sts"), ["mta-sts.t.test"])


class Web:
    def __init__(self, spin, certificate, page):
        self.spin, self.page = spin, page
        site = Site(page, reactor=spin.reactor)
        site.noisy = False
        under_tls = TLSMemoryBIOFactory(ServerTls(certificate), False, site, clock=spin.reactor)
        under_tls.noisy = False
        self.listening = spin.reactor.listenTCP(0, under_tls, interface="127.0.0.1")
        dialler = MapDialler(spin.reactor, {"192.0.2.9": self.listening.getHost().port})
        contexts = ClientContexts([certificate.authority])
        self.fetch = HttpsFetch(spin.reactor, Hosts(), dialler, contexts)

    def get(self, domain="t.test"):
        return self.spin.run(self.fetch(domain))


PLAIN = {b"content-type": b"text/plain; charset=utf-8"}


@pytest.fixture
def web(certificate):
    with spinning() as spin:
        made = []

        def make(code=200, headers=PLAIN, octets=GOOD, certificate=certificate):
            made.append(Web(spin, certificate, Page(code, headers, octets)))
            return made[-1]

        yield make
        for each in made:
            each.listening.stopListening()


def test_a_policy_over_https(web):
    w = web()
    assert w.get() == GOOD
    assert w.page.asked[0][0] == b"/.well-known/mta-sts.txt"
    assert w.page.asked[0][1].startswith("mta-sts.t.test")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"code": 404}, "status 404"),
        ({"code": 301, "headers": {b"location": b"https://elsewhere.test/"}}, "status 301"),
        ({"headers": {b"content-type": b"text/html"}}, "text/html in place of text/plain"),
        ({"octets": b"x" * 70_000}, "longer than"),
    ],
)
def test_what_is_no_policy(web, page, words):
    with pytest.raises(FetchFailed, match=words):
        web(**page).get()


def test_another_names_certificate(web, tmp_path):
    other = make_certificate(tmp_path, ["t.test"])
    with pytest.raises(FetchFailed, match="https://mta-sts.t.test"):
        web(certificate=other).get()


@pytest.mark.parametrize("domain", ["bare.test", "gone.test", "b\u00fccher.test", "\u2024.test"])
def test_nowhere_to_ask(web, domain):
    with pytest.raises(FetchFailed):
        web().get(domain)
