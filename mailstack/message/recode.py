"""A message made fit for a way that carries less: 8-bit text without 8BITMIME, binary parts at all.  Streaming.

Each part that does not fit gets another Content-Transfer-Encoding and is not otherwise touched: RFC 6152 §3,
RFC 3030 §4, RFC 2045 §6.  What is signed or encrypted (RFC 1847) is never changed: then `Unfit`.  Header fields
stay as they are, whatever octets they have.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailstack.message.header import Header
from mailstack.message.mime import Octets, Part, Source, octets_of, parse

__all__ = ["Unfit", "to_eight_bit", "to_seven_bit"]

_SEALED: Final = frozenset({b"signed", b"encrypted"})  # multipart/…
_ENCODED: Final = frozenset({b"base64", b"quoted-printable"})
_PLAIN: Final = frozenset({b"7bit", b"8bit", b"binary"})
_PIECE: Final = 57 * 1024  # octets at a time: whole lines of base64
_BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_LINE: Final = 998  # octets, RFC 5322 §2.1.1
_HEAD: Final = 1 << 20  # octets of a header, or between two parts
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_HIGH_OCTETS: Final = bytes(range(128, 256))
_TO_QUESTION: Final = bytes(range(128)) + b"?" * 128


class Unfit(Exception):
    """It cannot be made fit.  `str()` is one line that says why."""


def to_seven_bit(source: Source) -> Iterator[bytes]:
    """ASCII without NUL, in lines.  Unfit, before the first octets."""
    return _Recoding(octets_of(source), seven=True).message()


def to_eight_bit(source: Source) -> Iterator[bytes]:
    """Lines of at most 998 octets without NUL: no part is binary any more.  Unfit, before the first octets."""
    return _Recoding(octets_of(source), seven=False).message()


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a part's octets are like."""

    high: bool  # octets above 127
    lines: bool  # only CRLF ends a line, no line is too long, and there is no NUL


class _Recoding:
    def __init__(self, octets: Octets, *, seven: bool) -> None:
        self._octets, self._seven = octets, seven
        self._plain_label = b"7bit" if seven else b"8bit"
        self._plans: dict[int, bytes] = {}  # leaf's start → its new encoding; b"" as it is

    def message(self) -> Iterator[bytes]:
        root = parse(self._octets)
        self._plan(root, sealed=False)
        return self._part(root)

    # --- first: what is to be done, and whether it can be --------------------------------------------------------

    def _plan(self, part: Part, *, sealed: bool) -> None:
        self._only_lines(part.start, part.body)
        if part.children:
            at = part.body
            for child in part.children:
                self._only_lines(at, child.start)
                self._plan(child, sealed=sealed or self._sealed(part))
                at = child.end
            self._only_lines(at, part.end)
            return
        encoding = self._encoding_for(part)
        if encoding and encoding != self._plain_label and sealed:
            raise Unfit("a part that is signed or encrypted would have to be changed")
        self._plans[part.start] = b"" if sealed else encoding

    def _encoding_for(self, part: Part) -> bytes:
        """b"" as it is."""
        if part.encoding == b"binary" and part.type not in {b"text", b"message"}:
            return b"base64"
        facts = self._facts(part.body, part.end)
        fits = facts.lines and not (self._seven and facts.high)
        if part.encoding in _ENCODED:
            return b"" if fits else part.encoding
        if fits:
            return self._plain_label if part.encoding in {b"8bit", b"binary"} else b""
        if part.encoding not in _PLAIN:
            raise Unfit(f"a part has the unknown encoding {part.encoding[:40].decode('ascii', 'replace')!r}")
        if part.type == b"message" and not part.subtype.startswith(b"global"):
            raise Unfit("a part of the type message/… may not be encoded")  # RFC 2046 §5.2
        return b"quoted-printable" if part.type == b"text" and facts.lines else b"base64"

    def _only_lines(self, start: int, end: int) -> None:
        """What is copied as it is must be in order: a bare LF could hide a header from others."""
        if end - start > _HEAD or not self._facts(start, end).lines:
            raise Unfit("a header or a delimiter has NUL, a bare CR or LF, or too long a line")

    def _facts(self, start: int, end: int) -> _Facts:
        high, lines, cr, line = False, True, b"", 0
        for piece in self._pieces(start, end):
            high = high or not piece.isascii()
            whole = cr + piece  # a CR at the end waits for what follows it
            cr = b"\r" if whole.endswith(b"\r") else b""
            lines = lines and b"\0" not in piece and not _BARE.search(whole, 0, len(whole) - len(cr))
            first, *rest = piece.split(b"\n")
            lines = lines and line + len(first) <= _LINE + 1 and max(map(len, rest), default=0) <= _LINE + 1
            line = len(rest[-1]) if rest else line + len(first)
        return _Facts(high, lines and not cr)

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, _PIECE):
            yield self._octets.read(at, min(_PIECE, end - at))

    # --- then: the octets ------------------------------------------------------------------------------------------

    def _part(self, part: Part) -> Iterator[bytes]:
        if not part.children:
            yield from self._leaf(part)
            return
        changes = part.encoding in {b"8bit", b"binary"} and not self._sealed(part)
        yield self._head(part, self._plain_label if changes else b"")
        at = part.body
        for child in part.children:
            yield from self._between(at, child.start)
            yield from self._part(child)
            at = child.end
        yield from self._between(at, part.end)

    def _sealed(self, part: Part) -> bool:
        return part.multipart and part.subtype in _SEALED

    def _between(self, start: int, end: int) -> Iterator[bytes]:
        """Delimiters, and what stands before, between and behind the parts for nobody to read."""
        for piece in self._pieces(start, end):
            yield piece.translate(_TO_QUESTION) if self._seven else piece

    def _leaf(self, part: Part) -> Iterator[bytes]:
        encoding = self._plans[part.start]
        relabelled = encoding and encoding != part.encoding
        yield self._head(part, encoding if relabelled else b"")
        pieces = self._pieces(part.body, part.end)
        if encoding == b"base64" and relabelled:
            yield from (base64.encodebytes(piece).replace(b"\n", b"\r\n") for piece in pieces)
        elif encoding == b"quoted-printable" and relabelled:
            yield from _quoted_printable(pieces)
        elif encoding == b"base64":
            yield from (piece.translate(None, _HIGH_OCTETS) for piece in pieces)
        elif encoding == b"quoted-printable":
            yield from (_HIGH.sub(lambda octet: b"=%02X" % ord(octet[0]), piece) for piece in pieces)
        else:
            yield from pieces

    def _head(self, part: Part, encoding: bytes) -> bytes:
        """The header with the blank line; with another encoding if there is one."""
        head = self._octets.read(part.start, part.body - part.start)
        return _with_encoding(part, head, encoding) if encoding else head


def _with_encoding(part: Part, head: bytes, encoding: bytes) -> bytes:
    header: Header = part.header
    kept, at = bytearray(), 0
    for field in header.named(b"content-transfer-encoding"):
        kept += head[at : field.start]
        at = field.end
    end = len(head) - 2 if head.endswith(b"\r\n\r\n") or head == b"\r\n" else len(head)
    kept += head[at:end]
    if part.message and b"mime-version" not in header:
        kept += b"MIME-Version: 1.0\r\n"
    if b"content-type" not in header and encoding in _ENCODED:
        kept += b"Content-Type: text/plain; charset=unknown-8bit\r\n"  # RFC 1428 §3
    return bytes(kept) + b"Content-Transfer-Encoding: " + encoding + b"\r\n" + head[end:]


def _quoted_printable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines at a time; the octets are lines ended by CRLF.  RFC 2045 §6.7"""
    rest = b""
    for piece in pieces:
        lines, end, rest = (rest + piece).rpartition(b"\r\n")
        if end:
            yield binascii.b2a_qp(lines + end)
    if rest:
        yield binascii.b2a_qp(rest).replace(b"\n", b"\r\n")
