"""Couriers against real servers on loopback; names and addresses are made up by the test."""

import base64
import os
from datetime import UTC, datetime
from random import Random

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred as Waiting
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from mailstack.accounts.api import IssuerUnreachable
from mailstack.base.secret import Secret
from mailstack.dns.api import Addresses, DnsFailure, MxHost, MxSet, NoSuchDomain
from mailstack.queue.api import Deferred, Delivered, Envelope, Failed, Recipient
from mailstack.relay.courier import MxCourier, SmarthostCourier
from mailstack.relay.dial import TcpDialler
from mailstack.relay.pool import Pool
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings, Smarthost, SmarthostTls
from mailstack.tls.authority import make_certificate
from mailstack.tls.contexts import ClientContexts
from tests.fakes.smtpsink import DROP, Sink
from tests.fakes.spin import spinning

X, Y, Z = Recipient("x@t.test"), Recipient("y@t.test"), Recipient("z@t.test")
MESSAGE = b"Subject: hello\r\n\r\n.dots\r\n..and more\r\n.\r\nend\r\n"


class BytesContent:
    def __init__(self, octets):
        self.octets = octets
        self.size = len(octets)

    def read(self, offset, length):
        return self.octets[offset : offset + length]

    def close(self):
        pass


class Names:
    """A resolver of made-up answers; an exception is raised."""

    def __init__(self, mx=(), **addresses):
        self._mx = dict(mx)
        self._addresses = addresses

    async def mx(self, domain):
        return MxSet(hosts=self._told(self._mx, domain, ()))

    async def addresses(self, host):
        return Addresses(ips=self._told(self._addresses, host, NoSuchDomain(host)))

    def _told(self, table, name, otherwise):
        answer = table.get(name, otherwise)
        if isinstance(answer, Exception):
            raise answer
        return tuple(answer)


class Nowhere:
    def connect(self, factory):
        raise ConnectError(string="unreachable")


class MapDialler:
    """Made-up addresses lead to real ports; others nowhere."""

    def __init__(self, reactor, ports):
        self._reactor, self._ports = reactor, ports
        self.dialled = []

    def __call__(self, ip, port):
        self.dialled.append((ip, port))
        if ip not in self._ports:
            return Nowhere()
        return TCP4ClientEndpoint(self._reactor, "127.0.0.1", self._ports[ip])


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    def __init__(self, made, *, broken=False):
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        if not broken:  # a server without a certificate fails every handshake
            self.context.use_certificate_chain_file(made.certificate)
            self.context.use_privatekey_file(made.key)

    def serverConnectionForTLS(self, tlsProtocol):  # noqa: N803
        return SSL.Connection(self.context, None)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), ["mx1.t.test", "smart.test"])


@pytest.fixture
def spin():
    with spinning() as spinner:
        yield spinner


class Field:
    """Sinks at addresses 192.0.2.1, .2…, named mx1.t.test, mx2.t.test…, MX of t.test in that order."""

    def __init__(self, spin, certificate, *sinks):
        self.spin = spin
        self.sinks = sinks
        self.contexts = ClientContexts([certificate.authority])
        ips = [f"192.0.2.{n}" for n in range(1, len(sinks) + 1)]
        self.dialler = MapDialler(spin.reactor, {ip: s.port for ip, s in zip(ips, sinks, strict=True) if s})
        hosts = {f"mx{n}.t.test": (ip,) for n, ip in enumerate(ips, 1)}
        hosts["smart.test"] = ("192.0.2.1",)
        mx = tuple(MxHost(10 * n, host) for n, host in enumerate(hosts, 1) if host != "smart.test")
        self.names = Names({"t.test": mx}, **hosts)
        self.settings = RelaySettings("here.test", frozenset({"here.test"}))
        self.pool = Pool(spin.reactor, self.settings.reuse)
        self.visits = Visits("here.test", self.dialler, spin.reactor, self.contexts, self.settings.limits, self.pool)

    def mx(self, *recipients, content=MESSAGE, names=None, **more):
        courier = MxCourier(self.settings, names or self.names, self.visits, Random(1))
        return self.deliver(courier, recipients, content, **more)

    def smarthost(self, *recipients, host="smart.test", **settings):
        smarthost = Smarthost(host, **settings)
        courier = SmarthostCourier(self.settings, smarthost, self.names, self.visits)
        return self.deliver(courier, recipients, MESSAGE)

    def deliver(self, courier, recipients, content, **more):
        recipients = recipients or (X,)
        envelope = Envelope("m1", "a@here.test", recipients, len(content), datetime.now(UTC), **more)
        return self.spin.run(courier.deliver(envelope, recipients, BytesContent(content)))

    def close(self):
        self.pool.close()
        self.spin.until(lambda: not any(isinstance(s, Sink) and s.busy for s in self.sinks))
        for sink in self.sinks:
            if sink:
                sink.stop()


@pytest.fixture
def field(spin, certificate):
    made = []

    def make(*scripts, **more):
        sinks = [script and Sink(spin.reactor, script=script, **more) for script in scripts]
        made.append(Field(spin, certificate, *sinks))
        return made[-1]

    yield make
    for each in made:
        each.close()


USUAL = {"HELP": "214 no"}  # a sink without anything special


def test_delivered_octet_for_octet(field):
    f = field(USUAL)
    outcome = f.mx(X, Y)
    assert set(outcome) == {X, Y}
    assert all(isinstance(each, Delivered) for each in outcome.values())
    assert outcome[X].reply.text == "queued as 1"
    assert (outcome[X].reply.host, outcome[X].tls) == ("mx1.t.test", "")
    (mail, rcpts, octets) = f.sinks[0].mails[0]
    assert octets == MESSAGE
    assert mail == f"MAIL FROM:<a@here.test> SIZE={len(MESSAGE)}"
    assert rcpts == ("RCPT TO:<x@t.test>", "RCPT TO:<y@t.test>")
    assert f.sinks[0].commands[0][-1] == "DATA"
    f.pool.close()
    f.spin.until(lambda: f.sinks[0].commands[0][-1] == "QUIT")


@pytest.mark.parametrize("knows", [True, False])
def test_who_reports_success_is_known_from_the_offer(field, knows):
    """RFC 3461 §5.2.2"""
    asked = Recipient("x@t.test", orcpt="rfc822;x@t.test", notify=frozenset({"SUCCESS"}))
    f = field(USUAL, keywords=["PIPELINING", "DSN"] if knows else ["PIPELINING"])
    assert f.mx(asked)[asked].reports is knows
    [(_mail, rcpts, _octets)] = f.sinks[0].mails
    assert list(rcpts) == ["RCPT TO:<x@t.test>" + (" NOTIFY=SUCCESS ORCPT=rfc822;x@t.test" if knows else "")]


def test_a_large_message_octet_for_octet(field):
    f = field(USUAL)
    content = (b".\r\n" + os.urandom(997).replace(b"\r", b"x").replace(b"\n", b"y") + b"\r\n") * 3000
    outcome = f.mx(content=content)
    assert isinstance(outcome[X], Delivered)
    assert f.sinks[0].mails[0][2] == content
    assert f.sinks[0].mails[0][0].endswith("BODY=8BITMIME")


def test_eight_bit_is_noticed_when_nobody_said_so(field):
    f = field(USUAL)
    f.mx(content="Subject: gr\xfc\xdfe\r\n\r\n".encode())
    assert f.sinks[0].mails[0][0].endswith("BODY=8BITMIME")


def test_recipients_have_outcomes_of_their_own(field):
    f = field({"RCPT x@t.test": "550 5.1.1 nobody", "RCPT y@t.test": "451 4.7.1 greylisted"})
    outcome = f.mx(X, Y, Z)
    assert isinstance(outcome[X], Failed)
    assert outcome[X].reply.status == "5.1.1"
    assert outcome[X].reply.command == "RCPT TO:<x@t.test>"
    assert isinstance(outcome[Y], Deferred)
    assert isinstance(outcome[Z], Delivered)


@pytest.mark.parametrize(
    "first",
    [
        {"GREETING": "554 no"},
        {"GREETING": "421 busy"},
        {"GREETING": DROP},
        {"EHLO": "550 no", "HELO": "550 no"},
        {"MAIL": DROP},
        {"MAIL": "421 4.3.2 going down"},
        {"DATA": DROP},
        {"GREETING": "HTTP/1.1 400 Bad Request"},
        None,
    ],
)
def test_the_next_host_is_asked(field, first):
    f = field(first, USUAL)
    outcome = f.mx(X, Y)
    assert [type(each) for each in outcome.values()] == [Delivered, Delivered]
    assert len(f.sinks[1].mails) == 1
    assert [ip for ip, _ in f.dialler.dialled] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        ({"MAIL": "550 no"}, Failed),
        ({"MAIL": "451 later"}, Deferred),
        ({"RCPT": "550 no"}, Failed),
        ({"DATA": "451 later"}, Deferred),
        ({"DOT": "554 spam"}, Failed),
        ({"DOT": "451 later"}, Deferred),
        ({"DOT": DROP}, Deferred),  # it may have the message
        ({"BODY": "552 5.3.4 enough"}, Failed),
    ],
)
def test_what_one_host_has_decided_is_not_asked_again(field, first, kind):
    f = field(first, USUAL)
    outcome = f.mx(X)
    assert isinstance(outcome[X], kind)
    assert len(f.dialler.dialled) == 1


def test_gone_in_the_middle_of_a_large_message(field):
    f = field({"BODY": DROP}, USUAL)
    content = b"x" * 78 + b"\r\n"
    outcome = f.mx(X, content=content * 400_000)
    assert isinstance(outcome[X], Delivered)
    assert len(f.sinks[1].mails[0][2]) == 32_000_000


def test_only_the_undecided_go_to_the_next_host(field):
    f = field({"RCPT x@t.test": "550 no", "DATA": DROP}, USUAL)
    outcome = f.mx(X, Y)
    assert isinstance(outcome[X], Failed)
    assert isinstance(outcome[Y], Delivered)
    assert f.sinks[1].mails[0][1] == ("RCPT TO:<y@t.test>",)


@pytest.mark.parametrize(
    ("scripts", "kind", "code"),
    [
        ([{"GREETING": "554 no"}, {"GREETING": "521 never"}], Failed, 521),
        ([{"GREETING": "421 busy"}, {"GREETING": "554 no"}], Deferred, 421),
        ([{"GREETING": "554 no"}, None], Deferred, 0),
        ([{"GREETING": "421 busy"}, None], Deferred, 421),
        ([None, None], Deferred, 0),
    ],
)
def test_when_nobody_listens(field, scripts, kind, code):
    f = field(*scripts)
    outcome = f.mx(X)
    assert isinstance(outcome[X], kind)
    assert outcome[X].reply.code == code
    if scripts == [None, None]:
        assert outcome[X].reply.host == ""


def test_next_address_of_the_same_host(field):
    f = field(USUAL)
    names = Names({"t.test": (MxHost(1, "two.test"),)}, **{"two.test": ("192.0.2.9", "2001:db8::9", "192.0.2.1")})
    assert isinstance(f.mx(X, names=names)[X], Delivered)
    assert [ip for ip, _ in f.dialler.dialled] == ["2001:db8::9", "192.0.2.9", "192.0.2.1"]


@pytest.mark.parametrize(
    ("names", "kind", "status"),
    [
        (Names({"t.test": NoSuchDomain("t.test")}), Failed, "5.1.2"),
        (Names({"t.test": DnsFailure("SERVFAIL")}), Deferred, "4.4.3"),
        (Names({"t.test": (MxHost(0, ""),)}), Failed, "5.1.10"),
        (Names({"t.test": (MxHost(1, "here.test"),)}), Failed, "5.4.6"),
        (Names({"t.test": (MxHost(1, "gone.test"),)}), Failed, "5.4.4"),
        (
            Names({"t.test": (MxHost(1, "gone.test"), MxHost(2, "ill.test"))}, **{"ill.test": DnsFailure("x")}),
            Deferred,
            "4.4.3",
        ),
        (Names({}, **{"t.test": ()}), Failed, "5.4.4"),
        (Names({"t.test": (MxHost(1, "there.test"),)}, **{"there.test": ("192.0.2.99",)}), Deferred, "4.4.1"),
    ],
)
def test_names(field, names, kind, status):
    outcome = field(USUAL).mx(X, Y, names=names)
    assert [type(each) for each in outcome.values()] == [kind, kind]
    assert outcome[X].reply.status == status
    assert outcome[X].reply.host == ""


def test_implicit_mx_and_address_literals(field):
    f = field(USUAL)
    assert isinstance(f.mx(X, names=Names({}, **{"t.test": ("192.0.2.1",)}))[X], Delivered)
    literal = Recipient("x@[192.0.2.1]")
    assert isinstance(f.mx(literal)[literal], Delivered)
    broken = Recipient("x@[192.0.2]")
    assert f.mx(broken)[broken].reply.status == "5.1.2"


def test_more_recipients_than_the_server_takes_at_once(field):
    f = field({"RCPT y@t.test": ["452 4.5.3 too many", "250 ok"], "RCPT z@t.test": ["552 too many", "250 ok"]})
    outcome = f.mx(X, Y, Z)
    assert [type(each) for each in outcome.values()] == [Delivered] * 3
    assert [len(rcpts) for _, rcpts, _ in f.sinks[0].mails] == [1, 2]
    assert len(f.sinks[0].commands) == 1


def test_addresses_beyond_ascii(field):
    f = field(USUAL)
    local = Recipient("j\xf6rg@t.test")
    assert f.mx(local)[local].reply.status == "5.6.7"
    assert f.dialler.dialled == []
    names = Names({"b\xfccher.test": (MxHost(1, "mx1.t.test"),)}, **{"mx1.t.test": ("192.0.2.1",)})
    domain = Recipient("x@b\xfccher.test")
    assert isinstance(f.mx(domain, names=names)[domain], Delivered)
    assert f.sinks[0].mails[0][1] == ("RCPT TO:<x@xn--bcher-kva.test>",)


# --- TLS --------------------------------------------------------------------------------------------------


def test_opportunistic_tls_with_any_certificate(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate))
    outcome = f.mx(X)
    assert outcome[X].tls.startswith("TLSv1.3 TLS_")
    assert outcome[X].tls.endswith("unverified")
    assert f.sinks[0].under_tls == [True]
    assert f.sinks[0].commands[0][:3] == ["EHLO here.test", "STARTTLS", "EHLO here.test"]


def test_broken_opportunistic_tls_is_left_out(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate, broken=True))
    outcome = f.mx(X)
    assert isinstance(outcome[X], Delivered)
    assert outcome[X].tls == ""
    assert len(f.sinks[0].commands) == 2
    assert "STARTTLS" not in f.sinks[0].commands[1]


def test_starttls_refused_goes_on_in_the_clear(field, certificate):
    f = field({"STARTTLS": "454 not now"}, tls=ServerTls(certificate))
    assert isinstance(f.mx(X)[X], Delivered)
    assert f.sinks[0].under_tls == [False]
    assert len(f.sinks[0].commands) == 1


LOGIN = {"user": "me", "password": Secret("pass")}


def test_smarthost_with_login_over_verified_tls(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate), keywords=["AUTH PLAIN LOGIN", "PIPELINING"])
    other = Recipient("o@elsewhere.test")
    outcome = f.smarthost(X, other, port=2587, **LOGIN)
    assert [type(each) for each in outcome.values()] == [Delivered, Delivered]
    assert outcome[X].tls.endswith(" verified")
    assert f.dialler.dialled == [("192.0.2.1", 2587)]
    assert f.sinks[0].commands[0][3].startswith("AUTH PLAIN ")


class Tokens:
    def __init__(self, *answers):
        self.answers = answers

    async def token(self):
        if not self.answers:
            raise IssuerUnreachable("https://id.test: no answer")
        return Secret(self.answers[0])


def test_smarthost_with_a_token(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate), keywords=["AUTH XOAUTH2 LOGIN"])
    outcome = f.smarthost(X, user="me", tokens=Tokens("t0ken"))
    assert isinstance(outcome[X], Delivered)
    said = base64.b64encode(b"user=me\x01auth=Bearer t0ken\x01\x01").decode()
    assert f"AUTH XOAUTH2 {said}" in f.sinks[0].commands[0]


def test_smarthost_without_a_token(field):
    """Nobody is called, the mail waits, and the reason is told."""
    f = field(USUAL)
    outcome = f.smarthost(X, user="me", tokens=Tokens())
    assert isinstance(outcome[X], Deferred)
    assert "no access token: https://id.test: no answer" in outcome[X].reply.text
    assert f.dialler.dialled == []


def test_smarthost_with_implicit_tls_and_auth_login(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate), keywords=["AUTH LOGIN"])
    f.sinks[0].implicit = True
    outcome = f.smarthost(X, tls=SmarthostTls.IMPLICIT, **LOGIN)
    assert isinstance(outcome[X], Delivered)
    assert f.sinks[0].under_tls == [True]
    assert f.sinks[0].commands[0][1] == "AUTH LOGIN"


def test_smarthost_in_the_clear_when_told_so(field):
    f = field(USUAL)
    assert isinstance(f.smarthost(X, host="192.0.2.1", tls=SmarthostTls.NONE)[X], Delivered)


@pytest.mark.parametrize(
    ("script", "offers_tls", "settings", "status"),
    [
        (USUAL, False, {}, "4.7.0"),
        ({"STARTTLS": "454 4.7.0 not now"}, True, {}, "4.7.0"),
        ({"AUTH": "535 5.7.8 wrong"}, True, LOGIN, "4.7.8"),
        ({"AUTH": DROP}, True, LOGIN, "4.7.8"),
        ({"GREETING": "421 4.3.2 busy"}, True, LOGIN, "4.3.2"),
        (USUAL, True, {"host": "192.0.2.1"}, "4.7.5"),  # its certificate has no such name
        (USUAL, True, {"host": "gone.test"}, "4.4.4"),
        ("broken", True, {}, "4.7.5"),
    ],
)
def test_a_smarthost_that_cannot_be_used_defers(field, certificate, script, offers_tls, settings, status):
    tls = ServerTls(certificate, broken=script == "broken") if offers_tls else None
    f = field(USUAL if script == "broken" else script, tls=tls, keywords=["AUTH PLAIN"])
    outcome = f.smarthost(X, **settings)
    assert isinstance(outcome[X], Deferred)
    assert outcome[X].reply.status == status
    assert f.sinks[0].mails == []
    assert all("STARTTLS" in said or not any(s.startswith("AUTH") for s in said) for said in f.sinks[0].commands)


def test_an_unverified_smarthost_when_told_so(field, certificate):
    f = field(USUAL, tls=ServerTls(certificate))
    assert f.smarthost(X, host="192.0.2.1", verify=False)[X].tls.endswith("unverified")


def test_cancelling_hangs_up(field):
    f = field({"MAIL": "250-never ending"})
    courier = MxCourier(f.settings, f.names, f.visits, Random(1))
    envelope = Envelope("m1", "a@here.test", (X,), 3, datetime.now(UTC))
    failures = []
    waiting = Waiting.fromCoroutine(courier.deliver(envelope, (X,), BytesContent(b"a\r\n")))
    waiting.addErrback(failures.append)
    f.spin.until(lambda: f.sinks[0].commands and "DATA" in f.sinks[0].commands[0])
    waiting.cancel()
    assert len(failures) == 1
    f.spin.until(lambda: not f.sinks[0].busy)


def test_the_real_dialler(spin):
    sink = Sink(spin.reactor)
    settings = RelaySettings("here.test", port=sink.port)
    dialler = TcpDialler(spin.reactor, timeout_seconds=5.0, bind_ip="127.0.0.1")
    names = Names({}, **{"t.test": ("::1", "127.0.0.1")})
    pool = Pool(spin.reactor, settings.reuse)
    visits = Visits("here.test", dialler, spin.reactor, ClientContexts(), settings.limits, pool)
    courier = MxCourier(settings, names, visits, Random(1))
    envelope = Envelope("m1", "", (X,), len(MESSAGE), datetime.now(UTC))
    assert isinstance(spin.run(courier.deliver(envelope, (X,), BytesContent(MESSAGE)))[X], Delivered)
    assert sink.mails[0][0].startswith("MAIL FROM:<>")
    pool.close()
    spin.until(lambda: not sink.busy)
    sink.stop()
