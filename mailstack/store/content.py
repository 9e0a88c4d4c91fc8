"""A message's octets: straight from its file, or with CRLF for files that other programs wrote with LF."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO

from mailstack.base.errors import Condition, MailError
from mailstack.store import maildir
from mailstack.store.api import Content

__all__ = ["CrlfContent", "FileContent", "open_message"]

_BARE_LF = re.compile(rb"(?<!\r)\n")
IN_MEMORY_OCTETS = 1 << 20
RENAMES_IN_A_ROW = 4


def open_message(path: str, base: str, letters: Iterable[str], size: int) -> Content:
    """The message `base` in the Maildir `path`; `letters` are those that its name may end with.

    MailError(NO_SUCH_MESSAGE) when it is nowhere.
    """
    fd = _open(path, base, letters)
    if maildir.read_base(base).crlf_size is None:
        return FileContent(fd, size)
    try:
        return CrlfContent(fd, size)
    finally:
        os.close(fd)


def _open(path: str, base: str, letters: Iterable[str]) -> int:
    """Our own renames run in the writer's thread and other programs rename too: a miss may only mean that the name
    changed between look and open, so it takes several misses in a row to call the message gone."""
    names = [maildir.file_name(base, each) for each in letters]
    for _ in range(RENAMES_IN_A_ROW):
        for name in chain(names, _named_on_disk(path, base)):
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


class CrlfContent:
    """A file with bare LFs: converted once when it is opened, large ones into a temporary file."""

    __slots__ = ("_file", "size")

    def __init__(self, fd: int, size: int) -> None:
        self.size = size
        self._file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY_OCTETS)  # noqa: SIM115  closed by close
        offset, last = 0, b""
        while chunk := os.pread(fd, 1 << 20, offset):
            offset += len(chunk)
            self._file.write(_BARE_LF.sub(b"\r\n", last + chunk)[len(last) :])
            last = chunk[-1:] if chunk.endswith(b"\r") else b""

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(max(min(length, self.size - offset), 0))

    def close(self) -> None:
        self._file.close()
