"""The kinds of value a setting may have: how each is read from TOML, and how it is written into the sample file."""

import ipaddress
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

from mailstack.config import units
from mailstack.config.faults import Unfit

__all__ = [
    "ADDRESS",
    "DURATION",
    "FLAG",
    "HOST",
    "HTTPS",
    "LISTEN_ADDRESSES",
    "NAME_SERVERS",
    "NETWORKS",
    "PATH",
    "PORT",
    "SERVER",
    "SIZE",
    "TEXT",
    "URI",
    "Choice",
    "Kind",
    "ListOf",
    "Number",
    "choice",
]

T = TypeVar("T")


class Kind(Protocol[T]):
    """One kind of value."""

    def read(self, value: object) -> T:
        """From what TOML gave.  Raises Unfit."""

    def write(self, value: T) -> str:
        """As TOML."""


@dataclass(frozen=True, slots=True)
class Simple(Generic[T]):
    """A kind made of two functions."""

    read: Callable[[object], T]
    write: Callable[[T], str]


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)  # a TOML basic string has JSON's escapes


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Unfit(f"{value!r} is neither true nor false; allowed: true, false (without quotes)")


def _text(value: object) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    raise Unfit(f"{value!r} is not a line of text; allowed: text in quotes")


def _path(value: object) -> str:
    if isinstance(value, str) and (value == "" or (value.startswith("/") and value.isprintable())):
        return value
    raise Unfit(f"{value!r} is not an absolute path; allowed: text that starts with /")


_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def _host(value: object) -> str:
    """A full host name in A-labels (RFC 1123 §2.1, RFC 5890 §2.3.2.1), or "" where none is given."""
    if value == "":
        return ""
    if isinstance(value, str) and len(value) <= 253:
        labels = value.split(".")
        if len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit():
            return value.lower()
    raise Unfit(f"{value!r} is not a full host name; allowed: labels joined by dots, such as mail.example.org")


def _server(value: object) -> str:
    """A full host name, or an IP address."""
    if isinstance(value, str) and value:
        with suppress(ValueError):
            return str(ipaddress.ip_address(value))
    return _host(value)


def _uri(value: object) -> str:
    """An address with its scheme (RFC 3986 §3), or "" where none is given."""
    if value == "" or (isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", value)):
        return str(value)
    raise Unfit(f"{value!r} is not a URI; allowed: text such as mailto:postmaster@example.org")


def _https(value: object) -> str:
    """An address of a web service, or "" where none is given."""
    if value == "" or (isinstance(value, str) and value.isprintable() and re.match(r"https://[^/\s]+", value)):
        return str(value)
    raise Unfit(f"{value!r} is not the address of a secure web service; allowed: text that starts with https://")


FLAG: Kind[bool] = Simple(_flag, lambda value: "true" if value else "false")
TEXT: Kind[str] = Simple(_text, _quoted)
PATH: Kind[str] = Simple(_path, _quoted)
HOST: Kind[str] = Simple(_host, _quoted)
SERVER: Kind[str] = Simple(_server, _quoted)
URI: Kind[str] = Simple(_uri, _quoted)
HTTPS: Kind[str] = Simple(_https, _quoted)
DURATION: Kind[timedelta] = Simple(units.read_duration, units.write_duration)
SIZE: Kind[int] = Simple(units.read_size, units.write_size)
ADDRESS: Kind[units.SocketAddress] = Simple(units.read_address, _quoted)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number within limits, both included."""

    least: int
    most: int

    def read(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most:
            return value
        raise Unfit(f"{value!r} does not fit; allowed: a whole number from {self.least} to {self.most}")

    def write(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: Sequence[str]

    def read(self, value: object) -> str:
        if isinstance(value, str) and value in self.words:
            return value
        raise Unfit(f"{value!r} is not known; allowed: " + ", ".join(f'"{word}"' for word in self.words))

    def write(self, value: str) -> str:
        return _quoted(value)


def choice(*words: str) -> Any:
    """For a field that is annotated with the same words as a Literal."""
    return Choice(words)


PORT = Number(1, 65535)


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list, kept as a tuple; every wrong element is told."""

    kind: Kind[T]

    def read(self, value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Unfit(f"{value!r} is not a list; allowed: [ … ], values parted by commas")
        read, wrong = [], []
        for element in value:
            try:
                read.append(self.kind.read(element))
            except Unfit as unfit:
                wrong.append(str(unfit))
        if wrong:
            raise Unfit("; ".join(wrong))
        return tuple(read)

    def write(self, value: Sequence[T]) -> str:
        return f"[{', '.join(self.kind.write(element) for element in value)}]"


_NAME_SERVER: Kind[units.SocketAddress] = Simple(lambda value: units.read_address(value, default_port=53), _quoted)
NETWORKS: Kind[tuple[units.Network, ...]] = ListOf(Simple(units.read_network, _quoted))
LISTEN_ADDRESSES: Kind[tuple[units.SocketAddress, ...]] = ListOf(ADDRESS)
NAME_SERVERS: Kind[tuple[units.SocketAddress, ...]] = ListOf(_NAME_SERVER)
