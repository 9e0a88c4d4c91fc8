"""The only writes to disk that a promise may rest on, each with a seam in front of it.

Nothing here makes anything durable by itself except the `sync_*` functions: who
promises something calls them (store.commit does it for a whole batch at once).

The seam: `before` is called as `before(operation, path)` ahead of every file
operation.  In the running server it does nothing; a test puts something there
that raises OSError at the n-th call (a full or broken disk) or something that
is no Exception (kill -9), and so reaches every point between two operations.
"""
# ruff: noqa: PTH102, PTH104, PTH108, PTH116  plain os calls: half the time of pathlib's, and they are this file's point

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from mailstack.base.errors import Condition, MailError

__all__ = [
    "Room",
    "as_mail_error",
    "copy_times",
    "is_file",
    "link_or_copy",
    "make_folder",
    "make_private",
    "passing",
    "remove",
    "remove_tree",
    "rename",
    "replace_text",
    "room_of",
    "seam",
    "set_time",
    "sync_file",
    "sync_file_system",
    "sync_folder",
    "watched_by",
    "write_all",
    "write_new",
]

Seam = Callable[[str, str], None]

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LIBC = ctypes.CDLL(None, use_errno=True)
# a hard link may be impossible: another file system, too many links, a file system without them
_NO_LINK = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP})


def _nothing(operation: str, path: str) -> None:
    """The running server's seam."""


class _Seam:
    before: Seam = staticmethod(_nothing)


def seam(operation: str, path: str) -> None:
    """Announce a file operation that is done elsewhere (SQLite's commit)."""
    _Seam.before(operation, path)


@contextmanager
def watched_by(before: Seam) -> Iterator[None]:
    """Put `before` into the seam for a while.  For tests."""
    former = _Seam.before
    _Seam.before = staticmethod(before)
    try:
        yield
    finally:
        _Seam.before = former


def as_mail_error(fault: OSError) -> MailError:
    """A disk that is full, or that does not work."""
    if fault.errno in _FULL:
        return MailError(Condition.STORAGE_FULL, "Out of storage", detail=str(fault))
    return MailError(Condition.UNAVAILABLE, "Storage does not work just now", detail=str(fault))


@contextmanager
def passing() -> Iterator[None]:
    """Disk faults inside become MailErrors."""
    try:
        yield
    except OSError as fault:
        raise as_mail_error(fault) from fault


class Room(NamedTuple):
    """Of a file system, for users that are not root.  `files` 0: it has no fixed number of them."""

    octets: int
    free_octets: int
    files: int
    free_files: int


def room_of(path: str) -> Room:
    """OSError."""
    found = os.statvfs(path)
    return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, found.f_files, found.f_favail)


def make_folder(path: str) -> bool:
    """Make one folder; whether it was missing."""
    seam("mkdir", path)
    try:
        os.mkdir(path, FOLDER_MODE)
    except FileExistsError:
        return False
    return True


def is_file(path: str) -> bool:
    """A regular file, not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def make_private(path: str) -> None:
    """Nobody else can read this file, which is made (empty) if it is missing."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        if os.fstat(fd).st_mode & 0o077:
            os.fchmod(fd, FILE_MODE)
    finally:
        os.close(fd)


def write_new(path: str, data: bytes) -> None:
    """A new file with this in it.  Half of it may be there after an OSError or a crash: name it so that this shows."""
    seam("write", path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Until everything is written; a short write is not the end of it."""
    done = os.write(fd, data)
    if done == len(data):
        return
    with memoryview(data) as rest:
        while done < len(rest):
            done += os.write(fd, rest[done:])


def replace_text(path: str, text: str, *, sync: bool) -> None:
    """Readers see the old text or the new, never half of it; with `sync` after a power cut too.

    A file system may keep a rename and lose what was written before it: so where there is an
    old text to lose, the new one is synced first.
    """
    fresh = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(fresh)
    write_new(fresh, text.encode())
    if sync and is_file(path):
        sync_file(fresh)
    rename(fresh, path)


def rename(source: str, target: str) -> None:
    """Atomic; an existing file `target` is replaced."""
    seam("rename", target)
    os.rename(source, target)


def link_or_copy(source: str, target: str) -> None:
    """One more name for a file; a copy with the same time where the file system cannot link."""
    seam("link", target)
    try:
        os.link(source, target)
    except OSError as fault:
        if fault.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, f"{target}.new")
        copy_times(source, f"{target}.new")
        os.rename(f"{target}.new", target)


def copy_times(source: str, target: str) -> None:
    found = os.stat(source)
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def set_time(path: str, seconds: int) -> None:
    """A file's mtime, which for a message is its INTERNALDATE."""
    seam("utime", path)
    os.utime(path, (seconds, seconds))


def remove(path: str) -> bool:
    """Remove a file; whether it was there."""
    seam("unlink", path)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def remove_tree(path: str) -> None:
    """Remove a folder and all in it, as far as it goes; what cannot be removed stays."""
    seam("rmtree", path)
    shutil.rmtree(path, ignore_errors=True)


def sync_file(path: str) -> None:
    """Octets and size are on the disk when it ends."""
    seam("fsync", path)
    _sync(path, os.O_RDONLY)


def sync_folder(path: str) -> None:
    """The names in the folder are on the disk when it ends."""
    seam("fsync", path)
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: str, flags: int) -> None:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(fd: int) -> None:
    """Everything that anybody wrote before on the file system of `fd` is on its disk when it ends.  Linux.

    An error is told once to each open descriptor, so `fd` must be kept open from before the writes.
    """
    seam("syncfs", "")
    if _LIBC.syncfs(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "syncfs")
