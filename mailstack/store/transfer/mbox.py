"""mbox: one file a mailbox, messages one behind the other, each behind a line `From sender date`.

Read: mboxrd and mboxo (`>From` in bodies), mboxcl and mboxcl2 (Content-Length, believed only where another message or
the end follows), Thunderbird's, and what UW-IMAP, Pine, mutt and Dovecot note in header fields.  Written: mboxrd.
"""

import os
import re
from calendar import timegm
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import BinaryIO, Final

from mailstack.store.transfer.found import Bad, Found, date_in, key_of, read_head, with_crlf

__all__ = ["looks_like_mbox", "read_mbox", "write_mbox"]

PIECE_OCTETS: Final = 1 << 16
HEAD_OCTETS: Final = 1 << 20  # of a header; what is longer belongs to the body

_SEPARATOR: Final = re.compile(rb"From (?:\S+ |- )?.*\d{1,2}:\d{2}")
_DATE: Final = re.compile(rb"([A-Z][a-z]{2}) +(\d{1,2}) +(\d{1,2}):(\d{2})(?::(\d{2}))?(?: +[-+A-Z]\S*)? +(\d{4})")
_MONTHS: Final = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_QUOTED: Final = re.compile(rb">+From ")
_FROM: Final = re.compile(rb"^(>*From )", re.MULTILINE)


def looks_like_mbox(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(5) == b"From "
    except OSError:
        return False


class _Lines:
    """Pieces of at most 64 KiB that end with a line, or go on with it; one can be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.offset = 0  # of the next piece
        self._back: bytes | None = None

    def next(self) -> bytes:
        piece = self.file.readline(PIECE_OCTETS) if self._back is None else self._back
        self._back = None
        self.offset += len(piece)
        return piece

    def give_back(self, piece: bytes) -> None:
        self._back = piece
        self.offset -= len(piece)

    def seek(self, offset: int) -> None:
        self.file.seek(offset)
        self.offset, self._back = offset, None


def read_mbox(file: BinaryIO, folder: str, name: str) -> Iterator[Found | Bad]:
    """`name` is the file's, within its source.  OSError."""
    lines = _Lines(file)
    first = lines.next()
    if first and not first.startswith(b"From "):
        yield Bad(f"{name}: octet 0", "no mbox: it does not begin with From")
        return
    while first:
        start = lines.offset - len(first)
        block = _header(lines)
        head = read_head(block, drops_length=True)
        where = f"{name}: octet {start}"
        body = _body(lines, head.length)
        begun = next(body, b"")
        if not block.strip() and not begun:
            yield Bad(where, "an empty message")
        elif not head.expunged:
            dates = _date(first), date_in(block), int(os.fstat(file.fileno()).st_mtime)
            date = next(date for date in dates if date is not None)
            chunks = with_crlf(chain([head.octets, begun], body))
            yield Found(folder, where, key_of("mbox", name, start, first, len(block)), head.flags, date, chunks)
        for _ in body:  # whoever did not draw it
            pass
        first = lines.next()


def _header(lines: _Lines) -> bytes:
    """With the empty line."""
    block = bytearray()
    while len(block) < HEAD_OCTETS:
        piece = lines.next()
        if not block and _QUOTED.match(piece):
            continue  # some programs quote a second separator into the header
        if _SEPARATOR.match(piece) and block.endswith(b"\n"):
            lines.give_back(piece)
            break
        block += piece
        if piece in (b"\n", b"\r\n", b""):
            break
    return bytes(block)


def _body(lines: _Lines, length: int | None) -> Iterator[bytes]:
    start = lines.offset
    if length is not None and _is_followed(lines, start + length):
        lines.seek(start)
        yield from _counted(lines, length)
        _skip_blank(lines)
    else:
        lines.seek(start)
        yield from _until_separator(lines)


def _is_followed(lines: _Lines, end: int) -> bool:
    """Another message, or the end of the file."""
    size = os.fstat(lines.file.fileno()).st_size
    if end > size:
        return False
    lines.seek(end)
    following = lines.file.read(7).lstrip(b"\r\n")
    return following.startswith(b"From ") or (not following and size - end <= 2)


def _counted(lines: _Lines, length: int) -> Iterator[bytes]:
    while length:
        chunk = lines.file.read(min(length, PIECE_OCTETS))
        if not chunk:
            return
        length -= len(chunk)
        lines.offset += len(chunk)
        yield chunk


def _skip_blank(lines: _Lines) -> None:
    piece = lines.next()
    if piece not in (b"\n", b"\r\n"):
        lines.give_back(piece)


def _until_separator(lines: _Lines) -> Iterator[bytes]:
    """The empty line in front of a separator belongs to the mbox."""
    held, at_start, may_end = b"", True, True
    while piece := lines.next():
        if at_start and may_end and _SEPARATOR.match(piece):
            lines.give_back(piece)
            return
        if held:
            yield held
            held = b""
        may_end = at_start and piece in (b"\n", b"\r\n")
        if may_end:
            held = piece
        else:
            yield piece[1:] if at_start and _QUOTED.match(piece) else piece
        at_start = piece.endswith(b"\n")


def _date(separator: bytes) -> int | None:
    found = _DATE.search(separator)
    if found is None or found[1] not in _MONTHS:
        return None
    month, day, hour, minute, second, year = found.groups()
    moment = (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second or 0))
    try:
        datetime(*moment, tzinfo=UTC)
    except ValueError:
        return None
    return timegm(moment)


# --- writing -------------------------------------------------------------------------------------------------

_STATUS: Final = (("\\Answered", "A"), ("\\Flagged", "F"), ("\\Draft", "T"), ("\\Deleted", "D"))


def write_mbox(out: BinaryIO, chunks: Iterable[bytes], flags: Sequence[str], date: int) -> None:
    """One message; its own Status fields give way to what its flags say.  OSError"""
    pieces = iter(chunks)
    block = next(pieces, b"")
    moment = datetime.fromtimestamp(date, UTC)
    out.write(f"From MAILER-DAEMON {moment:%a %b} {moment.day:2d} {moment:%H:%M:%S} {moment.year}\n".encode())
    out.write(_state(flags))
    tail = b"\n"
    for chunk in _stripped(block, pieces):
        if chunk:
            out.write(_quoted(chunk.replace(b"\r\n", b"\n"), at_start=tail.endswith(b"\n")))
            tail = chunk
    out.write(b"\n" if tail.endswith(b"\n") else b"\n\n")


def _stripped(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """By lines, as far as there are any: a `From ` that is cut in two would not be seen."""
    rest = read_head(first).octets
    for piece in chain([b""], pieces):
        whole, _, left = (rest + piece).rpartition(b"\n")
        if whole:
            yield whole + b"\n"
        elif len(rest) > PIECE_OCTETS:
            yield rest + piece
            left = b""
        else:
            left = rest + piece
        rest = left
    yield rest


def _state(flags: Sequence[str]) -> bytes:
    status = "RO" if "\\Seen" in flags else "O"
    lines = [f"Status: {status}"]
    letters = "".join(letter for name, letter in _STATUS if name in flags)
    lines += [f"X-Status: {letters}"] if letters else []
    keywords = [name for name in flags if not name.startswith("\\")]
    lines += [f"X-Keywords: {' '.join(keywords)}"] if keywords else []
    return "".join(f"{line}\n" for line in lines).encode()


def _quoted(text: bytes, *, at_start: bool) -> bytes:
    if at_start:
        return _FROM.sub(rb">\1", text)
    head, end, rest = text.partition(b"\n")
    return head + end + _FROM.sub(rb">\1", rest)
