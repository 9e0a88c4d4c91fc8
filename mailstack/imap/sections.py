"""Sections of a message as FETCH names them: what is asked, and which octets that is.  RFC 3501 §6.4.5

A section is found as a `Slice`: a range of the message, or octets made of it
(HEADER.FIELDS).  It is exact to the octet, and so are partials of it: joined
pieces `<0.n>`, `<n.n>`, … are the whole.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final

from mailstack.imap.binary import decoded
from mailstack.message.header import Header
from mailstack.message.mime import Part, Source, octets_of, outline, parse

__all__ = ["Message", "Section", "Slice", "Text", "find"]

_NO_NUL: Final = bytes([0x80, *range(1, 256)])  # NUL may not stand in a literal; the size must stay.  RFC 3501 §9


class Text(Enum):
    """section-msgtext and MIME; ALL is the empty section.  RFC 3501 §9"""

    ALL = b""
    HEADER = b"HEADER"
    TEXT = b"TEXT"
    MIME = b"MIME"
    FIELDS = b"HEADER.FIELDS"
    FIELDS_NOT = b"HEADER.FIELDS.NOT"


@dataclass(frozen=True, slots=True)
class Section:
    """`BODY[1.2.HEADER.FIELDS (To)]`: parts (1, 2), text FIELDS, fields {to}."""

    parts: tuple[int, ...] = ()
    text: Text = Text.ALL
    fields: frozenset[bytes] = frozenset()  # lower case


@dataclass(frozen=True, slots=True)
class Slice:
    """Octets `[start, end)` of the message, or `made` in their place."""

    start: int
    end: int
    made: bytes | None = None
    raw: bool = False  # NULs stay: it goes out as a literal8

    @property
    def size(self) -> int:
        return self.end - self.start if self.made is None else len(self.made)

    def partial(self, offset: int, count: int) -> "Slice":
        """`<offset.count>`, truncated as it must be; an offset behind the end gives nothing.  RFC 3501 §6.4.5"""
        offset = min(offset, self.size)
        end = min(offset + count, self.size)
        if self.made is not None:
            return Slice(0, 0, self.made[offset:end], self.raw)
        return Slice(self.start + offset, self.start + end)

    def read(self, source: Source, offset: int, count: int) -> bytes:
        """Octets of the slice from `offset` on, at most `count`, fit for a literal."""
        if self.made is not None:
            data = self.made[offset : offset + count]
        else:
            data = source.read(self.start + offset, min(count, self.end - self.start - offset))
        return data if self.raw or b"\0" not in data else data.translate(_NO_NUL)


class Message:
    """One message being fetched: looked at no more than its sections need, and once."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @cached_property
    def _outline(self) -> Part:
        return outline(self._source)

    @cached_property
    def _tree(self) -> Part:
        return parse(octets_of(self._source))

    def find(self, section: Section) -> Slice | None:
        """Where the section is; None when the message has no such part."""
        if section.parts:
            return find(self._tree, section)
        if section.text is Text.ALL:
            return Slice(0, self._source.size)
        return find(self._outline, section)

    def decoded(self, section: Section) -> Slice | None:
        """The same without transfer encoding; the whole message has none.  UnknownEncodingFault.  RFC 3516 §4"""
        if not section.parts:
            octets = self._source.read(0, self._source.size)
        else:
            part = _numbered(self._tree, section.parts)
            if part is None:
                return None
            octets = decoded(part)
        return Slice(0, 0, octets, raw=b"\0" in octets)


def find(message: Part, section: Section) -> Slice | None:
    """Where the section is in a message that has been taken apart."""
    if not section.parts:
        return Slice(message.start, message.end) if section.text is Text.ALL else _message_text(message, section)
    part = _numbered(message, section.parts)
    if part is None:
        return None
    if section.text is Text.ALL:
        return Slice(part.body, part.end)
    if section.text is Text.MIME:
        return Slice(part.start, part.body)
    embedded = _embedded(part)
    return None if embedded is None else _message_text(embedded, section)


def _message_text(message: Part, section: Section) -> Slice:
    if section.text is Text.TEXT:
        return Slice(message.body, message.end)
    if section.text is Text.HEADER:
        return Slice(message.start, message.body)
    return Slice(0, 0, _chosen(message, section))


def _numbered(message: Part, numbers: tuple[int, ...]) -> Part | None:
    """The part of that number.  The parts of a message/rfc822 are those of its message."""
    inside: Part | None = message
    part: Part | None = None
    for number in numbers:
        part = _child(inside, number) if inside else None
        if part is None:
            return None
        inside = _embedded(part) or (part if part.multipart else None)
    return part


def _child(parent: Part, number: int) -> Part | None:
    """A message that is no multipart has one part, 1: itself."""
    if parent.multipart:
        return parent.children[number - 1] if number <= len(parent.children) else None
    return parent if parent.message and number == 1 else None


def _embedded(part: Part) -> Part | None:
    """The message within a message/rfc822."""
    return part.children[0] if part.embeds else None


def _chosen(message: Part, section: Section) -> bytes:
    """HEADER.FIELDS and .NOT: the fields as they stand, in their order, and the blank line if there was one."""
    header: Header = message.header
    wanted = section.text is Text.FIELDS
    chosen = [header.raw(field) for field in header if (field.key in section.fields) is wanted]
    if chosen and not chosen[-1].endswith(b"\n"):
        chosen[-1] += b"\r\n"
    return b"".join([*chosen, b"\r\n"] if _has_blank(message) else chosen)


def _has_blank(message: Part) -> bool:
    """Whether a blank line ends the header; without one there is no body either."""
    block = message.header.data[: message.header.end]
    if message.body < message.end or not block:
        return message.body > message.start
    return block.endswith((b"\n\r\n", b"\n\n")) or block in {b"\r\n", b"\n"}
