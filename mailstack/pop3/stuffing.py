"""The body of a multi-line response: dots in, line end and final dot.  RFC 1939 §3"""

__all__ = ["DotStuffer"]

_CRLF = b"\r\n"


class DotStuffer:
    """One body, in pieces of any size; whole pieces are searched at once, never line by line."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = _CRLF  # the last two octets so far; the body begins like a line

    def feed(self, data: bytes) -> bytes:
        if not data:
            return b""
        stuffed = data.replace(b"\r\n.", b"\r\n..")
        # what the border between two pieces hides
        if self._tail == _CRLF and data[:1] == b".":
            stuffed = b"." + stuffed
        elif self._tail[-1:] == b"\r" and data[:2] == b"\n.":
            stuffed = b"\n." + stuffed[1:]
        self._tail = (self._tail + data[-2:])[-2:]
        return stuffed

    def finish(self) -> bytes:
        """The last line's end, when the body had none, and the dot alone."""
        return b".\r\n" if self._tail == _CRLF else b"\r\n.\r\n"
