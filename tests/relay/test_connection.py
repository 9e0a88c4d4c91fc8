"""The client engine's connection on a clock and a transport in memory: every wait has an end."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from mailstack.queue.api import Recipient
from mailstack.relay.connection import CHUNK, RemoteConnection, TlsBroken
from mailstack.smtp.client import SmtpClient
from mailstack.smtp.conversation import BodyWanted, ClientLimits, Ended, Greeted, StartTls, TlsGo, Transaction
from tests.fakes.transport import MemoryTransport

LIMITS = ClientLimits()
HELLO = b"220 mx\r\n250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"


class Octets:
    def __init__(self, size):
        self.size = size
        self.reads = 0

    def read(self, offset, length):
        self.reads += 1
        return b"x" * min(length, max(self.size - offset, 0))

    def close(self):
        pass


class Line:
    def __init__(self):
        self.clock = Clock()
        self.engine = SmtpClient("mx.test", "here.test", LIMITS)
        self.connection = RemoteConnection(self.engine, self.clock, LIMITS)
        self.transport = MemoryTransport(self.connection)
        self.transport.handshake_at_once = False
        self.transport.start()

    def wait(self):
        """A list that gets the next event, or what went wrong."""
        return self.begin(self.connection.event())

    def begin(self, coroutine):
        results = []
        self.last = Deferred.fromCoroutine(coroutine)
        self.last.addErrback(lambda failure: failure.value).addCallback(results.append)
        return results

    def hear(self, octets):
        self.connection.dataReceived(octets)

    def greeted(self):
        events = self.wait()
        self.hear(HELLO)
        assert isinstance(events[0], Greeted)
        self.transport.take()

    def at_body(self):
        self.greeted()
        self.connection.send(Transaction("a@here.test", (Recipient("x@t.test"),), 100))
        events = self.wait()
        self.hear(b"250 a\r\n250 b\r\n354 go\r\n")
        assert events == [BodyWanted()]
        self.transport.take()


@pytest.fixture
def line():
    made = Line()
    yield made
    made.transport.lose()
    assert made.clock.getDelayedCalls() == []


def test_silence_has_a_limit(line):
    events = line.wait()
    line.clock.advance(LIMITS.greeting_seconds - 1)
    assert events == []
    line.clock.advance(1)
    assert isinstance(events[0], Ended)
    assert "timed out after 300 s waiting for the greeting" in events[0].reply.text


def test_dripping_octets_buy_no_time(line):
    events = line.wait()
    for _ in range(29):
        line.hear(b"2")
        line.clock.advance(10)
    line.hear(b"2")
    assert events == []
    line.clock.advance(10)
    assert isinstance(events[0], Ended)


def test_whole_replies_do(line):
    line.greeted()
    recipients = tuple(Recipient(f"x{n}@t.test") for n in range(3))
    line.connection.send(Transaction("a@here.test", recipients, 1))
    events = line.wait()
    for answer in (b"250 a\r\n", b"250 b\r\n", b"250 c\r\n", b"250 d\r\n"):
        line.clock.advance(200)
        line.hear(answer)
    line.clock.advance(LIMITS.data_seconds - 1)
    assert events == []
    line.hear(b"354 go\r\n")
    assert events == [BodyWanted()]


def test_a_body_waits_for_its_reader(line):
    line.at_body()
    content = Octets(10 * CHUNK)
    done = line.begin(line.connection.pour(content))
    assert content.reads == 8  # the transport takes everything; others have their turn all the same
    line.clock.advance(0)
    assert done == [None]
    assert line.transport.take().endswith(b"x\r\n.\r\n")
    assert line.transport.producer is None


def test_an_empty_body_and_an_end_in_the_same_write(line):
    line.at_body()
    assert line.begin(line.connection.pour(Octets(0))) == [None]
    assert line.transport.take() == b".\r\n"


def test_a_body_stops_while_nobody_reads(line):
    line.at_body()
    line.connection.pauseProducing()
    content = Octets(10 * CHUNK)
    done = line.begin(line.connection.pour(content))
    assert (content.reads, done) == (1, [])
    line.connection.resumeProducing()
    assert content.reads == 8
    line.clock.advance(0)
    assert (content.reads, done) == (10, [None])


def test_a_server_that_never_reads_is_left(line):
    line.at_body()
    line.connection.pauseProducing()
    done = line.begin(line.connection.pour(Octets(10 * CHUNK)))
    line.clock.advance(LIMITS.block_seconds)
    assert done == [None]
    assert line.transport.aborted
    (event,) = line.wait()
    assert event.undecided == (0,)
    assert "180 s" in event.replies[0].text


def test_a_file_that_has_become_shorter_is_never_ended_with_a_dot(line):
    line.at_body()
    content = Octets(CHUNK)
    content.size = CHUNK
    content.read = lambda offset, length: b""
    (failure,) = line.begin(line.connection.pour(content))
    assert isinstance(failure, OSError)
    assert line.transport.take() == b""


def test_a_handshake_has_a_limit(line):
    line.greeted()
    line.connection.send(StartTls())
    events = line.wait()
    line.hear(b"220 go\r\n")
    assert events == [TlsGo()]
    results = line.begin(line.connection.start_tls(None))
    line.clock.advance(LIMITS.handshake_seconds)
    assert isinstance(results[0], TlsBroken)


def test_a_handshake_that_is_cut(line):
    results = line.begin(line.connection.start_tls(None))
    line.transport.lose()
    assert isinstance(results[0], TlsBroken)


def test_a_handshake(line):
    results = line.begin(line.connection.start_tls(None))
    line.connection.handshakeCompleted()
    assert results == [None]
    assert line.connection.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"


def test_leaving_waits_for_221_but_not_for_ever(line):
    line.greeted()
    line.connection.leave()
    assert line.transport.take() == b"QUIT\r\n"
    assert line.transport.connected
    line.hear(b"221 bye\r\n")
    assert line.transport.disconnecting


def test_leaving_a_server_that_says_nothing(line):
    line.greeted()
    line.connection.leave()
    line.clock.advance(LIMITS.quit_seconds)
    assert line.transport.aborted


def test_leaving_what_has_ended(line):
    line.wait()
    line.hear(b"554 no\r\n")
    line.connection.leave()
    assert line.transport.disconnecting
    line.connection.leave()
    line.connection.abort()


def test_cancelling_a_wait(line):
    results = line.wait()
    line.last.cancel()
    assert isinstance(results[0], CancelledError)
    line.connection.abort_unless_leaving()
    assert line.transport.aborted


def test_lost_connection_ends_the_wait(line):
    events = line.wait()
    line.hear(b"220-half")
    line.transport.lose()
    assert isinstance(events[0], Ended)
    assert "closed" in events[0].reply.text
