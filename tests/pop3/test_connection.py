"""POP3 in the real shell: STLS, injection, time, the end; nothing keeps the maildrop locked."""

import pytest
from twisted.internet.task import Clock

from mailstack.base.engine import Peer
from mailstack.net.connection import Connection, Setting
from tests.fakes.transport import MemoryTransport
from tests.pop3.world import World

LOGIN = b"USER alice@demo.test\r\nPASS alice-secret\r\n"


class Line:
    """A client's end of one connection."""

    def __init__(self, world, ip="127.0.0.1"):
        self.clock = Clock()
        setting = Setting("pop3", self.clock, world.sessions, tls=object())
        self.connection = Connection(setting, Peer(ip, 1, "pop3"), lambda _connection: None)
        self.transport = MemoryTransport(self.connection)
        self.transport.start()
        assert self.take() == b"+OK mailstack ready\r\n"

    def say(self, octets):
        self.connection.dataReceived(octets)
        return self.take()

    def take(self):
        return self.transport.take()


@pytest.fixture
def world():
    return World(b"Subject: one\r\n\r\nbody\r\n")


def test_a_session_from_start_to_end(world):
    line = Line(world)
    assert line.say(LOGIN).endswith(b"+OK 1 messages (22 octets)\r\n")
    assert line.say(b"RETR 1\r\nDELE 1\r\nQUIT\r\n") == (
        b"+OK 22 octets\r\nSubject: one\r\n\r\nbody\r\n.\r\n+OK message 1 deleted\r\n+OK goodbye\r\n"
    )
    assert not line.transport.connected
    assert world.inbox.expunged == [101]
    assert not world.locked


def test_stls_then_login(world):
    line = Line(world, "192.0.2.1")
    assert b"SASL" not in line.say(b"CAPA\r\n")
    assert line.say(b"STLS\r\n") == b"+OK begin TLS\r\n"
    assert line.transport.tls
    capabilities = line.say(b"CAPA\r\n")
    assert b"SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n" in capabilities
    assert b"STLS" not in capabilities
    assert line.say(LOGIN).endswith(b"octets)\r\n")


def test_octets_behind_stls_are_no_commands(world):
    line = Line(world)
    assert line.say(b"STLS\r\n" + LOGIN) in {b"", b"+OK begin TLS\r\n"}
    assert line.transport.aborted
    assert world.claims == []


@pytest.mark.parametrize(("octets", "seconds"), [(b"", 60), (LOGIN, 600)])
def test_silence_ends_it_without_a_word(world, octets, seconds):
    line = Line(world)
    line.say(octets)
    line.clock.advance(seconds - 1)
    assert line.transport.connected
    line.clock.advance(2)
    assert not line.transport.connected
    assert line.take() == b""
    assert not world.locked


def test_a_stopping_server_releases_the_maildrop(world):
    line = Line(world)
    line.say(LOGIN + b"DELE 1\r\n")
    line.connection.shut_down()
    assert not line.transport.connected
    assert not world.locked
    assert world.inbox.expunged == []


def test_a_peer_that_vanishes_in_the_middle(world):
    line = Line(world)
    line.say(LOGIN + b"RETR")
    line.transport.lose()
    assert not world.locked
