"""Who is let in, and what a taken port says."""

import socket
from dataclasses import replace

import pytest
from twisted.internet.task import Clock

from mailstack.net.connection import Setting
from mailstack.net.listen import Bind, Limits, Listener, PortTaken, Total, _Door, parse_bind, passed_sockets
from tests.fakes.transport import MemoryTransport
from tests.net.test_connection import ToyEngine, ToySession


class Address:
    def __init__(self, host):
        self.host, self.port = host, 1234


def door(most=0, per_ip=0, total=10, **setting):
    toys = Setting("toy", Clock(), lambda wire: (ToyEngine(), ToySession(wire)), **setting)
    return _Door(toys, Limits(most, per_ip, b"go away\n"), Total(total))


def knock(at, ip="192.0.2.1"):
    transport = MemoryTransport(at.buildProtocol(Address(ip)))
    transport.start()
    return transport


@pytest.mark.parametrize("limits", [{"most": 2}, {"per_ip": 2}, {"total": 2}])
def test_one_too_many_is_told_and_leaves_room_when_another_goes(limits):
    entrance = door(**limits)
    first, _ = knock(entrance), knock(entrance)
    third = knock(entrance)
    assert third.take() == b"go away\n"
    assert third.disconnecting
    first.lose()
    assert knock(entrance).take() == b"hello\n"


def test_the_limit_of_an_address_is_its_own():
    entrance = door(per_ip=1)
    knock(entrance)
    assert knock(entrance, "192.0.2.2").take() == b"hello\n"
    assert knock(entrance, "::ffff:192.0.2.1").take() == b"go away\n"


def test_strangers_of_one_address_leave_room_for_those_who_log_in():
    entrance = door(total=100)
    entrance.total.strangers_limit = 2
    first, second = knock(entrance), knock(entrance)
    assert knock(entrance).take() == b"go away\n"
    assert knock(entrance, "192.0.2.2").take() == b"hello\n"
    first.protocol.settled()
    assert knock(entrance).take() == b"hello\n"
    first.lose()
    assert knock(entrance).take() == b"go away\n"
    second.lose()
    assert knock(entrance).take() == b"hello\n"


def test_nothing_is_said_in_the_clear_on_a_tls_port():
    assert knock(door(total=0, tls=object(), implicit_tls=True)).take() == b""


@pytest.mark.parametrize(
    ("text", "bind"),
    [("0.0.0.0:25", Bind("0.0.0.0", 25)), ("[::]:143", Bind("::", 143)), ("127.0.0.1:0", Bind("127.0.0.1", 0))],
)
def test_parse_bind(text, bind):
    assert parse_bind(text) == bind
    assert str(bind) == text


@pytest.mark.parametrize("text", ["", "25", "localhost:25", "0.0.0.0:65536", "::25:x", "[::]"])
def test_no_bind(text):
    with pytest.raises(ValueError, match="."):
        parse_bind(text)


def listener(bind, passed=None):
    from twisted.internet import reactor

    return Listener(reactor, "toy", [bind], passed_sockets=passed or {}, total=Total(9), stop_limit_seconds=1)


def test_a_taken_port_is_named_with_advice():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"listener toy cannot listen on 127.0.0.1:{port}: .*ss -ltnp"):
            listener(Bind("127.0.0.1", port)).privilegedStartService()


def test_a_passed_socket_is_taken_by_its_address():
    with socket.socket() as passed:
        passed.bind(("127.0.0.1", 0))
        passed.listen()
        port = passed.getsockname()[1]
        service = listener(Bind("127.0.0.1", port), passed_sockets([passed.fileno()]))
        service.privilegedStartService()
        assert service.addresses == [("127.0.0.1", port)]
        service.stopService()


def test_who_is_banned_stays_outside():
    heard = []

    class Keeper:
        def arrived(self, ip, *, login):
            return "banned: because" if ip == "192.0.2.9" and login else ""

        def left(self, ip, errors):
            heard.append((ip, errors))

    entrance = door(total=100)
    entrance.total.doorkeeper = Keeper()
    assert knock(entrance, "192.0.2.9").take() == b"go away\n"
    inside = knock(entrance)
    assert inside.take() == b"hello\n"
    inside.lose()
    assert heard == [("192.0.2.1", 0)]
    entrance.limits = replace(entrance.limits, login=False)
    assert knock(entrance, "192.0.2.9").take() == b"hello\n"
