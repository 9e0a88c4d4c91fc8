import random
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.ssl import DefaultOpenSSLContextFactory

from mailstack.base.secret import Secret
from mailstack.dns.cache import CacheLimits
from mailstack.dns.client import DnsClient, DnsTimes
from mailstack.dns.resolvconf import Servers
from mailstack.queue.api import RemoteReply
from mailstack.relay.advice import _OURS, _SITUATIONS, advice
from mailstack.relay.courier import MxCourier
from mailstack.relay.demands import Demands
from mailstack.relay.dial import TcpDialler
from mailstack.relay.pool import Pool
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings, Smarthost, SmarthostTls
from mailstack.relay.walk import Mark, Probe, Walk
from mailstack.smtp.conversation import ClientLimits
from mailstack.tls.authority import make_certificate
from mailstack.tls.contexts import ClientContexts
from tests.fakes.dnsserver import DnsServer
from tests.fakes.smtpsink import DROP, SILENT, Sink
from tests.fakes.spin import spinning

ZONE = [
    "t.test. 60 IN MX 10 mx.t.test.",
    "mx.t.test. 60 IN A 127.0.0.1",
    "alone.test. 60 IN A 127.0.0.1",
    "null.test. 60 IN MX 0 .",
    "lost.test. 60 IN MX 10 gone.lost.test.",
    "ours.test. 60 IN MX 10 here.test.",
]


class World:
    def __init__(self, spin):
        self.spin, self.steps = spin, []
        self.sink = Sink(spin.reactor)
        self.dns = DnsServer(spin.reactor, ZONE)
        self.dns.quirks["broken.test", "MX"] = "servfail"
        self.port = None

    def walk(self):
        reactor = self.spin.reactor
        resolver = DnsClient(
            Servers((("127.0.0.1", self.dns.port),), trust_ad=False), reactor, times=DnsTimes(), cache=CacheLimits()
        )
        settings = RelaySettings("here.test", frozenset({"here.test"}), port=self.port or self.sink.port)
        visits = Visits(
            "here.test",
            TcpDialler(reactor, timeout_seconds=5),
            reactor,
            ClientContexts(),
            ClientLimits(greeting_seconds=0.2, command_seconds=0.2),
            Pool(reactor, settings.reuse),
        )
        demands = Demands(resolver, None, settings.port)
        courier = MxCourier(settings, resolver, visits, random.Random(1), demands)
        return Walk(settings, resolver, visits, demands, courier, self.steps.append)

    def by_mx(self, domain, probe=None):
        return self.spin.run(self.walk().by_mx(domain, probe))

    @property
    def names(self):
        return [step.name for step in self.steps if step.name not in {"said", "heard"}]

    @property
    def last(self):
        return next(step for step in reversed(self.steps) if step.name not in {"said", "heard"})


@pytest.fixture
def world():
    with spinning() as spin:
        made = World(spin)
        yield made
        spin.until(lambda: not made.sink.busy)
        made.sink.stop()
        made.dns.stop()


def test_an_open_way(world):
    assert world.by_mx("t.test")
    assert world.names == ["mx", "mta-sts", "policy", "address", "starttls", "ready"]
    assert all(step.mark is not Mark.FAULT for step in world.steps)
    talk = [(step.name, step.text) for step in world.steps if step.name in {"said", "heard"}]
    assert talk[:2] == [("heard", "220 sink ESMTP"), ("said", "EHLO here.test")]
    assert "in the clear" in next(step.text for step in world.steps if step.name == "starttls")
    assert world.sink.mails == []


def test_under_tls(world, tmp_path):
    made = make_certificate(tmp_path, ["mx.t.test"])
    world.sink.tls = DefaultOpenSSLContextFactory(str(made.key), str(made.certificate))
    assert world.by_mx("t.test")
    assert world.names[-3:] == ["starttls", "certificate", "ready"]
    assert "TLSv1.3" in next(step.text for step in world.steps if step.name == "starttls")
    certificate = next(step for step in world.steps if step.name == "certificate")
    assert certificate.mark is Mark.OK
    assert "for mx.t.test" in certificate.text


def test_a_certificate_for_another_name_is_noted(world, tmp_path):
    made = make_certificate(tmp_path, ["other.test"])
    world.sink.tls = DefaultOpenSSLContextFactory(str(made.key), str(made.certificate))
    assert world.by_mx("t.test")
    certificate = next(step for step in world.steps if step.name == "certificate")
    assert certificate.mark is Mark.NOTE
    assert "it is not for mx.t.test" in certificate.text


def test_asking_for_a_recipient_sends_nothing(world):
    world.sink.script = {"RCPT no@t.test": ["550 5.1.1 no such user"]}
    assert world.by_mx("t.test", Probe("me@here.test", "yes@t.test"))
    assert not world.by_mx("t.test", Probe("me@here.test", "no@t.test"))
    assert world.last.name == "rcpt"
    assert "550 5.1.1 no such user" in world.last.text
    assert world.last.advice
    world.spin.until(lambda: not world.sink.busy)
    assert world.sink.mails == []
    assert [line.split()[0] for line in world.sink.commands[0]] == ["EHLO", "MAIL", "RCPT", "QUIT"]


@pytest.mark.parametrize(
    ("domain", "status_words", "advised"),
    [
        ("missing.test", "does not exist", "mistyped"),
        ("null.test", "null MX", "takes no mail at all"),
        ("lost.test", "gone.lost.test does not exist", "Only they can mend it"),
        ("ours.test", "leads back to this server", "domain add"),
        ("broken.test", "not known", "resolver"),
        ("[nonsense]", "no address literal", "mistyped"),
    ],
)
def test_faults_of_the_dns(world, domain, status_words, advised):
    assert not world.by_mx(domain)
    assert world.last.mark is Mark.FAULT
    assert status_words in world.last.text
    assert advised in world.last.advice


def test_no_mx_is_noted(world):
    assert world.by_mx("alone.test")
    assert world.steps[0].mark is Mark.NOTE


def test_nobody_listens(world):
    world.port = 1
    assert not world.by_mx("t.test")
    assert world.last.name == "connect"
    assert "nothing listens" in world.last.advice


@pytest.mark.parametrize(
    ("script", "name", "words"),
    [
        ({"GREETING": "554 5.7.1 go away"}, "talk", "554 5.7.1 go away"),
        ({"GREETING": SILENT}, "talk", "timed out"),
        ({"GREETING": DROP}, "talk", "connection closed"),
        ({"EHLO": "421 4.3.2 busy"}, "talk", "421 4.3.2 busy"),
    ],
)
def test_faults_of_the_server(world, script, name, words):
    world.sink.script = {verb: [does] for verb, does in script.items()}
    assert not world.by_mx("t.test")
    assert world.last.name == name
    assert words in world.last.text


def test_a_login_is_not_shown(world):
    world.sink.keywords.append("AUTH PLAIN LOGIN")
    server = Smarthost(
        "127.0.0.1", world.sink.port, SmarthostTls.NONE, verify=False, user="me", password=Secret("geheim")
    )
    assert world.spin.run(world.walk().by_server(server))
    assert "AUTH PLAIN" in [step.text for step in world.steps if step.name == "said"]
    assert "AG1lAGdlaGVpbQ" not in str(world.steps)
    world.sink.script = {"AUTH": ["535 5.7.8 no"]}
    assert not world.spin.run(world.walk().by_server(server))
    assert world.last.name == "login"
    assert "user and password_file" in world.last.advice


def test_advice_for_every_situation_and_code():
    assert all(advice(name) for name in _SITUATIONS)
    assert all(advice(RemoteReply("", 0, status, "x")) for status in _OURS)
    for code in range(400, 560):
        assert advice(RemoteReply("mx.t.test", code, f"{code // 100}.0.0", "x"))


def test_the_command(world, tmp_path):
    config, made = tmp_path / "mailstack.toml", make_certificate(tmp_path, ["here.test"])
    config.write_text(
        f'hostname = "here.test"\nstate = "{tmp_path}"\n[tls]\ncertificate = "{made.certificate}"\nkey = "{made.key}"\n'
        f'[dns]\nservers = ["127.0.0.1:{world.dns.port}"]\n'
        f"[relay]\nmta_sts = false\nmx_port = {world.sink.port}\n"
    )

    def run(*arguments):
        command = [Path(sys.executable).with_name("mailstack"), "--config", config, "test", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            world.spin.until(lambda: process.poll() is not None, 30)
            return process.returncode, process.stdout.read()

    status, said = run("x@t.test", "--rcpt")
    assert status == 0, said
    assert "< 220 sink ESMTP" in said
    assert "Mail to x@t.test would get there." in said
    status, said = run("x@missing.test")
    assert status == 1
    assert "does not exist" in said
    assert "mistyped" in said
    assert "would not get there" in said.splitlines()[-1]
