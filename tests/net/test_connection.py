"""The shell: replies in one write, back-pressure both ways, TLS switch without injection, time, the end."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailstack.base.engine import NEED_DATA, After, Peer
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.net import connection
from mailstack.net.connection import Connection, Setting
from tests.fakes.transport import MemoryTransport


class ToyEngine:
    """Each LF-ended line is an event; `!close` and `!tls` are answered with what they say."""

    idle_limit = 60.0

    def __init__(self):
        self.input, self.output, self.after, self.waiting = b"", b"", After.GO_ON, False
        self.tls = self.eof = False

    @property
    def buffered(self):
        return len(self.input)

    def receive(self, data):
        self.input += data

    def receive_eof(self):
        self.eof = True

    def next_event(self):
        if self.waiting or b"\n" not in self.input:
            return NEED_DATA
        line, self.input = self.input.split(b"\n", 1)
        self.waiting = True
        return line

    def send(self, response):
        self.waiting = False
        self.output += response + b"\n"
        self.after = {b"!close": After.CLOSE, b"!tls": After.START_TLS}.get(response, self.after)

    def data_to_send(self):
        data, self.output = self.output, b""
        return data

    def tls_started(self):
        self.tls, self.after, self.input = True, After.GO_ON, b""

    def timed_out(self):
        self.send(b"!close")

    shutting_down = timed_out

    def internal_error(self, error_id):
        self.send(b"oops " + error_id.encode())


class ToySession:
    def __init__(self, wire):
        self.wire, self.events, self.lost_with, self.waits, self.upgraded = wire, [], [], {}, False

    def greet(self):
        return b"hello"

    async def handle(self, event):
        self.events.append(event)
        if event == b"wait":
            self.waits[event] = Deferred()
            return await self.waits[event]
        if event == b"raise":
            raise RuntimeError("secret detail")
        return event

    def tls_started(self):
        self.upgraded = True

    def lost(self, reason):
        self.lost_with.append(reason)


class Scene:
    def __init__(self, *, implicit_tls=False):
        self.clock, self.gone = Clock(), []
        self.events = []
        setting = Setting("toy", self.clock, self.sessions, tls=object(), implicit_tls=implicit_tls)
        self.connection = Connection(setting, Peer("192.0.2.1", 4000, "toy"), self.gone.append)
        self.transport = MemoryTransport(self.connection)

    def sessions(self, wire):
        self.engine, self.session = ToyEngine(), ToySession(wire)
        return self.engine, self.session

    def start(self):
        self.transport.start()
        return self

    def say(self, data):
        self.connection.dataReceived(data)
        return self.transport.take()


@pytest.fixture
def logged():
    seen = []

    def sink(event, fields):
        seen.append((event, dict(fields)))

    add_sink(sink)
    yield seen
    remove_sink(sink)


def test_greets_and_answers_a_pipeline_in_one_write():
    scene = Scene().start()
    assert scene.transport.take() == b"hello\n"
    writes = []
    scene.transport.write = writes.append
    scene.say(b"a\nb\nc")
    assert writes == [b"a\nb\n"]
    scene.say(b"\n")
    assert writes[1:] == [b"c\n"]


def test_replies_leave_when_a_handler_waits_and_the_next_event_waits_for_it():
    scene = Scene().start()
    scene.transport.take()
    assert scene.say(b"a\nwait\nb\n") == b"a\n"
    assert scene.session.events == [b"a", b"wait"]
    scene.session.waits[b"wait"].callback(b"done")
    assert scene.transport.take() == b"done\nb\n"


def test_an_unforeseen_failure_is_bland_to_the_peer_and_whole_in_the_log(logged):
    scene = Scene().start()
    scene.transport.take()
    answer = scene.say(b"raise\na\n")
    assert answer.startswith(b"oops ")
    assert answer.endswith(b"\na\n")
    assert b"secret" not in answer
    [fields] = [fields for event, fields in logged if event is Event.INTERNAL_ERROR]
    assert "secret detail" in fields["failure"]
    assert fields["error_id"].encode() in answer


def test_a_peer_that_does_not_read_stops_the_pump_and_is_cut_in_the_end():
    scene = Scene().start()
    scene.connection.pauseProducing()
    scene.say(b"a\nb\nc\n")
    assert scene.session.events == [b"a"]
    scene.connection.resumeProducing()
    assert scene.session.events == [b"a", b"b", b"c"]
    scene.connection.pauseProducing()
    scene.say(b"d\n")
    for _ in range(13):
        scene.clock.advance(10)
    assert scene.transport.aborted
    assert len(scene.session.lost_with) == 1


def test_input_above_the_high_water_mark_pauses_the_transport(monkeypatch):
    monkeypatch.setattr(connection, "INPUT_HIGH_WATER", 100)
    scene = Scene().start()
    scene.say(b"wait\n" + b"x\n" * 60)
    assert not scene.transport.reading
    scene.session.waits[b"wait"].callback(b"done")
    assert scene.transport.reading
    assert scene.engine.buffered == 0


def test_starttls():
    scene = Scene().start()
    scene.transport.take()
    assert scene.say(b"!tls\n") == b"!tls\n"
    assert scene.engine.tls
    assert scene.session.upgraded
    assert scene.connection.peer.tls
    assert scene.connection.peer.tls_version == "TLSv1.3"
    assert scene.say(b"a\n") == b"a\n"


def test_octets_behind_starttls_close_the_connection(logged):
    scene = Scene().start()
    scene.say(b"!tls\nMAIL\n")
    assert scene.transport.aborted
    assert not scene.transport.tls
    assert scene.session.events == [b"!tls"]
    assert Event.INJECTION in [event for event, _ in logged]


def test_implicit_tls_greets_after_the_handshake():
    scene = Scene(implicit_tls=True)
    scene.transport.handshake_at_once = False
    scene.start()
    assert scene.transport.take() == b""
    scene.connection.handshakeCompleted()
    assert scene.transport.take() == b"hello\n"
    assert not scene.session.upgraded


def test_a_handshake_that_never_ends_is_cut():
    scene = Scene(implicit_tls=True)
    scene.transport.handshake_at_once = False
    scene.start()
    scene.clock.advance(30)
    assert scene.transport.aborted
    assert scene.gone == [scene.connection]


def test_silence_ends_with_the_protocols_last_words():
    scene = Scene().start()
    scene.transport.take()
    scene.clock.advance(59)
    scene.say(b"a\n")
    scene.transport.take()
    scene.clock.advance(59)
    assert not scene.transport.disconnecting
    scene.clock.advance(1)
    assert scene.transport.take() == b"!close\n"
    assert scene.transport.disconnecting
    assert scene.clock.getDelayedCalls() == []


def test_a_body_that_drips_ends_all_the_same():
    scene = Scene()
    scene.start()
    scene.transport.take()
    scene.engine.body_pace = (0, 600.0)
    scene.connection._paced = scene.engine
    for _ in range(30):
        scene.clock.advance(50)
        scene.connection.dataReceived(b"x")
    assert not scene.transport.disconnecting  # commands may come for ever
    scene.engine.body_pace = (1, 600.0)
    for _ in range(11):
        scene.clock.advance(50)
        scene.connection.dataReceived(b"x")
    scene.engine.body_pace = (2, 600.0)  # the next body has its own time
    for _ in range(11):
        scene.clock.advance(50)
        scene.connection.dataReceived(b"x")
    assert not scene.transport.disconnecting
    for _ in range(4):
        scene.clock.advance(50)
        scene.connection.dataReceived(b"x")
    assert scene.transport.take() == b"!close\n"
    assert scene.transport.disconnecting


def test_a_busy_handler_is_not_silence():
    scene = Scene().start()
    scene.say(b"wait\n")
    for _ in range(10):
        scene.clock.advance(59)
    assert not scene.transport.disconnecting


def test_lost_comes_once_and_never_while_a_handler_runs():
    scene = Scene().start()
    scene.say(b"wait\n")
    scene.transport.lose()
    assert scene.session.lost_with == []
    scene.session.waits[b"wait"].callback(b"done")
    assert len(scene.session.lost_with) == 1
    assert scene.gone == [scene.connection]
    assert scene.clock.getDelayedCalls() == []


def test_half_close_still_answers():
    scene = Scene().start()
    scene.transport.take()
    scene.say(b"wait\na\n")
    scene.connection.readConnectionLost()
    assert not scene.transport.disconnecting
    scene.session.waits[b"wait"].callback(b"done")
    assert scene.transport.take() == b"done\na\n"
    assert scene.transport.disconnecting


def test_shutdown_waits_for_the_command_in_progress():
    scene = Scene().start()
    scene.transport.take()
    scene.say(b"wait\n")
    scene.connection.shut_down()
    assert not scene.transport.disconnecting
    scene.session.waits[b"wait"].callback(b"done")
    assert scene.transport.take() == b"done\n!close\n"
    assert scene.transport.disconnecting


def test_pushed_news_leaves_at_once_when_idle():
    scene = Scene().start()
    scene.transport.take()
    scene.session.wire.send(b"* 1 EXISTS")
    assert scene.transport.take() == b"* 1 EXISTS\n"


def test_a_long_pipeline_gives_the_others_their_turn():
    scene = Scene().start()
    scene.transport.take()
    handle = scene.session.handle

    async def slow(event):
        scene.clock.rightNow += connection.TURN
        return await handle(event)

    scene.session.handle = slow
    heard = []
    assert scene.say(b"a\nb\nc\n") == b"a\n"
    scene.clock.callLater(0, lambda: heard.append(scene.transport.take()))
    scene.clock.advance(0)
    assert heard == [b"b\n"]  # somebody else ran between b and c
    assert scene.transport.take() == b"c\n"


def test_what_cannot_be_finished_is_cut_and_not_answered():
    scene = Scene().start()
    scene.transport.take()

    async def breaks(_event):
        raise ConnectionAbortedError("a file became short")

    scene.session.handle = breaks
    assert scene.say(b"a\nb\n") == b""
    assert scene.transport.aborted


def test_news_for_a_peer_that_does_not_read_is_bounded(monkeypatch):
    monkeypatch.setattr(connection, "OUTPUT_LIMIT", 1000)
    scene = Scene().start()
    scene.connection.pauseProducing()
    for _ in range(9):
        scene.session.wire.send(b"x" * 100)
    assert not scene.transport.aborted
    for _ in range(2):
        scene.session.wire.send(b"x" * 100)
    assert scene.transport.aborted


def test_an_engine_that_breaks_ends_its_own_connection_only(logged):
    scene = Scene().start()
    scene.engine.next_event = lambda: 1 / 0
    scene.say(b"a\n")
    assert scene.transport.aborted
    assert len(scene.session.lost_with) == 1
    assert Event.INTERNAL_ERROR in [event for event, _ in logged]


def test_one_long_answer_does_not_cut_a_peer_that_reads(monkeypatch):
    """It fills the transport by itself; what counts is what comes while that is not taken."""
    monkeypatch.setattr(connection, "OUTPUT_LIMIT", 1000)
    scene = Scene().start()
    shut = scene.connection.pauseProducing
    write = connection.through.write
    monkeypatch.setattr(connection.through, "write", lambda *given: (write(*given), shut())[0])
    scene.session.wire.send(b"x" * 5000)
    assert not scene.transport.aborted
    scene.session.wire.send(b"x" * 1100)
    assert scene.transport.aborted
