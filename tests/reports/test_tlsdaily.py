import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from mailstack.base import events
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event
from mailstack.dns.api import DnsFailure, Texts
from mailstack.queue.api import Tls
from mailstack.relay.levels import TlsLevels, seen_levels
from mailstack.relay.mtasts import StsMode, StsPolicy
from mailstack.relay.policy import Need, TlsPolicy
from mailstack.relay.tlsresult import TlsLevel, TlsResult
from mailstack.reports.tlscounts import TlsCounts, received_reports
from mailstack.reports.tlsdaily import PostFailed, TlsReporting
from mailstack.reports.tlsreceived import find_report, take_note
from mailstack.reports.tlsrpt import read_report
from tests.queue.world import FakeLedger, run

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
POLICY = TlsPolicy(Need.OPPORTUNISTIC, verify=False, reason="")
TESTING = TlsPolicy(Need.OPPORTUNISTIC, verify=False, reason="", sts=StsPolicy(StsMode.TESTING, ("mx.t.test",), 60))


class World:
    def __init__(self, tmp_path):
        self.now = NOON
        self.ledger = FakeLedger(tmp_path / "db.sqlite")
        self.counts = TlsCounts(self.ledger, lambda: self.now)
        self.records = {"t.test": b"v=TLSRPTv1; rua=mailto:tls@t.test,https://t.test/in"}
        self.mails, self.posts, self.log, self.fault = [], [], [], None
        self.reporting = TlsReporting(
            self.counts,
            self,
            self.submit,
            self.post,
            lambda: self.now,
            organization="mail.here.test",
            contact="postmaster@mail.here.test",
        )
        events.add_sink(self.note)

    def note(self, event, fields):
        event.value[1].format(**fields)
        self.log.append((event, fields))

    async def texts(self, name):
        assert name.startswith("_smtp._tls.")
        found = self.records.get(name.removeprefix("_smtp._tls."))
        if isinstance(found, Exception):
            raise found
        return Texts(texts=(found,) if found else ())

    async def submit(self, envelope, mail):
        if self.fault:
            raise self.fault
        self.mails.append((envelope, mail))

    async def post(self, url, kind, octets):
        if self.fault:
            raise PostFailed("down")
        self.posts.append((url, kind, octets))

    def saw(self, domain="t.test", failure="", policy=POLICY, times=1):
        for _ in range(times):
            self.counts(TlsResult(domain, f"mx.{domain}", "192.0.2.1", policy, failure))

    def tick(self, **later):
        self.now += timedelta(**later).total_seconds()
        run(self.reporting.tick())

    def told(self, event):
        return [fields for each, fields in self.log if each is event]

    def close(self):
        events.remove_sink(self.note)
        self.ledger.connection.close()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def test_a_report_in_the_night_after(world):
    world.saw(times=3)
    world.saw(failure="certificate-host-mismatch", policy=TESTING)
    world.tick()
    world.saw(times=2)
    world.tick(hours=11)
    assert world.mails == []
    world.tick(hours=5)
    [(envelope, mail)] = world.mails
    assert envelope.recipients[0].address == "tls@t.test"
    assert envelope.reverse_path == "postmaster@mail.here.test"
    assert envelope.wishes.tls is Tls.OPTIONAL
    [received] = read_report(find_report(mail))
    assert (received.successes, dict(received.failures)) == (5, {"certificate-host-mismatch": 1})
    [(url, kind, octets)] = world.posts
    assert (url, kind) == ("https://t.test/in", "application/tlsrpt+gzip")
    policies = json.loads(gzip.decompress(octets))["policies"]
    assert [each["policy"]["policy-type"] for each in policies] == ["no-policy-found", "sts"]
    world.tick(hours=5)
    assert len(world.mails) == 1
    assert world.counts.waiting() == []


def test_nobody_asks_for_it(world):
    world.saw("quiet.test")
    world.tick(hours=17)
    assert world.mails == []
    assert world.counts.waiting() == []


def test_what_could_not_be_sent_is_tried_hourly_for_two_days(world):
    world.saw()
    world.fault = MailError(Condition.STORAGE_FULL, "Out of storage")
    world.tick(hours=17)
    world.tick(minutes=1)
    assert len(world.told(Event.TLS_REPORT_FAILED)) == 2  # once by mail, once by HTTPS
    world.fault = None
    world.tick(hours=1)
    assert len(world.mails) == 1
    world.records["t.test"] = DnsFailure("servfail")
    world.saw()
    world.tick(days=1, hours=5)
    assert len(world.counts.waiting()) == 1
    world.tick(days=2)
    assert world.counts.waiting() == []


def test_a_full_disk_keeps_the_counts_in_memory(world):
    world.saw(times=2)
    world.ledger.broken = 1
    world.tick()
    world.saw()
    world.tick(hours=17)
    [received] = read_report(find_report(world.mails[0][1]))
    assert received.successes == 3


def test_what_others_send_is_kept_once(world):
    world.saw()
    world.tick(hours=17)
    [(_, mail)] = world.mails
    for _ in range(2):
        run(take_note("m1", mail, world.counts.keep_received))
    [kept] = world.ledger.read(lambda db: received_reports(db, 10))
    assert (kept.organization, kept.domain, kept.successes) == ("mail.here.test", "t.test", 1)
    assert world.told(Event.TLS_REPORT_RECEIVED)[0]["domain"] == "t.test"
    run(take_note("m2", mail.replace(b"H4sI", b"AAAA"), world.counts.keep_received))
    assert world.told(Event.TLS_REPORT_FAILED)[0]["reason"].startswith("m2: ")


def levels(world):
    return TlsLevels(world.ledger, lambda: world.now, run)


def result(level):
    return TlsResult("t.test", "mx.t.test", "192.0.2.1", POLICY, level=level)


def test_a_fall_is_told_once_a_day_and_survives_a_restart(world):
    watch = levels(world)
    watch(result(TlsLevel.CLEAR))
    watch(result(TlsLevel.VERIFIED))
    assert world.told(Event.TLS_FELL) == []
    watch = levels(world)
    for _ in range(3):
        watch(result(TlsLevel.ENCRYPTED))
    [fall] = world.told(Event.TLS_FELL)
    assert fall["domain"] == "t.test"
    [seen] = world.ledger.read(seen_levels)
    assert (seen.best, seen.fell, seen.lower) == (TlsLevel.VERIFIED, NOON, TlsLevel.ENCRYPTED)
    world.now += 90_000
    watch(result(TlsLevel.CLEAR))
    assert len(world.told(Event.TLS_FELL)) == 2
    watch(result(TlsLevel.VERIFIED))
    [seen] = world.ledger.read(seen_levels)
    assert (seen.fell, seen.lower) == (None, None)


def test_what_stays_lower_for_two_weeks_is_how_it_is(world):
    watch = levels(world)
    watch(result(TlsLevel.VERIFIED))
    watch(result(TlsLevel.ENCRYPTED))
    world.now += 15 * 86400
    watch(result(TlsLevel.ENCRYPTED))
    [seen] = world.ledger.read(seen_levels)
    assert (seen.best, seen.fell) == (TlsLevel.ENCRYPTED, None)


def test_only_sessions_count_for_levels(world):
    watch = levels(world)
    watch(TlsResult("t.test", "mx.t.test", "", None, "sts-policy-fetch-error"))
    assert world.ledger.read(seen_levels) == []
