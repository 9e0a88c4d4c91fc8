"""The PROXY header: what is one, whoever cuts it, and who is believed."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from mailstack.base.errors import ParseFault
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.net.connection import Setting
from mailstack.net.listen import Limits, Total, _Door
from mailstack.net.proxy import Source, read_header
from tests.fakes.transport import MemoryTransport
from tests.net.test_connection import ToyEngine, ToySession

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = socket.inet_pton(socket.AF_INET, "192.0.2.7") + b"\n\0\0\1" + b"\x30\x39\x00\x19"
SIX = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16) + b"\x30\x39\x00\x19"
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.7") + bytes(16) + b"\x30\x39\x00\x19"
GOOD = [
    (b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 25\r\n", Source("192.0.2.7", 12345)),
    (b"PROXY TCP6 2001:db8::7 ::1 12345 25\r\n", Source("2001:db8::7", 12345)),
    (b"PROXY UNKNOWN\r\n", Source()),
    (b"PROXY UNKNOWN ffff:f...f:ffff 1 2\r\n", Source()),
    (SIGNATURE + b"\x21\x11\x00\x0c" + FOUR, Source("192.0.2.7", 12345)),
    (SIGNATURE + b"\x21\x11\x00\x10" + FOUR + b"\4\0\1x", Source("192.0.2.7", 12345)),
    (SIGNATURE + b"\x21\x21\x00\x24" + SIX, Source("2001:db8::7", 12345)),
    (SIGNATURE + b"\x21\x21\x00\x24" + MAPPED, Source("192.0.2.7", 12345)),
    (SIGNATURE + b"\x20\x00\x00\x00", Source()),
    (SIGNATURE + b"\x21\x31\x00\x02ab", Source()),
]
BAD = [
    b"EHLO x\r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 12345\r\n",
    b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
    b"PROXY TCP4 192.0.2.777 10.0.0.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 25\r\n",
    b"PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
    b"PROXY TCP4 " + b"x" * 200,
    SIGNATURE + b"\x11\x11\x00\x0c" + FOUR,
    SIGNATURE + b"\x22\x11\x00\x0c" + FOUR,
    SIGNATURE + b"\x21\x11\x00\x0b" + FOUR,
    SIGNATURE + b"\x21\x11\xff\xff" + FOUR,
]


@pytest.mark.parametrize(("header", "source"), GOOD)
def test_good_headers(header, source):
    assert read_header(header + b"EHLO x\r\n" * 30) == (source, b"EHLO x\r\n" * 30)
    for end in range(len(header)):
        assert read_header(header[:end]) is None


@pytest.mark.parametrize("octets", BAD)
def test_bad_headers(octets):
    with pytest.raises(ParseFault):
        read_header(octets)


@given(st.sampled_from([b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]), st.binary(max_size=150))
def test_no_octets_do_harm(start, octets):
    try:
        found = read_header(start + octets)
    except ParseFault:
        return
    assert found is None or (start + octets).endswith(found[1])


def door(*, per_ip=0, implicit_tls=False):
    clock = Clock()
    toys = Setting("toy", clock, lambda wire: (ToyEngine(), ToySession(wire)), tls=object(), implicit_tls=implicit_tls)
    proxies = (ipaddress.ip_network("10.0.0.0/8"),)
    return clock, _Door(toys, Limits(0, per_ip, b"go away\n", proxies), Total(10))


class Address:
    port = 1234

    def __init__(self, host):
        self.host = host


def knock(at, ip="10.1.2.3"):
    transport = MemoryTransport(at.buildProtocol(Address(ip)))
    transport.start()
    return transport


def test_the_client_is_whom_the_proxy_names():
    _, entrance = door(per_ip=1)
    transport = knock(entrance)
    header = GOOD[0][0]
    transport.protocol.dataReceived(header[:20])
    assert transport.take() == b""
    transport.protocol.dataReceived(header[20:] + b"a\n")
    assert transport.take() == b"hello\na\n"
    [connection] = entrance.connections
    assert (connection.peer.ip, connection.peer.port) == ("192.0.2.7", 12345)
    again = knock(entrance, "10.9.9.9")
    again.protocol.dataReceived(header)
    assert again.take() == b"go away\n"
    transport.lose()
    assert not entrance.connections


def test_a_health_check_is_the_proxy_itself():
    _, entrance = door()
    knock(entrance).protocol.dataReceived(b"PROXY UNKNOWN\r\n")
    [connection] = entrance.connections
    assert connection.peer.ip == "10.1.2.3"


def test_others_speak_their_protocol_at_once():
    _, entrance = door()
    transport = knock(entrance, "192.0.2.9")
    assert transport.take() == b"hello\n"
    transport.protocol.dataReceived(b"PROXY UNKNOWN\n")
    assert transport.take() == b"PROXY UNKNOWN\n"


def test_a_proxy_must_say_for_whom():
    seen = []

    def sink(event, fields):
        seen.append((event, fields["reason"]))

    clock, entrance = door()
    silent, wrong = knock(entrance), knock(entrance)
    add_sink(sink)
    wrong.protocol.dataReceived(b"EHLO x\r\n")
    clock.advance(30)
    remove_sink(sink)
    assert not silent.connected
    assert not wrong.connected
    assert seen == [
        (Event.CONNECTION_REFUSED, "no PROXY header"),
        (Event.CONNECTION_REFUSED, "no PROXY header in time"),
    ]
    assert clock.getDelayedCalls() == []
