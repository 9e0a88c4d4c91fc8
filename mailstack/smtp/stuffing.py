"""Dots at the beginning of lines, on the way out.  RFC 5321 §4.5.2"""

__all__ = ["DotStuffer"]


class DotStuffer:
    """Doubles each dot that begins a line, in bulk, wherever the chunks are cut.

    Lines end with CRLF and nothing else does: the same strictness as on the way in.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"  # the last octets so far, as much of a CRLF as they are; the beginning is a line's

    def stuff(self, chunk: bytes) -> bytes:
        if not chunk:
            return b""
        stuffed = chunk.replace(b"\r\n.", b"\r\n..")
        if self._tail == b"\r\n" and chunk.startswith(b"."):
            stuffed = b"." + stuffed
        elif self._tail == b"\r" and chunk.startswith(b"\n."):
            stuffed = b"\n." + stuffed[1:]
        self._remember(chunk)
        return stuffed

    def end(self) -> bytes:
        """The end of the data, after a CRLF that the message may lack."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"

    def _remember(self, chunk: bytes) -> None:
        last = (self._tail + chunk)[-2:] if len(chunk) < 2 else chunk[-2:]
        if last == b"\r\n":
            self._tail = last
        else:
            self._tail = b"\r" if last.endswith(b"\r") else b""
