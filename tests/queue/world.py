"""A queue without threads or sockets: real tables and files, a clock, couriers that say what they are told to."""

import sqlite3
from datetime import UTC, datetime

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mailstack.base import events
from mailstack.base.errors import Condition, MailError
from mailstack.base.staging import StagedFile
from mailstack.queue.api import Choice, Envelope, Recipient, RemoteReply
from mailstack.queue.bounce import Bounces
from mailstack.queue.pick import Agenda, Limits, by_domain
from mailstack.queue.runner import QueueRunner, QueueTimes
from mailstack.queue.spool import Spool

START = 1_800_000_000.0  # UNIX seconds
MESSAGE = b"From: a@here.test\r\nSubject: hello\r\nMessage-ID: <1@here.test>\r\n\r\nbody\r\n"


class FakeLedger:
    """`store.api.Ledger` on one connection, at once; `broken` makes writes fail."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.broken = 0
        self.writes = 0

    def write(self, work, *, syncs_files=True):
        if self.broken:
            self.broken -= 1
            return fail(MailError(Condition.STORAGE_FULL, "Out of storage"))
        self.writes += 1
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.connection)
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.rollback()
            raise
        return succeed(result)

    def read(self, work):
        return work(self.connection)

    def durable(self):
        return succeed(None)


class SlowCourier:
    """Keeps every call until the test answers it."""

    def __init__(self):
        self.calls = []

    def deliver(self, envelope, recipients, content):
        answer = Deferred()
        self.calls.append((envelope, tuple(recipients), content.read(0, content.size), answer))
        return answer

    def answer(self, index, outcome):
        _, recipients, _, deferred = self.calls[index]
        deferred.callback(dict.fromkeys(recipients, outcome))


class ScriptedCourier:
    """Answers from a table: address → what to say, one after the other, the last for ever."""

    def __init__(self, **script):
        self.script = {address: list(outcomes) for address, outcomes in script.items()}
        self.calls = []

    async def deliver(self, envelope, recipients, content):
        self.calls.append((envelope.id, tuple(r.address for r in recipients)))
        return {r: self._next(r.address) for r in recipients}

    def _next(self, address):
        outcomes = self.script[address]
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class World:
    def __init__(self, tmp_path, courier, *, limits=None, times=None, lane_of=None):
        self.folder = tmp_path / "queue"
        self.tmp_path = tmp_path
        self.clock = Clock()
        self.clock.rightNow = START
        self.courier = courier
        self.limits = limits or Limits()
        self.times = times or QueueTimes()
        self.lane_of = lane_of or by_domain()
        self.reports = []
        self.report_faults = []
        self.log = []
        events.add_sink(self._note)
        self.open()

    def _note(self, event, fields):
        event.value[1].format(**fields)  # every event has the fields that its format wants
        self.log.append((event, dict(fields)))

    def open(self):
        """As at the start of the process; the files and tables are what they are."""
        self.ledger = FakeLedger(self.tmp_path / "index.sqlite")
        self.spool = Spool(self.folder, self.ledger, Agenda(self.limits), lane_of=self.lane_of, now=self.clock.seconds)
        run(self.spool.open())
        self.runner = QueueRunner(
            self.spool,
            {"mx": self.courier, "smarthost": self.courier},
            Bounces("mx.here.test", self._submit, self.clock.seconds),
            self.clock,
            times=self.times,
            jitter=lambda: 0.0,
        )

    async def _submit(self, envelope, message):
        if self.report_faults:
            raise self.report_faults.pop(0)
        self.reports.append((envelope, message))

    def start(self):
        self.runner.startService()
        self.clock.advance(0)

    def close(self):
        events.remove_sink(self._note)
        self.runner.stopService()
        self.clock.advance(self.times.stop_limit_seconds)
        self.ledger.connection.close()

    def enqueue(self, message_id, *addresses, reverse_path="a@here.test", message=MESSAGE, **more):
        staged = StagedFile(str(self.tmp_path))
        staged.write(message)
        staged.finish()
        recipients = tuple(each if isinstance(each, Recipient) else Recipient(each) for each in addresses)
        arrived = datetime.fromtimestamp(self.clock.seconds(), UTC)
        envelope = Envelope(message_id, reverse_path, recipients, staged.size, arrived, **more)
        try:
            run(self.spool.enqueue(envelope, staged))
        finally:
            staged.discard()
        if self.runner.running:
            self.clock.advance(0)
        return envelope

    def files(self):
        return sorted(p.name for p in self.folder.iterdir() if p.is_file())

    def waiting(self):
        return [(q.message_id, q.address, q.tries) for q in self.spool.list()[0]]

    def told(self, event):
        return [fields for each, fields in self.log if each is event]


def by(selector):
    """What an operator types."""
    return Choice(which="" if selector == "all" else selector)


def run(coroutine):
    """The result of a coroutine that waits for nothing."""
    results = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    (result,) = results
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result


def reply(code, status="", text="words", host="mx.there.test"):
    return RemoteReply(host, code, status or f"{code // 100}.0.0", text, "RCPT TO:<x>")
