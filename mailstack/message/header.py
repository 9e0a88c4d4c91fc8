"""The header block of a message, found in one pass over its octets.  RFC 5322 §2.2

Nothing here raises on bad input.  A line that is neither a field nor the
continuation of one (an mbox `From ` line, rubbish, 8-bit field names) belongs to
no field; its continuation lines neither.  Lines may end with CRLF or LF.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Field", "Header", "header_end", "message_id_of", "scan", "unfold"]

# field = field-name *WSP ":" unstructured; *WSP is obs-optional's (RFC 5322 §4.5.8)
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*")
_KEYS_KEPT = 2000
_KEY_OCTETS = 40
_MESSAGE_ID = re.compile(rb"(?i)\n?message-id[ \t]*:\s*(<[^<>\s]{1,996}>)")


class Field(NamedTuple):
    """One field: offsets into the scanned octets.

    `data[start:end]` is the whole field with its line end, `data[value:end]` what stands behind the colon.
    """

    key: bytes  # the name in lower case
    start: int
    value: int
    end: int


class _Keys(dict[bytes, bytes]):
    """What stands before the first colon of a line → the field's name in lower case, b"" when it is none."""

    def __missing__(self, octets: bytes) -> bytes:
        name = _NAME.fullmatch(octets)
        key = name[1].lower() if name else b""
        if len(self) < _KEYS_KEPT and len(octets) <= _KEY_OCTETS:
            self[octets] = key
        return key


_keys = _Keys()
_new = tuple.__new__


class Header:
    """The fields of one header block, in order; names are asked for in lower case."""

    __slots__ = ("_by_key", "data", "end", "fields")

    def __init__(self, data: bytes, end: int, fields: list[Field]) -> None:
        self.data = data
        self.end = end  # where the body begins: behind the blank line, or at the end of the octets
        self.fields = fields
        self._by_key: dict[bytes, list[Field]] = {}
        for field in fields:
            self._by_key.setdefault(field.key, []).append(field)

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def named(self, key: bytes) -> list[Field]:
        """All fields of this name, from the top."""
        return self._by_key.get(key, [])

    def first(self, key: bytes) -> bytes | None:
        """The value of the topmost field of this name, unfolded; None without one."""
        found = self._by_key.get(key)
        return self.value(found[0]) if found else None

    def all(self, key: bytes) -> list[bytes]:
        """The values of all fields of this name, unfolded, from the top."""
        return [self.value(field) for field in self.named(key)]

    def value(self, field: Field) -> bytes:
        return unfold(self.data[field.value : field.end])

    def raw(self, field: Field) -> bytes:
        """The whole field as it stands, with its line end (the last one may have none)."""
        return self.data[field.start : field.end]

    def name(self, field: Field) -> bytes:
        """The name as it is written."""
        return self.data[field.start : field.start + len(field.key)]


def header_end(data: bytes, start: int = 0) -> int:
    """Offset of the first octet of the body; `len(data)` when no blank line has been seen."""
    if data.startswith((b"\r\n", b"\n"), start):
        return start + 1 + (data[start] == 13)
    with_cr = data.find(b"\n\r\n", start)
    without = data.find(b"\n\n", start, len(data) if with_cr < 0 else with_cr)
    if without >= 0:
        return without + 2
    return len(data) if with_cr < 0 else with_cr + 3


def scan(data: bytes, start: int = 0) -> Header:
    """Find the fields of the header block that begins at `start`; the body behind it is not looked at."""
    end = header_end(data, start)
    fields = []
    at = start
    # folded lines joined, octet for octet, so that each line is a field or nothing
    for line in data[start:end].replace(b"\n ", b"\0 ").replace(b"\n\t", b"\0\t").split(b"\n"):
        behind = at + len(line) + 1
        colon = line.find(b":")
        if colon > 0 and (key := _keys[line[:colon]]):
            fields.append(_new(Field, (key, at, at + colon + 1, min(behind, end))))
        at = behind
    return Header(data, end, fields)


def message_id_of(head: bytes) -> str:
    """`<id@domain>` of the topmost Message-ID, for the log; "" without one that has the usual form."""
    for part in (b"essage-", b"ESSAGE-"):  # every message comes by here, and one look through the octets is enough
        place = head.find(part)
        while place >= 0:
            found = _MESSAGE_ID.match(head, max(place - 2, 0))
            if found:
                return "" if _blank_line_before(head, place) else found[1].decode("utf-8", "replace")
            place = head.find(part, place + 1)
    return ""


def _blank_line_before(head: bytes, place: int) -> bool:
    return head.find(b"\n\r\n", 0, place) >= 0 or head.find(b"\n\n", 0, place) >= 0


def unfold(value: bytes) -> bytes:
    """The value in one line, without blanks at its ends: every CR and LF goes.  RFC 5322 §2.2.3"""
    return value.translate(None, b"\r\n").strip(b" \t")
