"""Queue, DNS and relay together, over real sockets: what a message goes through after its 250."""

import random
from datetime import UTC, datetime

import pytest

from mailstack.base.staging import StagedFile
from mailstack.dns.cache import CacheLimits
from mailstack.dns.client import DnsClient, DnsTimes
from mailstack.dns.resolvconf import Servers
from mailstack.queue.api import Envelope, Recipient
from mailstack.queue.bounce import Bounces
from mailstack.queue.pick import Agenda, Limits, by_domain
from mailstack.queue.runner import QueueRunner, QueueTimes
from mailstack.queue.spool import Spool
from mailstack.relay.courier import MxCourier
from mailstack.relay.dial import TcpDialler
from mailstack.relay.pool import Pool
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings
from mailstack.store.service import Store
from mailstack.tls.contexts import ClientContexts
from tests.fakes.dnsserver import DnsServer
from tests.fakes.smtpsink import Sink
from tests.fakes.spin import spinning
from tests.queue.world import MESSAGE, run

ZONE = ["t.test. 60 IN MX 10 mx.t.test.", "mx.t.test. 60 IN A 127.0.0.1", "null.test. 60 IN MX 0 ."]


class Way:
    def __init__(self, spin, tmp_path):
        self.spin, reactor = spin, spin.reactor
        self.sink = Sink(reactor, script={"RCPT dead@t.test": "550 5.1.1 nobody of that name"})
        self.dns = DnsServer(reactor, ZONE)
        resolver = DnsClient(
            Servers((("127.0.0.1", self.dns.port),), trust_ad=False), reactor, times=DnsTimes(), cache=CacheLimits()
        )
        settings = RelaySettings("here.test", frozenset({"here.test"}), port=self.sink.port)
        dialler = TcpDialler(reactor, timeout_seconds=5)
        self.pool = Pool(reactor, settings.reuse)
        visits = Visits("here.test", dialler, reactor, ClientContexts(), settings.limits, self.pool)
        courier = MxCourier(settings, resolver, visits, random.Random(1))
        self.store = Store(str(tmp_path), durability="none")
        self.store.start()
        self.spool = Spool(
            tmp_path / "queue", self.store.ledger, Agenda(Limits()), lane_of=by_domain(), now=reactor.seconds
        )
        run(self.spool.open())
        self.reports = []
        bounces = Bounces("here.test", self._submit, reactor.seconds)
        self.runner = QueueRunner(
            self.spool, {"mx": courier}, bounces, reactor, times=QueueTimes(), jitter=random.random
        )
        self.runner.startService()

    async def _submit(self, envelope, message):
        self.reports.append((envelope, message))

    def enqueue(self, message_id, *addresses):
        staged = StagedFile(str(self.spool._folder))
        staged.write(MESSAGE)
        recipients = tuple(Recipient(address) for address in addresses)
        run(self.spool.enqueue(Envelope(message_id, "a@here.test", recipients, staged.size, datetime.now(UTC)), staged))
        staged.discard()

    def close(self):
        self.spin.run(self.runner.stopService())
        self.pool.close()
        self.spin.until(lambda: not self.sink.busy)
        self.sink.stop()
        self.dns.stop()
        run(self.store.stop())


@pytest.fixture
def way(tmp_path):
    with spinning() as spin:
        made = Way(spin, tmp_path)
        yield made
        made.close()


def test_out_and_back(way):
    way.enqueue("m1", "x@t.test", "dead@t.test", "y@null.test", "z@nowhere.test")
    way.spin.until(lambda: not way.spool.list()[0])
    assert [octets for _, _, octets in way.sink.mails] == [MESSAGE]
    assert way.sink.mails[0][1] == ("RCPT TO:<x@t.test>",)
    text = b"".join(message for _, message in way.reports)
    for words in (b"nobody of that name", b"Status: 5.1.1", b"Status: 5.1.10", b"Status: 5.1.2"):
        assert words in text
    assert {envelope.reverse_path for envelope, _ in way.reports} == {""}
    assert not list(way.spool._folder.iterdir())


def test_many_messages_keep_to_the_limit_of_the_lane(way):
    for n in range(40):
        way.enqueue(f"m{n}", "x@t.test")
    most = 0

    def emptied():
        nonlocal most
        most = max(most, way.sink.busy)
        return not way.spool.list()[0]

    way.spin.until(emptied)
    assert len(way.sink.mails) == 40
    assert most < 40
    assert way.dns.asked.count(("t.test", "MX", "udp")) == 1
