"""Internationalised messages for clients that never heard of them: a surrogate whose headers are ASCII.  RFC 6858

The surrogate is made when it is asked for and never kept: what the store has stays as it came.  Only header
fields with octets beyond ASCII change, of the message and of its parts; bodies are read from the message.
Headers that are not UTF-8 are no internationalised mail but broken mail, and pass as they are.

An address whose local part or domain is beyond ASCII cannot be written to by such a client: a name tells it to
the reader, and the address is one that goes nowhere (RFC 6858 §2.1).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote_from_bytes

from mailstack.message.address import Address, Group, parse_addresses
from mailstack.message.header import Field, Header, header_end
from mailstack.message.mime import Part, Source, Whole, octets_of, parse
from mailstack.message.parameters import parse_valued
from mailstack.message.words import encode_raw, encode_word, readable

__all__ = ["Surrogate", "for_ascii", "octets_for_ascii"]

_FIRST_OCTETS: Final = 4096
_HEADER_OCTETS: Final = 256 * 1024
_NOWHERE: Final = b"invalid@internationalized-address.invalid"
_ADDRESSES: Final = frozenset(
    prefix + name
    for prefix in (b"", b"resent-")
    for name in (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"return-path")
)
_PARAMETERS: Final = frozenset({b"content-type", b"content-disposition"})
# of these no part can be made ASCII and still mean the same, so they are left out.  RFC 6858 §2.4
_LEFT_OUT: Final = frozenset(
    {b"message-id", b"in-reply-to", b"references", b"received", b"date", b"resent-date", b"resent-message-id"}
    | {b"content-id", b"content-transfer-encoding", b"mime-version", b"dkim-signature", b"authentication-results"}
    | {b"arc-seal", b"arc-message-signature", b"arc-authentication-results", b"content-location", b"content-language"}
)


def for_ascii(source: Source) -> Source:
    """The message itself when its header is ASCII, or not UTF-8; else its surrogate."""
    header = source.read(0, _FIRST_OCTETS)
    if header_end(header) == len(header) and source.size > len(header):
        header = source.read(0, _HEADER_OCTETS)
    header = header[: header_end(header)]
    if header.isascii() or not _is_utf8(header):
        return source
    return Surrogate(source)


def octets_for_ascii(octets: bytes) -> bytes:
    """The same of a message that is in memory."""
    if octets.isascii():
        return octets
    shown = for_ascii(Whole(octets))
    return shown.read(0, shown.size)


class Surrogate:
    """A `Source`: pieces of the message as they are, and header blocks made anew."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._starts: list[int] = []
        self._pieces: list[tuple[int, int, bytes | None]] = []  # octets [start, end) of the source, or made ones
        self.size = 0
        at = 0
        for part in _parts(parse(octets_of(source))):
            made = _header(part)
            if made is not None:
                self._add(at, part.start, None)
                self._add(0, len(made), made)
                at = part.body
        self._add(at, source.size, None)

    def _add(self, start: int, end: int, made: bytes | None) -> None:
        if start < end:
            self._starts.append(self.size)
            self._pieces.append((start, end, made))
            self.size += end - start

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        out = []
        while offset < end:
            index = bisect_right(self._starts, offset) - 1
            start, stop, made = self._pieces[index]
            first = start + offset - self._starts[index]
            count = min(stop - first, end - offset)
            out.append(self._source.read(first, count) if made is None else made[first : first + count])
            offset += count
        return b"".join(out)


def _parts(part: Part) -> Iterator[Part]:
    """All parts that have a header, in the order of the octets."""
    yield part
    for child in part.children:
        yield from _parts(child)


def _header(part: Part) -> bytes | None:
    """The part's header block in ASCII; None when it is so already, or is not UTF-8."""
    block = part.octets.read(part.start, part.body - part.start)
    if block.isascii() or not _is_utf8(block):
        return None
    header = part.header
    fields = [header.raw(field) if header.raw(field).isascii() else _field(header, field) for field in header]
    return b"".join([*fields, b"\r\n"])


def _field(header: Header, field: Field) -> bytes:
    """One field in ASCII, b"" when it is left out."""
    value = header.value(field)
    name = header.name(field)
    if field.key in _LEFT_OUT or not name.isascii():
        return b""
    if field.key in _ADDRESSES:
        made = b",\r\n ".join(_addresses(parse_addresses(value)))
    elif field.key in _PARAMETERS:
        made = _parameters(value)
    else:
        made = b"\r\n ".join(encode_raw(value).split(b" "))
    return b"%b: %b\r\n" % (name, made)


def _addresses(entries: Iterable[Address | Group]) -> Iterator[bytes]:
    for entry in entries:
        if isinstance(entry, Group):
            members = b", ".join(map(_address, entry.members))
            yield b"%b: %b;" % (_phrase(entry.name), members)
        else:
            yield _address(entry)


def _address(address: Address) -> bytes:
    """RFC 6858 §2.1"""
    if address.spec.isascii():
        return b"%b <%b>" % (_phrase(address.display), address.spec) if address.display else address.spec
    told = b"%b <%b>" % (address.display, address.spec) if address.display else address.spec
    return b"%b <%b>" % (_phrase(told), _NOWHERE)


def _phrase(display: bytes) -> bytes:
    if display.isascii():
        return b'"%b"' % display.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return encode_word(readable(display))


def _parameters(value: bytes) -> bytes:
    """Parameters beyond ASCII as RFC 2231 has them, so that attachments keep their names."""
    valued = parse_valued(value)
    pieces = [valued.value if valued.value.isascii() else b"application/octet-stream"]
    for name, octets in valued.parameters:
        if not name.isascii():
            continue
        if name.endswith("*"):
            pieces.append(name.encode() + b"=" + octets.translate(None, bytes(range(128, 256))))
        elif octets.isascii():
            pieces.append(b'%b="%b"' % (name.encode(), octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')))
        else:
            pieces.append(b"%b*=utf-8''%b" % (name.encode(), quote_from_bytes(octets, safe="").encode()))
    return b";\r\n ".join(pieces)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
