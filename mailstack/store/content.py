"""A message's octets: straight from its file, or with CRLF for files that other programs wrote with LF.

A file with bare LFs is converted as it is read.  Where an octet of the message stands in the file
is known from a map, one entry for each 64 KiB of the file, made as far as somebody has read and
kept for the next reader: a part from the end of a large message costs no walk through all of it.
"""

import os
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final

from mailstack.base.errors import Condition, MailError
from mailstack.store import maildir
from mailstack.store.api import Content

__all__ = ["ConvertedContent", "CrlfContent", "FileContent", "LineMaps", "crlf", "open_message", "read_message"]

RENAMES_IN_A_ROW = 4
CONVERTED_AT_ONCE: Final = 1 << 20  # octets of a message that are read as one
BLOCK: Final = 1 << 16  # octets of a file between two entries of its map
MAPS: Final = 64  # of files that were read last; 1 KB for each 8 MiB


def crlf(octets: bytes) -> bytes:
    """Bare LFs become CRLF; what is CRLF already stays."""
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n")
    return octets.replace(b"\n", b"\r\n")


class LineMaps:
    """`maps[file]`: where in the message each block of the file begins, as far as anybody has read.

    A file is known by inode, size and time, so that another one in its place has a map of its own.
    """

    def __init__(self) -> None:
        self._maps: OrderedDict[tuple[int, int, int, int], array[int]] = OrderedDict()

    def of(self, fd: int) -> "array[int]":
        found = os.fstat(fd)
        key = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
        known = self._maps.get(key)
        if known is None:
            known = self._maps[key] = array("Q", (0,))
            if len(self._maps) > MAPS:
                self._maps.popitem(last=False)
        self._maps.move_to_end(key)
        return known


def open_message(path: str, base: str, letters: Sequence[str], size: int, maps: LineMaps | None = None) -> Content:
    """The message `base` in the Maildir `path`; `letters` are those that its name may end with.

    MailError(NO_SUCH_MESSAGE) when it is nowhere.
    """
    fd = _open(path, base, letters)
    if maildir.has_crlf(base):
        return FileContent(fd, size)
    if size > CONVERTED_AT_ONCE:
        return CrlfContent(fd, size, (maps or LineMaps()).of(fd))
    try:
        return ConvertedContent(crlf(os.pread(fd, size, 0)), size)
    finally:
        os.close(fd)


def read_message(path: str, base: str, letters: Sequence[str], size: int) -> bytes:
    """All of a message that is not long.  MailError(NO_SUCH_MESSAGE) also when its file is shorter than its size."""
    fd = _open(path, base, letters)
    try:
        octets = os.pread(fd, size, 0)
    finally:
        os.close(fd)
    if not maildir.has_crlf(base):
        octets = crlf(octets)
    if len(octets) < size:
        raise MailError(Condition.NO_SUCH_MESSAGE, "Message is damaged", detail=f"{path}/cur/{base}: too short")
    return octets[:size]


def _open(path: str, base: str, letters: Sequence[str]) -> int:
    """Our own renames run in the writer's thread and other programs rename too: a miss may only mean that the name
    changed between look and open, so it takes several misses in a row to call the message gone."""
    with suppress(FileNotFoundError):  # as nearly always
        return os.open(f"{path}/cur/{maildir.file_name(base, letters[0])}", os.O_RDONLY | os.O_CLOEXEC)
    for _ in range(RENAMES_IN_A_ROW):
        likely = (maildir.file_name(base, each) for each in letters)
        for name in chain(likely, _named_on_disk(path, base)):
            with suppress(FileNotFoundError):
                return os.open(f"{path}/cur/{name}", os.O_RDONLY | os.O_CLOEXEC)
    raise MailError(Condition.NO_SUCH_MESSAGE, "Message is gone", detail=f"{path}/cur/{base}")


def _named_on_disk(path: str, base: str) -> Iterator[str]:
    """Looked up only when the likely names have failed."""
    with suppress(FileNotFoundError):
        for name in maildir.listing(f"{path}/cur"):
            if maildir.split(name)[0] == base:
                yield name


class FileContent:
    """The file as it is.  Stays readable when the message is expunged meanwhile."""

    __slots__ = ("_fd", "size")

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, max(min(length, self.size - offset), 0), offset)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class ConvertedContent:
    """A short message from a file with bare LFs: converted once, when it is opened."""

    __slots__ = ("_octets", "size")

    def __init__(self, octets: bytes, size: int) -> None:
        self._octets = octets
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        return self._octets[offset : min(offset + length, self.size)]

    def close(self) -> None:
        pass


class CrlfContent(FileContent):
    """A long message from a file with bare LFs: converted block by block as it is read."""

    __slots__ = ("_starts",)

    def __init__(self, fd: int, size: int, starts: "array[int]") -> None:
        super().__init__(fd, size)
        self._starts = starts  # of each block, in the message

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self.size)
        starts = self._starts
        number = bisect_right(starts, offset) - 1
        pieces: list[bytes] = []
        while starts[number] < end:
            block = self._block(number)
            if not block:
                break  # the file is shorter than its size
            start, number = starts[number], number + 1
            if number == len(starts):
                starts.append(start + len(block))
            if start < offset or starts[number] > end:
                block = block[max(offset - start, 0) : end - start]
            pieces.append(block)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _block(self, number: int) -> bytes:
        """With CRLF.  A LF at its beginning may belong to a CR that is the last octet of the block before."""
        if not number:
            return crlf(os.pread(self._fd, BLOCK, 0))
        octets = os.pread(self._fd, BLOCK + 1, number * BLOCK - 1)
        return crlf(octets)[1:] if octets[:1] == b"\r" else crlf(octets[1:])
