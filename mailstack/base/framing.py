"""Cutting a byte stream into lines and counted blocks, with a limit on every read.

Only CRLF ends a line.  A CR or LF that stands alone is never a line end and
never passes silently: `line` raises, and the engine decides what to say.  That
is the whole defence against smuggling by line ends, so it lives in one place.
"""

from mailstack.base.errors import ParseFault

__all__ = ["BareLineEnd", "Framer", "LineTooLong"]


class LineTooLong(ParseFault):
    """No CRLF within the limit.  The rest of that line is dropped as it comes; the next `line` is the one after it."""


class BareLineEnd(ParseFault):
    """A CR without LF or a LF without CR inside the line.  The line has been taken."""


class Framer:
    """Received octets that are not yet events.  Amortised linear: what was searched is not searched again."""

    __slots__ = ("_data", "_searched", "_skipping", "_start")

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0  # octets before it are taken
        self._searched = 0  # no CRLF ends before it
        self._skipping = False

    def __len__(self) -> int:
        return len(self._data) - self._start

    def feed(self, data: bytes) -> None:
        if self._start == len(self._data):
            self.clear()
        elif self._start > 1 << 16:
            del self._data[: self._start]
            self._searched = max(self._searched - self._start, 0)
            self._start = 0
        self._data += data

    def clear(self) -> None:
        """Drop everything that waits."""
        self._data.clear()
        self._start = self._searched = 0

    def line(self, limit: int) -> bytes | None:
        """One line without its CRLF; None when it is not whole yet.

        `limit` counts the CRLF.  Raises LineTooLong as soon as the limit is passed
        (once for each such line), BareLineEnd for a lone CR or LF within the line.
        """
        if self._skipping and not self._skip_rest():
            return None
        data, start = self._data, self._start
        end = data.find(b"\r\n", start if self._searched <= start else self._searched - 1)
        if end < 0:
            self._searched = len(data)
            if len(data) - start > limit:
                self._skipping = True
                self._skip_rest()
                raise LineTooLong(f"line longer than {limit} octets")
            return None
        line = bytes(data[start:end])
        self._start = self._searched = end + 2
        if len(line) + 2 > limit:
            raise LineTooLong(f"line longer than {limit} octets")
        if b"\n" in line or b"\r" in line:
            raise BareLineEnd("a line ends with CRLF, and CR or LF stands nowhere else")
        return line

    def _skip_rest(self) -> bool:
        """Drop octets up to and with the next CRLF; whether it has come."""
        end = self._data.find(b"\r\n", self._start)
        if end < 0:
            keep_cr = self._data[-1:] == b"\r"
            self.clear()
            if keep_cr:
                self._data += b"\r"
            return False
        self._start = self._searched = end + 2
        self._skipping = False
        return True

    def take(self, at_most: int) -> bytes:
        """Up to `at_most` octets, whatever they are; b"" when nothing waits."""
        end = min(self._start + at_most, len(self._data))
        block = bytes(self._data[self._start : end])
        self._start = self._searched = end
        return block

    def untake(self, data: bytes) -> None:
        """Give octets back, in front of what waits."""
        self._data[: self._start] = data
        self._start = self._searched = 0
