"""The parts of a MIME message, by offsets.  RFC 2045, RFC 2046

One pass: headers are scanned where a part begins, boundaries are found in bulk,
never line by line.  Nothing raises on bad input: a multipart without a usable
boundary is plain text (RFC 2045 §5.2), a missing end boundary ends with its
parent, what an outer boundary cuts off is cut off.

A hostile message costs a bounded amount: parts, depth, octets of a header,
octets searched and lines that are almost boundaries have limits, behind which a part is simply not taken apart.
"""

import re
from typing import Final, Protocol

from mailstack.message.header import Header, scan
from mailstack.message.parameters import Valued, parse_valued

__all__ = ["Octets", "Part", "Source", "Whole", "Windowed", "octets_of", "outline", "parse"]

DEPTH: Final = 100
PARTS: Final = 10_000
NEAR_MISSES: Final = 100_000  # lines that begin like a delimiter and are none
HEADER_OCTETS: Final = 256 * 1024  # fields behind it are not looked at
FIRST_OCTETS: Final = 4096  # holds most headers
WHOLE_OCTETS: Final = 4 * 1024 * 1024  # a larger message is read through a window
WINDOW_OCTETS: Final = 1024 * 1024
_SEARCH_OCTETS: Final = 64 * 1024 * 1024  # at least; and at least:
_SEARCH_TIMES: Final = 4  # times the size of the message

_LINE_REST: Final = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")
_REST_OCTETS: Final = 100  # blanks behind a boundary
_TEXT_PLAIN: Final = Valued(b"text/plain", ())
_RFC822: Final = Valued(b"message/rfc822", ())


class Source(Protocol):
    """`store.api.Content`, and whatever else has a size and gives octets."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


class Octets(Protocol):
    """Octets that can be searched without having them all."""

    size: int

    def read(self, offset: int, length: int) -> bytes: ...

    def find(self, needle: bytes, start: int, end: int) -> int: ...

    def lines(self, start: int, end: int) -> int:
        """How many LF there are."""


class Whole:
    """Octets in memory."""

    __slots__ = ("_data", "find", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.find = data.find

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def lines(self, start: int, end: int) -> int:
        return self._data.count(b"\n", start, end)


class Windowed:
    """Octets in a file, searched through a window of 1 MiB."""

    __slots__ = ("_at", "_source", "_window", "size")

    def __init__(self, source: Source) -> None:
        self._source = source
        self.size = source.size
        self._at = 0
        self._window = b""

    def read(self, offset: int, length: int) -> bytes:
        if offset < self._at or offset + length > self._at + len(self._window):
            if length >= WINDOW_OCTETS:
                return self._source.read(offset, length)
            self._at = offset
            self._window = self._source.read(offset, WINDOW_OCTETS)
        start = offset - self._at
        return self._window[start : start + length]

    def find(self, needle: bytes, start: int, end: int) -> int:
        end = min(end, self.size)
        while start + len(needle) <= end:
            self.read(start, min(len(needle), WINDOW_OCTETS - 1))
            reach = self._at + len(self._window)
            found = self._window.find(needle, start - self._at, min(reach, end) - self._at)
            if found >= 0:
                return self._at + found
            if reach - len(needle) + 1 <= start:
                return -1  # the file ends before its size
            start = reach - len(needle) + 1
        return -1

    def lines(self, start: int, end: int) -> int:
        return sum(
            self.read(at, min(WINDOW_OCTETS - 1, end - at)).count(b"\n") for at in range(start, end, WINDOW_OCTETS - 1)
        )


def octets_of(source: Source) -> Octets:
    """A message's octets: in memory when that is cheap."""
    if source.size <= WHOLE_OCTETS:
        return Whole(source.read(0, source.size))
    return Windowed(source)


class Part:
    """One part, or the message itself: `[start, body)` is its header with the blank line, `[body, end)` its body.

    `children` are the parts of a multipart, or the one message within a message/rfc822.
    """

    __slots__ = ("body", "children", "content_type", "end", "header", "message", "octets", "start")

    def __init__(self, octets: Octets, start: int, body: int, end: int, header: Header, *, message: bool) -> None:
        self.octets = octets
        self.start = start
        self.body = body
        self.end = end
        self.header = header
        self.message = message  # a message (its header is RFC 5322's), not a part of a multipart
        self.children: list[Part] = []
        self.content_type = _TEXT_PLAIN

    @property
    def type(self) -> bytes:
        """Such as `text`, in lower case."""
        return self.content_type.value.partition(b"/")[0]

    @property
    def subtype(self) -> bytes:
        return self.content_type.value.partition(b"/")[2]

    @property
    def multipart(self) -> bool:
        return self.type == b"multipart"

    @property
    def embeds(self) -> bool:
        """Whether it is a message/rfc822 (or message/global), with its message as the one child."""
        return bool(self.children) and not self.multipart

    @property
    def size(self) -> int:
        """Octets of the body, as encoded."""
        return self.end - self.body

    @property
    def lines(self) -> int:
        """Lines of the body; a last line without its end counts too."""
        last = self.octets.read(self.end - 1, 1) if self.size else b"\n"
        return self.octets.lines(self.body, self.end) + (last != b"\n")

    @property
    def encoding(self) -> bytes:
        """Content-Transfer-Encoding in lower case, `7bit` when absent.  RFC 2045 §6.1"""
        return parse_valued(self.header.first(b"content-transfer-encoding") or b"").value.strip(b"\"'") or b"7bit"

    @property
    def charset(self) -> str:
        """The charset as labelled, "" without label."""
        return self.content_type.text("charset")

    def content(self, limit: int = 1 << 62) -> bytes:
        """The body's octets as encoded, at most `limit`."""
        return self.octets.read(self.body, min(self.size, limit))


def parse(octets: Octets) -> Part:
    """The message and all its parts."""
    return _Scan(octets).message(0, octets.size, 0)


def outline(source: Source) -> Part:
    """The message with its header only, read in few and small pieces: no type, no children."""
    wanted = FIRST_OCTETS
    while wanted <= HEADER_OCTETS:
        octets = source.read(0, min(wanted, source.size))
        header = scan(octets)
        if header.end < len(octets) or len(octets) < wanted:
            return Part(Whole(octets), 0, header.end, source.size, header, message=True)
        wanted *= 8
    window = Windowed(source)
    header, body = _Scan(window).header(0, source.size)
    return Part(window, 0, body, source.size, header, message=True)


class _Scan:
    """One pass over one message, and what it may still cost."""

    def __init__(self, octets: Octets) -> None:
        self._octets = octets
        self._parts = PARTS
        self._near = NEAR_MISSES
        self._search = max(_SEARCH_OCTETS, _SEARCH_TIMES * octets.size)

    def message(self, start: int, end: int, depth: int) -> Part:
        return self._part(start, end, end, depth, default=_TEXT_PLAIN, message=True)

    def _part(self, start: int, end: int, limit: int, depth: int, *, default: Valued, message: bool = False) -> Part:
        """`[start, limit)` is the part with the line end that belongs to the boundary behind it, `end` without."""
        self._parts -= 1
        header, body = self.header(start, limit)
        part = Part(self._octets, start, body, max(body, end), header, message=message)
        part.content_type = _content_type(header, default)
        if part.multipart:
            self._split(part, depth)
        elif part.content_type.value in {b"message/rfc822", b"message/global"}:
            if self._may_descend(part, depth):
                part.children.append(self.message(part.body, part.end, depth + 1))
            else:
                part.content_type = Valued(b"application/octet-stream", ())
        return part

    def header(self, start: int, end: int) -> tuple[Header, int]:
        """The fields, and where the body begins: behind the first blank line, at `end` without one."""
        octets = self._octets
        first = octets.read(start, min(2, end - start))
        if first == b"\r\n" or first[:1] == b"\n":
            return scan(b""), start + (2 if first == b"\r\n" else 1)
        blank = octets.find(b"\n\r\n", start, end)
        bare = octets.find(b"\n\n", start, end if blank < 0 else blank)
        body = bare + 2 if bare >= 0 else end if blank < 0 else blank + 3
        return scan(octets.read(start, min(body - start, HEADER_OCTETS))), body

    def _may_descend(self, part: Part, depth: int) -> bool:
        self._search -= part.size
        return depth < DEPTH and self._parts > 0 and self._search > 0

    def _split(self, part: Part, depth: int) -> None:
        """Take a multipart apart; one that cannot be is shown as text.  RFC 2046 §5.1.1"""
        boundary = part.content_type.raw("boundary").rstrip(b" \t")
        default = _RFC822 if part.subtype == b"digest" else _TEXT_PLAIN
        if boundary and self._may_descend(part, depth):
            for start, end, limit in self._pieces(boundary, part.body, part.end):
                part.children.append(self._part(start, end, limit, depth + 1, default=default))
        if not part.children:
            part.content_type = _TEXT_PLAIN

    def _pieces(self, boundary: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
        """(start, end, limit) of what lies between the delimiter lines; `limit` includes the line end before one."""
        pieces: list[tuple[int, int, int]] = []
        begun = -1
        at = start
        while self._parts > len(pieces):
            found = self._delimiter(boundary, at, end)
            if found is None:
                break
            line, at, last = found
            if begun >= 0:
                pieces.append((begun, self._before(line, begun), line))
            begun = at
            if last:
                return pieces
        if begun >= 0:
            pieces.append((begun, end, end))
        return pieces

    def _delimiter(self, boundary: bytes, start: int, end: int) -> tuple[int, int, bool] | None:
        """The next delimiter line: its offset, that of the line behind it, whether it is the last one."""
        needle = b"\n--" + boundary
        at = max(start - 1, 0)  # the line end before it may be that of the header, or of the delimiter before
        while self._near > 0 and (found := self._octets.find(needle, at, end)) >= 0:
            behind = found + len(needle)
            rest = _LINE_REST.match(self._octets.read(behind, min(_REST_OCTETS, end - behind)))
            if rest:
                return found + 1, behind + rest.end(), rest[1] is not None
            self._near -= 1
            at = behind
        return None

    def _before(self, line: int, start: int) -> int:
        """Where the part ends whose delimiter is at `line`: the line end before it is the delimiter's."""
        tail = self._octets.read(max(line - 2, start), min(2, line - start))
        return line - (2 if tail == b"\r\n" else 1 if tail[-1:] == b"\n" else 0)


def _content_type(header: Header, default: Valued) -> Valued:
    """type "/" subtype; anything else is text/plain.  RFC 2045 §5.1, §5.2"""
    value = header.first(b"content-type")
    if value is None:
        return default
    found = parse_valued(value)
    kind, slash, sub = found.value.partition(b"/")
    if slash and kind and sub and b"/" not in sub:
        return found
    return Valued(_TEXT_PLAIN.value, found.parameters) if kind == b"text" else default  # quirk: `text; charset=…`
