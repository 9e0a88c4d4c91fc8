"""Strangers wait before they are greeted; who speaks first is sent away."""

import pytest
from twisted.internet.task import Clock

from mailstack.net.connection import Setting
from mailstack.net.listen import Limits, Total, _Door
from tests.fakes.transport import MemoryTransport
from tests.net.test_connection import ToyEngine, ToySession
from tests.net.test_listen import Address


class Entrance:
    def __init__(self, per_ip=0):
        self.clock = Clock()
        setting = Setting("toy", self.clock, lambda wire: (ToyEngine(), ToySession(wire)))
        self.door = _Door(setting, Limits(0, per_ip, b"go away\n", greeting_seconds=4.0), Total(10))

    def knock(self, ip="192.0.2.1"):
        transport = MemoryTransport(self.door.buildProtocol(Address(ip)))
        transport.start()
        return transport


def test_who_waits_is_greeted():
    entrance = Entrance()
    caller = entrance.knock()
    entrance.clock.advance(3.9)
    assert caller.take() == b""
    entrance.clock.advance(0.1)
    assert caller.take() == b"hello\n"
    (connection,) = entrance.door.connections
    assert connection.peer.ip == "192.0.2.1"
    assert entrance.door.total.now == 1


def test_who_speaks_first_is_sent_away_once():
    entrance = Entrance()
    caller = entrance.knock()
    caller.protocol.dataReceived(b"EHLO x\r\n")
    caller.protocol.dataReceived(b"MAIL FROM:<>\r\n")
    assert caller.take() == b"554 5.5.0 You spoke before the greeting\r\n"
    assert caller.disconnecting
    entrance.clock.advance(10)
    assert caller.take() == b""
    assert entrance.door.total.now == 0


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_this_machine_does_not_wait(ip):
    assert Entrance().knock(ip).take() == b"hello\n"


def test_who_waits_has_a_place_and_gives_it_back():
    entrance = Entrance(per_ip=1)
    first = entrance.knock()
    assert entrance.knock().take() == b"go away\n"
    first.lose()
    assert not entrance.clock.getDelayedCalls()
    second = entrance.knock()
    entrance.clock.advance(4)
    assert second.take() == b"hello\n"
    assert entrance.knock().take() == b"go away\n"
    second.lose()
    assert entrance.door.total.now == 0
