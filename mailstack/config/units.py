"""Durations, sizes and socket addresses: read from the forms people write, and written back in the same."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta

from mailstack.config.faults import Unfit

__all__ = [
    "Network",
    "SocketAddress",
    "read_address",
    "read_duration",
    "read_network",
    "read_size",
    "write_duration",
    "write_size",
]

_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:[0-9]+[wdhms])+")
_DURATION_PART = re.compile(r"(\d+)([wdhms])")
_DURATION_FORMS = 'a number of seconds, or text such as "30s", "10m", "1h30m", "5d"'

_OCTETS = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_SIZE = re.compile(r"([0-9]+) ?(GiB|MiB|KiB|B)")
_SIZE_FORMS = 'a number of octets, or text such as "64KiB", "50MiB", "1GiB"'

_ADDRESS_FORMS = '"192.0.2.1:25", "[2001:db8::1]:25"'
_LONGEST = 100 * 365 * 86400  # seconds; more is a slip of the pen, and would overflow a timedelta


def read_duration(value: object) -> timedelta:
    """Seconds as a number, or text with units.  Raises Unfit."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST:
        return timedelta(seconds=value)
    if isinstance(value, str) and len(value) < 50 and _DURATION.fullmatch(value):
        seconds = sum(int(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
        if seconds <= _LONGEST:
            return timedelta(seconds=seconds)
    raise Unfit(f"{value!r} is not a duration; allowed: {_DURATION_FORMS}")


def write_duration(value: timedelta) -> str:
    """`1h30m`: what `read_duration` reads back; fractions of a second are written as a plain number."""
    if value % timedelta(seconds=1):
        return str(value.total_seconds())
    rest, text = int(value.total_seconds()), ""
    for unit, seconds in _SECONDS.items():
        if unit == "w" and rest % seconds:
            continue  # "5d" and "10d", not "1w3d"
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return f'"{text or "0s"}"'


def read_size(value: object) -> int:
    """Octets as a number, or text with a unit.  Raises Unfit."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and len(value) < 30 and (match := _SIZE.fullmatch(value)):
        return int(match[1]) * _OCTETS[match[2]]
    raise Unfit(f"{value!r} is not a size; allowed: {_SIZE_FORMS}")


def write_size(value: int) -> str:
    """`50MiB`: the largest unit that divides it; below 10 KiB plain octets, as RFCs state limits."""
    for unit, octets in _OCTETS.items():
        if unit != "B" and value >= max(octets, 10 << 10) and not value % octets:
            return f'"{value // octets}{unit}"'
    return str(value)


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """Where to listen or to connect.  `host` is an IP address; port 0 lets the system choose (tests)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_network(value: object) -> Network:
    """`10.0.0.0/8`, or one address.  Raises Unfit."""
    if isinstance(value, str):
        try:
            return ipaddress.ip_network(value)
        except ValueError:
            pass
    raise Unfit(f'{value!r} is not a network; allowed: "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"')


def read_address(value: object, *, default_port: int | None = None) -> SocketAddress:
    """`host:port` with a literal IP address; the port may be left out when there is a usual one.  Raises Unfit."""
    if isinstance(value, str):
        host, port = _split_port(value, default_port)
        if port is not None and _is_ip(host):
            return SocketAddress(host, port)
    raise Unfit(f"{value!r} is not an IP address and port; allowed: {_forms(default_port)}")


def _forms(default_port: int | None) -> str:
    return _ADDRESS_FORMS if default_port is None else f'"192.0.2.1", "192.0.2.1:{default_port}", "[2001:db8::1]:53"'


def _split_port(text: str, default_port: int | None) -> tuple[str, int | None]:
    if default_port is not None and _is_ip(text.removeprefix("[").removesuffix("]")):
        return text.removeprefix("[").removesuffix("]"), default_port
    if not (match := re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})", text, re.ASCII)):
        return "", None
    port = int(match[3])
    return match[1] or match[2], port if port < 65536 else None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
