"""A relay to be killed: `python -m tests.faults.relaying FOLDER DNS_PORT MX_PORT [MESSAGES]`.

With MESSAGES it first queues so many and says `queued` when that is durable; then it delivers until killed.
"""

import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred

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


async def relay(folder: Path, dns_port: int, mx_port: int, messages: int) -> None:
    resolver = DnsClient(
        Servers((("127.0.0.1", dns_port),), trust_ad=False), reactor, times=DnsTimes(), cache=CacheLimits()
    )
    settings = RelaySettings("here.test", frozenset({"here.test"}), port=mx_port)
    pool = Pool(reactor, settings.reuse)
    dialler = TcpDialler(reactor, timeout_seconds=5)
    visits = Visits("here.test", dialler, reactor, ClientContexts(), settings.limits, pool)
    store = Store(str(folder), reactor=reactor, durability="none")
    store.start()
    # one at a time, so that the step at which it is killed is the step of one message
    spool = Spool(folder / "queue", store.ledger, Agenda(Limits(1)), lane_of=by_domain(), now=reactor.seconds)
    await spool.open()
    for number in range(messages):
        staged = StagedFile(str(folder))
        staged.write(b"Subject: %d\r\n\r\n%s" % (number, b"body\r\n" * 20_000))
        staged.finish()
        recipients = (Recipient(f"one{number}@t.test"), Recipient(f"two{number}@t.test"))
        await spool.enqueue(Envelope(f"m{number}", "a@here.test", recipients, staged.size, datetime.now(UTC)), staged)
        staged.discard()
    if messages:
        print("queued", flush=True)

    async def nothing(envelope: Envelope, message: bytes) -> None:
        print("report", flush=True)

    courier = MxCourier(settings, resolver, visits, random.Random(1))
    report = Bounces("here.test", nothing, reactor.seconds)
    QueueRunner(spool, {"mx": courier}, report, reactor, times=QueueTimes(), jitter=random.random).startService()


if __name__ == "__main__":
    folder, *numbers = sys.argv[1:]
    dns_port, mx_port, *rest = map(int, numbers)
    Deferred.fromCoroutine(relay(Path(folder), dns_port, mx_port, rest[0] if rest else 0)).addErrback(
        lambda failure: (failure.printTraceback(), reactor.stop())
    )
    reactor.run()
