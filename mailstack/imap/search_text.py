"""Finding words in a message: what a person reads in it, without regard to case.  RFC 3501 §6.4.4

Encoded words, transfer encodings and charsets are decoded first.  Most mail has
none of them; then the octets as they stand are searched, which is thirty times
as fast.
"""

import binascii
import unicodedata
from collections.abc import Iterator
from typing import Final

from mailstack.message.header import Header, header_end
from mailstack.message.mime import Part, Source, octets_of, parse
from mailstack.message.words import decode, decode_words

__all__ = ["SearchedMessage", "fold", "fold_header"]

PART_OCTETS: Final = 16 * 1024 * 1024  # of one part, encoded; what is behind is not searched
PLAIN_OCTETS: Final = 4 * 1024 * 1024
# Where one of these stands, octets may mean other text than they show.  Lower case; those of a tuple
# are only looked for where the sign before them is there.
_ENCODED: Final = (
    (b"transfer-encoding", (b"base64", b"quoted-printable")),
    (b"charset", (b"iso-2022", b"utf-7", b"utf-16", b"utf-32", b"hz-gb")),
    (b"=?", (b"?=",)),
)


def fold(text: str) -> str:
    """Text as it is compared: without case and compatibility forms (half-width, ligatures)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def fold_header(value: bytes) -> str:
    """An unfolded header value, decoded, each run of blanks one."""
    return " ".join(fold(decode_words(value)).split())


class SearchedMessage:
    """One message, read and decoded no more than was asked, and once."""

    def __init__(self, source: Source) -> None:
        self._size = source.size
        self._octets = octets_of(source)
        self._lower = self._octets.read(0, source.size).lower() if source.size <= PLAIN_OCTETS else None
        self._plain = self._lower is not None and not _encoded(self._lower)
        self._tree: Part | None = None
        self._texts: list[str] | None = None

    @property
    def tree(self) -> Part:
        if self._tree is None:
            self._tree = parse(self._octets)
        return self._tree

    def in_body(self, needle: str) -> bool:
        """Whether folded `needle` is in the body."""
        quick = self._quick(needle, of_body=True) if self._plain else None
        return any(needle in text for text in self._body()) if quick is None else quick

    def in_text(self, needle: str) -> bool:
        """Whether folded `needle` is in the header or the body."""
        quick = self._quick(needle, of_body=False) if self._plain else None
        if quick is None or (not quick and " " in needle):  # blanks may stand where a field is folded
            return _in_header(self.tree.header, needle) or self.in_body(needle)
        return quick

    def _quick(self, needle: str, *, of_body: bool) -> bool | None:
        """The octets as they stand are searched; None when that does not decide: `ß` is found by `SS`."""
        assert self._lower is not None
        start = header_end(self._lower) if of_body else 0
        if needle.isascii() and self._lower.find(needle.encode(), start) >= 0:
            return True
        return False if self._lower.isascii() else None

    def _body(self) -> list[str]:
        if self._texts is None:
            self._texts = list(_texts(self.tree))
        return self._texts


def _encoded(lower: bytes) -> bool:
    return any(sign in lower and any(mark in lower for mark in marks) for sign, marks in _ENCODED)


def _in_header(header: Header, needle: str) -> bool:
    return any(
        needle in f"{header.name(field).decode().lower()}: {fold_header(header.value(field))}" for field in header
    )


def _texts(part: Part) -> Iterator[str]:
    """All that can be read in the body: texts, and the messages in it with their headers."""
    if part.children:
        for child in part.children:
            if child.message:
                yield from (fold_header(child.header.value(field)) for field in child.header)
            yield from _texts(child)
    elif part.type == b"text":
        yield fold(decode(_decoded(part.content(PART_OCTETS), part.encoding), part.charset))


def _decoded(octets: bytes, encoding: bytes) -> bytes:
    """Without transfer encoding; broken base64 as far as it goes.  RFC 2045 §6"""
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding != b"base64":
        return octets
    for padding in (b"", b"=", b"=="):
        try:
            return binascii.a2b_base64(octets + padding)
        except binascii.Error:
            continue
    return octets
