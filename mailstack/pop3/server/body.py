"""The octets of RETR and TOP, in pieces."""

from collections.abc import Iterator

from mailstack.base.errors import MailError
from mailstack.message.mime import Source

__all__ = ["PIECE", "first_lines", "whole"]

PIECE = 64 * 1024  # octets


def whole(content: Source) -> Iterator[bytes]:
    """All of the message.  OSError when it ends too early or cannot be read: half of it must not look whole."""
    offset = 0
    while offset < content.size:
        try:
            piece = content.read(offset, min(PIECE, content.size - offset))
        except MailError as failure:
            raise OSError(f"message cannot be read: {failure}") from failure
        if not piece:
            raise OSError(f"message ends at octet {offset} of {content.size}")
        yield piece
        offset += len(piece)


def first_lines(content: Source, lines: int) -> Iterator[bytes]:
    """The header, the blank line, and `lines` lines of the body.  RFC 1939 §7 TOP"""
    tail = b"\r\n"  # of what came before: a message may begin with the blank line
    in_header = True
    for piece in whole(content):
        end = 0
        if in_header:
            found = (tail + piece).find(b"\r\n\r\n")
            if found < 0:
                tail = (tail + piece)[-3:]
                yield piece
                continue
            in_header = False
            end = found + 4 - len(tail)
        end, lines = _skip_lines(piece, end, lines)
        if end:
            yield piece[:end]
        if not lines:
            return


def _skip_lines(piece: bytes, start: int, lines: int) -> tuple[int, int]:
    """(offset behind up to `lines` lines from `start`, lines still wanted)"""
    whole_lines = piece.count(b"\n", start)
    if whole_lines < lines:
        return len(piece), lines - whole_lines
    for _ in range(lines):
        start = piece.index(b"\n", start) + 1
    return start, 0
