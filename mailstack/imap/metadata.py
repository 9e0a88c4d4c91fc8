"""METADATA's grammar: names of entries, options, values, and the response.  RFC 5464"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.names import decode_name
from mailstack.imap.responses import astring, literal, mailbox, string
from mailstack.imap.values import Command

__all__ = ["Asked", "Get", "Set", "changed", "entries", "found", "parse_get", "parse_set", "told"]

_NAME_MOST: Final = 255  # octets
_NAME: Final = re.compile(rb"/(?:private|shared)(?:/[^\x00-\x1f*%/\x7f-\xff]+)*", re.IGNORECASE)
_VENDOR: Final = re.compile(r"/[a-z]+/vendor(?:/[^/]+)?")  # these name no entry yet
_OPTIONS: Final = re.compile(rb"\((?:MAXSIZE|DEPTH) ", re.IGNORECASE)
_INFINITE: Final = 1 << 20  # no name has so many components


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries: `depth` levels below each too, none whose value has more than `most` octets."""

    names: tuple[str, ...]
    depth: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Get(Command):
    """`mailbox` None: the server's."""

    mailbox: str | None
    asked: Asked


@dataclass(frozen=True, slots=True)
class Set(Command):
    mailbox: str | None
    values: Mapping[str, bytes | None]


def parse_get(cur: Cursor) -> Get:
    """getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries   RFC 5464 §5

    quirk: the options stand behind the mailbox in the RFC's own examples, and so in clients.
    """
    options: dict[bytes, int] = {}
    if cur.peek() == b"(":
        options = dict(cur.listed(_option))
        cur.space()
    place = _place(cur)
    cur.space()
    if not options and cur.looks(_OPTIONS):
        options = dict(cur.listed(_option))
        cur.space()
    return Get(place, Asked(entries(cur), options.get(b"DEPTH", 0), options.get(b"MAXSIZE")))


def _option(cur: Cursor) -> tuple[bytes, int]:
    """maxsize-opt = "MAXSIZE" SP number; scope-opt = "DEPTH" SP ("0" / "1" / "infinity")   RFC 5464 §5"""
    name = cur.word()
    cur.space()
    if name == b"MAXSIZE":
        return name, cur.number()
    if name != b"DEPTH":
        raise ParseFault("no such GETMETADATA option")
    depth = {b"0": 0, b"1": 1, b"INFINITY": _INFINITE}.get(cur.word())
    if depth is None:
        raise ParseFault("DEPTH is 0, 1 or infinity")
    return name, depth


def _place(cur: Cursor) -> str | None:
    wire = cur.astring()
    return decode_name(wire, utf8=cur.utf8) if wire else None


def entries(cur: Cursor) -> tuple[str, ...]:
    """entries = entry / "(" entry *(SP entry) ")"   RFC 5464 §5"""
    return tuple(dict.fromkeys(cur.listed(_entry) if cur.peek() == b"(" else (_entry(cur),)))


def _entry(cur: Cursor) -> str:
    """In small letters, for case means nothing.  RFC 5464 §3.2"""
    wire = cur.astring()
    if len(wire) > _NAME_MOST or not _NAME.fullmatch(wire):
        raise ParseFault("an entry's name is /private/... or /shared/..., without * and %")
    return wire.decode("ascii").lower()


def parse_set(cur: Cursor) -> Set:
    """setmetadata = "SETMETADATA" SP mailbox SP entry-values   RFC 5464 §5"""
    place = _place(cur)
    cur.space()
    return Set(place, dict(cur.listed(_value)))


def _value(cur: Cursor) -> tuple[str, bytes | None]:
    """entry-value = entry SP value; value = nstring / literal8.  Names of what vendors add have four components.
    RFC 5464 §3.2, §5"""
    name = _entry(cur)
    if name.count("/") < 2 or _VENDOR.fullmatch(name):
        raise ParseFault("that is no whole name of an entry")
    cur.space()
    return name, cur.literal8() if cur.peek() == b"~" else cur.nstring()


# --- answers ---


def found(asked: Asked, values: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """The entries that were asked for, by name; what does not exist has None.  RFC 5464 §4.2"""
    picked: dict[str, bytes | None] = {}
    for name in asked.names:
        if not asked.depth:
            picked[name] = values.get(name)
            continue
        below = name + "/"
        under: dict[str, bytes | None] = {
            each: value
            for each, value in values.items()
            if each == name or (each.startswith(below) and each.count("/") - name.count("/") <= asked.depth)
        }
        picked.update(under or {name: None})
    return picked


def told(place: str | None, values: Mapping[str, bytes | None], *, utf8: bool) -> bytes:
    """METADATA with values.  RFC 5464 §4.4.1"""
    pairs = (b"%b %b" % (astring(name.encode("ascii")), _encoded(value, utf8=utf8)) for name, value in values.items())
    return b"METADATA %b (%b)" % (_wire_place(place, utf8=utf8), b" ".join(pairs))


def changed(place: str | None, names: Iterable[str], *, utf8: bool) -> bytes:
    """METADATA with the names of what has changed, unsolicited.  RFC 5464 §4.4.2"""
    wire = b" ".join(astring(name.encode("ascii")) for name in names)
    return b"* METADATA %b %b\r\n" % (_wire_place(place, utf8=utf8), wire)


def _wire_place(place: str | None, *, utf8: bool) -> bytes:
    return b'""' if place is None else mailbox(place, utf8=utf8)


def _encoded(value: bytes | None, *, utf8: bool) -> bytes:
    """value = nstring / literal8   RFC 5464 §5"""
    if value is None:
        return b"NIL"
    if b"\0" in value:
        return b"~" + literal(value)
    return string(value, utf8=utf8 and _is_utf8(value))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
