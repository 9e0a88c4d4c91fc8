"""The octets between DATA's 354 and its reply: where they end, and what may stand in them.

Two layers, both in bulk and both exact wherever the chunks are cut: `DataDecoder`
finds CRLF.CRLF and takes the doubled dots away (RFC 5321 §4.5.2), `TextCheck`
watches size, line ends and line lengths of what comes out.  BDAT has no dots:
`ChunkDecoder` only counts, and one `TextCheck` goes on through all its chunks.

An end of data is CRLF.CRLF and nothing else (RFC 5321 §4.1.1.4): a line that ends
with a bare LF neither begins nor ends the line with the dot.
"""

import re

from mailstack.smtp.values import BareLineEnds

__all__ = ["BareLineEnd", "BodyFault", "BodyTooBig", "ChunkDecoder", "DataDecoder", "TextCheck", "TextLineTooLong"]

_CRLF = b"\r\n"
_DOT_LINE = b"\r\n."
_NOT_LINE_ENDS = bytes(octet for octet in range(256) if octet not in _CRLF)
_ANY_LINE_END = re.compile(rb"\r+\n?|\n")


class DataDecoder:
    """Cuts the message out of the octets behind DATA.  After `ended`, `rest` is what came behind the end."""

    __slots__ = ("_tail", "_virtual", "ended", "rest")

    def __init__(self) -> None:
        self._tail = _CRLF  # not decided yet: a beginning of CRLF.CRLF; the first line begins as if after a CRLF
        self._virtual = True  # that CRLF has still to be taken out
        self.ended = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """The next octets of the message.  Not to be called after `ended`."""
        parts = (self._tail + data).split(_DOT_LINE)
        end = _end_of_data(parts)
        if end:
            self.ended = True
            self.rest = _behind(parts, end)
            return self._real(_CRLF.join(parts[:end]) + _CRLF)
        last = parts[-1]
        if len(parts) > 1 and last in {b"", b"\r"}:
            self._tail = _DOT_LINE + last
            return self._real(_CRLF.join(parts[:-1]))
        self._tail = _CRLF if last.endswith(_CRLF) else b"\r" if last.endswith(b"\r") else b""
        decoded = _CRLF.join(parts)
        return self._real(decoded[: len(decoded) - len(self._tail)])

    def _real(self, decoded: bytes) -> bytes:
        if self._virtual and decoded:
            self._virtual = False
            return decoded[2:]
        return decoded


def _end_of_data(parts: list[bytes]) -> int:
    """Index of the first part that begins with the CRLF of CRLF.CRLF; 0 without one.

    That CRLF may have gone into the next separator: then the part is empty and not the last.
    """
    last = len(parts) - 1
    for index in range(1, last + 1):
        part = parts[index]
        if part.startswith(_CRLF) or (not part and index < last):
            return index
    return 0


def _behind(parts: list[bytes], end: int) -> bytes:
    if parts[end]:
        return _DOT_LINE.join([parts[end][2:], *parts[end + 1 :]])
    return b"." + _DOT_LINE.join(parts[end + 1 :])


class ChunkDecoder:
    """Cuts one BDAT's octets out; the same face as `DataDecoder`.  RFC 3030 §2"""

    __slots__ = ("_left", "octets", "rest")

    def __init__(self, octets: int) -> None:
        self.octets = self._left = octets
        self.rest = b""

    @property
    def ended(self) -> bool:
        return self._left == 0

    def feed(self, data: bytes) -> bytes:
        """Not to be called after `ended`."""
        chunk, self.rest = data[: self._left], data[self._left :]
        self._left -= len(chunk)
        return chunk


class BodyFault(ValueError):
    """The message cannot be taken; the rest of it is still to be read.  `str()` is for the log."""


class BodyTooBig(BodyFault):
    """More octets than were allowed."""


class BareLineEnd(BodyFault):
    """A CR or LF that is not part of a CRLF."""


class TextLineTooLong(BodyFault):
    """A line longer than was allowed."""


class TextCheck:
    """Passes a message's octets through, or raises BodyFault."""

    __slots__ = ("_bare", "_cr", "_line_limit", "_line_octets", "_size_limit", "size")

    def __init__(self, *, size_limit: int, line_limit: int, bare: BareLineEnds) -> None:
        """`size_limit` octets in all; `line_limit` octets a line, without its CRLF."""
        self._size_limit, self._line_limit, self._bare = size_limit, line_limit, bare
        self._cr = False  # a CR at the end of the last chunk waits for what follows it
        self._line_octets = 0  # of the line that is not ended
        self.size = 0

    def feed(self, chunk: bytes) -> bytes:
        if self._bare is BareLineEnds.KEEP:
            return self._counted(chunk)
        if self._cr:
            chunk = b"\r" + chunk
        whole = chunk.rstrip(b"\r")
        waiting = len(chunk) - len(whole)
        self._cr = waiting > 0
        if waiting > 1 and self._bare is BareLineEnds.REFUSE:
            raise BareLineEnd("CR without LF in the data")
        return self._checked(whole)

    @property
    def waits(self) -> bool:
        """Whether `finish` has something to say."""
        return self._cr

    def finish(self) -> bytes:
        """What still waited.  The message is whole."""
        if not self._cr:
            return b""
        self._cr = False
        return self._checked(b"\r")

    def _checked(self, chunk: bytes) -> bytes:
        if chunk.translate(None, _NOT_LINE_ENDS) != _CRLF * chunk.count(_CRLF):
            if self._bare is BareLineEnds.REFUSE:
                raise BareLineEnd("CR or LF alone in the data")
            chunk = _ANY_LINE_END.sub(_CRLF, chunk)
        self._counted(chunk)
        self._measure(chunk)
        return chunk

    def _counted(self, chunk: bytes) -> bytes:
        self.size += len(chunk)
        if self.size > self._size_limit:
            raise BodyTooBig(f"more than {self._size_limit} octets")
        return chunk

    def _measure(self, chunk: bytes) -> None:
        """Look for a line above the limit without looking at each line."""
        first = chunk.find(_CRLF)
        if first < 0:
            self._line_octets += len(chunk)
            longest = self._line_octets
        else:
            last = chunk.rfind(_CRLF)
            longest = max(self._line_octets + first, len(chunk) - last - 2)
            self._line_octets = len(chunk) - last - 2
            if last - first > self._line_limit and not self._dense(chunk, first, last):
                longest = self._line_limit + 1
        if longest > self._line_limit:
            raise TextLineTooLong(f"a line longer than {self._line_limit} octets")

    def _dense(self, chunk: bytes, at: int, last: int) -> bool:
        """Whether between `at` and `last`, both CRLFs, no line is too long: leaps as far as a line may reach."""
        while at < last:
            at_next = chunk.rfind(_CRLF, at + 2, at + 4 + self._line_limit)
            if at_next < 0:
                return False
            at = at_next
        return True
