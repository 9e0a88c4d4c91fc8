"""The PROXY protocol, versions 1 and 2: a load balancer says for whom it connects.  Pure, but for `Introduction`.

The specification is HAProxy's (proxy-protocol.txt).  Only addresses that the
configuration names may speak it, and they must: a header that anybody may send
is a way to lie about one's address, one that may be left out is a guess.
"""

import ipaddress
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from mailstack.base.errors import ParseFault

__all__ = ["Introduction", "Source", "read_header"]

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_LIMIT = 107  # octets with CRLF
_V2_LIMIT = 2048  # octets behind the first 16: addresses and what proxies add to them
_V1 = re.compile(rb"PROXY (?:UNKNOWN(?: .*)?|TCP([46]) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5}))", re.DOTALL)
_V2_ADDRESSES = {0x11: (4, 12), 0x21: (16, 36)}  # family and transport → octets of an address, of all


@dataclass(frozen=True, slots=True)
class Source:
    """Who connects.  `ip` "": the proxy itself (a health check), or it does not know."""

    ip: str = ""
    port: int = 0


def read_header(data: bytes) -> tuple[Source, bytes] | None:
    """The source and what stands behind the header; None while it is not whole.  ParseFault when it is none."""
    if data[: len(_SIGNATURE)] == _SIGNATURE[: len(data)]:
        return _version_2(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _version_1(data)
    raise ParseFault("no PROXY header")


def _version_1(data: bytes) -> tuple[Source, bytes] | None:
    line, end, rest = data[:_V1_LIMIT].partition(b"\r\n")
    if not end:
        if len(data) >= _V1_LIMIT:
            raise ParseFault("PROXY header without an end")
        return None
    match = _V1.fullmatch(line)
    if match is None:
        raise ParseFault("PROXY header not understood")
    rest += data[_V1_LIMIT:]
    if match[1] is None:
        return Source(), rest
    return Source(_address(match[2].decode("latin-1"), int(match[1])), _port(int(match[4]))), rest


def _address(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ParseFault("PROXY header with a bad address") from None
    if address.version != version:
        raise ParseFault("PROXY header with an address of the other family")
    return str(address)


def _port(number: int) -> int:
    if number > 65535:
        raise ParseFault("PROXY header with a bad port")
    return number


def _version_2(data: bytes) -> tuple[Source, bytes] | None:
    if len(data) < 16:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    if command not in {0x20, 0x21} or length > _V2_LIMIT:
        raise ParseFault("PROXY header of an unknown kind")
    if len(data) < 16 + length:
        return None
    body, rest = data[16 : 16 + length], data[16 + length :]
    if command == 0x20 or family not in _V2_ADDRESSES:  # LOCAL, or nothing that has an IP address
        return Source(), rest
    octets, least = _V2_ADDRESSES[family]
    if length < least:
        raise ParseFault("PROXY header too short")
    (port,) = struct.unpack_from(">H", body, 2 * octets)
    return Source(_plain(ipaddress.ip_address(body[:octets])), port), rest


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """IPv4 in IPv6 is IPv4: one client has one address, whatever the proxy makes of it.  RFC 4291 §2.5.5.2"""
    return str(getattr(address, "ipv4_mapped", None) or address)


class Introduction(Protocol):
    """Stands in front of a connection until the proxy has said for whom it is.

    `let_in` makes the protocol that takes over; `refuse` is told why there is none.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        let_in: Callable[[Source], Protocol],
        refuse: Callable[[str], None],
    ) -> None:
        self._clock, self._seconds, self._let_in, self._refuse = clock, seconds, let_in, refuse
        self._data = b""
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self._timer = self._clock.callLater(self._seconds, self._abort, "no PROXY header in time")

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        try:
            found = read_header(self._data)
        except ParseFault as fault:
            self._disarm()
            self._abort(str(fault))
            return
        if found is not None:
            self._disarm()
            self._hand_over(*found)

    def _hand_over(self, source: Source, rest: bytes) -> None:
        transport: Any = self.transport
        self._data = b""
        transport.protocol = inner = self._let_in(source)
        inner.makeConnection(transport)
        if rest:
            transport.protocol.dataReceived(rest)  # with TLS from the first octet it is TLS's by now

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  nobody was there yet
        self._disarm()

    def _disarm(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _abort(self, reason: str) -> None:
        self._refuse(reason)
        self.transport.abortConnection()  # type: ignore[union-attr]
