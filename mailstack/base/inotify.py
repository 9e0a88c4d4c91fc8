"""Which folders had files come, go or be renamed: Linux's inotify by numbers, without a look at the names.

Twisted's own reader makes objects and runs callbacks for every event; here a thousand
renames cost a millisecond, as all that is wanted is the set of folders.
"""

import ctypes
import errno
import os
from contextlib import suppress
from struct import Struct
from typing import Final

__all__ = ["FolderEvents"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_HEAD = Struct("=iIII")  # watch, mask, cookie, length of the name that follows; inotify(7)
_MOVED_FROM, _MOVED_TO, _CLOSE_WRITE, _DELETE, _ONLY_FOLDERS = 0x40, 0x80, 0x8, 0x200, 0x01000000
_OVERFLOW: Final = 0x4000
READ_OCTETS = 1 << 18


class FolderEvents:
    """OSError where the system has no inotify, or no more of it for this user."""

    def __init__(self) -> None:
        if not hasattr(_LIBC, "inotify_init1"):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        self._fd = _checked(_LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def fileno(self) -> int:
        return self._fd

    def add(self, path: str) -> int:
        """The number that `read` tells for this folder, wherever it is moved.  OSError."""
        mask = _MOVED_FROM | _MOVED_TO | _CLOSE_WRITE | _DELETE | _ONLY_FOLDERS
        return _checked(_LIBC.inotify_add_watch(self._fd, os.fsencode(path), mask))

    def remove(self, number: int) -> None:
        """Also of a folder that is gone: the system has removed it already."""
        _LIBC.inotify_rm_watch(self._fd, number)

    def read(self) -> set[int] | None:
        """Numbers of the folders that changed since the last time; None when it may be any of them."""
        changed: set[int] = set()
        is_known = True
        with suppress(BlockingIOError):
            while data := os.read(self._fd, READ_OCTETS):
                offset = 0
                while offset < len(data):
                    number, mask, _, length = _HEAD.unpack_from(data, offset)
                    offset += _HEAD.size + length
                    changed.add(number)
                    is_known = is_known and not mask & _OVERFLOW
        return changed if is_known else None

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "inotify")
    return answer
