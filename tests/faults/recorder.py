"""Everything that is done to the files below a folder, by `os` and by SQLite, as events of tests.faults.disk.

The real thing is done too, except syncs.  `os` is patched as a whole, not the store's seam: so what the
store does beside its seam is seen as well.  SQLite is seen through a VFS of our own, made from its own
by ctypes: its methods with a note taken in front of write, truncate and sync.
"""
# ruff: noqa: PTH116  it patches those very calls

import _sqlite3
import ctypes
import itertools
import os
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from mailstack.base import files
from tests.faults.disk import Disk, Folder, Names, Size, Sync, Time, Write

__all__ = ["Recorder", "failing_sqlite", "is_reachable", "watched_sqlite"]

NOT_ON_DISK = ("-shm",)  # shared memory
OF_NO_WEIGHT = ("cache.sqlite",)  # goes after every power loss


class Recorder:
    """`events` of all below `root`; `disk()` is how it was at the start, all of it durable."""

    def __init__(self, root):
        self.root = str(root)
        self.events = []
        self._numbers = itertools.count(1)
        self._inodes = {}  # the real number → ours
        self._start = self.look()

    def look(self):
        """(folders, octets, times) of what is there now."""
        folders, octets, times = {}, {}, {}
        self._look(Path(self.root), folders, octets, times)
        return folders, octets, times

    def _look(self, path, folders, octets, times):
        found = path.stat()
        inode = self._inodes.get(found.st_ino) or self._inodes.setdefault(found.st_ino, next(self._numbers))
        if path.is_dir():
            folders[inode] = {
                each.name: self._look(each, folders, octets, times)
                for each in sorted(path.iterdir())
                if _counts(each.name)
            }
        else:
            octets[inode] = path.read_bytes()
            times[inode] = found.st_mtime_ns
        return inode

    def disk(self):
        folders, octets, times = self._start
        return Disk({inode: dict(names) for inode, names in folders.items()}, dict(octets), dict(times))

    def mark(self, what):
        self.events.append(what)

    @contextmanager
    def recording(self):
        originals = {name: getattr(os, name) for name in _PATCHED}
        with mock.patch.multiple(os, **{name: getattr(self, f"_{name}") for name in _PATCHED}):
            self._os = originals
            with mock.patch.object(files, "sync_file_system", lambda _fd: self.mark(Sync(None))):
                _Watch.recorder = self
                try:
                    yield self
                finally:
                    _Watch.recorder = None

    # --- os ------------------------------------------------------------------------------------------

    def _place(self, path, dir_fd=None):
        """(folder, name), the folder None when it is none of ours."""
        parent, _, name = os.fspath(path).rpartition("/")
        found = os.fstat(dir_fd) if dir_fd is not None else os.stat(parent or ".")
        return self._inodes.get(found.st_ino), name

    def _number(self, found):
        return self._inodes.setdefault(found.st_ino, next(self._numbers))

    def _names(self, *slots):
        if all(folder is not None and _counts(name) for folder, name, _ in slots):
            self.mark(Names(slots))

    def _open(self, path, flags, mode=0o777, *, dir_fd=None):
        new = flags & os.O_CREAT and not os.path.lexists(path)
        fd = self._os["open"](path, flags, mode, dir_fd=dir_fd)
        assert not flags & os.O_TRUNC
        if new:
            self._made(path, os.fstat(fd))
        return fd

    def _made(self, path, found):
        folder, name = self._place(path)
        if folder is not None and _counts(name):
            self._inodes[found.st_ino] = next(self._numbers)
            self._names((folder, name, self._inodes[found.st_ino]))
            self.mark(Size(self._inodes[found.st_ino], 0))
            self.mark(Time(self._inodes[found.st_ino], found.st_mtime_ns))

    def _write(self, fd, data):
        offset = os.lseek(fd, 0, os.SEEK_CUR) if (inode := self._inodes.get(os.fstat(fd).st_ino)) else 0
        done = self._os["write"](fd, data)
        if inode:
            self.mark(Write(inode, offset, bytes(data[:done])))
        return done

    def _mkdir(self, path, mode=0o777, *, dir_fd=None):
        self._os["mkdir"](path, mode, dir_fd=dir_fd)
        folder, name = self._place(path)
        if folder is not None:
            number = self._inodes[os.stat(path).st_ino] = next(self._numbers)
            self.mark(Folder(number))
            self._names((folder, name, number))

    def _rename(self, source, target):
        inode = self._inodes.get(os.stat(source).st_ino)
        self._os["rename"](source, target)
        self._names((*self._place(source), None), (*self._place(target), inode))

    def _link(self, source, target):
        self._os["link"](source, target)
        self._names((*self._place(target), self._inodes[os.stat(source).st_ino]))

    def _unlink(self, path, *, dir_fd=None):
        place = self._place(path, dir_fd)
        self._os["unlink"](path, dir_fd=dir_fd)
        self._names((*place, None))

    def _rmdir(self, path, *, dir_fd=None):
        place = self._place(path, dir_fd)
        self._os["rmdir"](path, dir_fd=dir_fd)
        self._names((*place, None))

    def _utime(self, path, times=None, *, ns=None):
        self._os["utime"](path, times, ns=ns) if ns else self._os["utime"](path, times)
        found = os.stat(path)
        if found.st_ino in self._inodes:
            self.mark(Time(self._inodes[found.st_ino], found.st_mtime_ns))

    def _fsync(self, fd):
        inode = self._inodes.get(os.fstat(fd).st_ino)
        if inode:
            self.mark(Sync(inode))

    # --- SQLite --------------------------------------------------------------------------------------

    def of_sqlite(self, kind, inode, *details):
        if inode in self._inodes:
            self.mark(kind(self._inodes[inode], *details))


_PATCHED = ("open", "write", "mkdir", "rename", "link", "unlink", "rmdir", "utime", "fsync")


def _counts(name):
    return not name.endswith(NOT_ON_DISK) and not name.startswith(OF_NO_WEIGHT)


# --- a VFS -----------------------------------------------------------------------------------------------

_P = ctypes.c_void_p
_INTS = ("iVersion", "szOsFile", "mxPathname")
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _P, _P, _P, ctypes.c_int, _P)  # SQLite keeps the pointer to the name
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _P, _P, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.c_int)


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = (
        *((name, ctypes.c_int) for name in _INTS),
        ("pNext", _P),
        ("zName", ctypes.c_char_p),
        ("pAppData", _P),
        ("xOpen", _P),
        ("others", _P * 15),
    )


class _Methods(ctypes.Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("xClose", _P),
        ("xRead", _P),
        ("xWrite", _P),
        ("xTruncate", _P),
        ("xSync", _P),
        ("others", _P * 13),
    )


class _Watch:
    """The VFS; made once, as SQLite keeps pointers into it."""

    recorder = None
    fault = 0  # what writes into databases and their logs end with instead

    def __init__(self):
        self._sqlite = ctypes.CDLL(_sqlite3.__file__)  # whatever library Python's own module uses
        self._sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self.real = self._sqlite.sqlite3_vfs_find(None)
        self._vfs = _Vfs.from_buffer_copy(self.real.contents)
        self._vfs.zName, self._vfs.pNext = b"watched", None
        self._xopen = _OPEN(self._open)
        self._vfs.xOpen = ctypes.cast(self._xopen, _P)
        self._methods = {}  # by the address of the originals
        self._inodes = {}  # by the address of the file's object

    def register(self):
        self._sqlite.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)

    def unregister(self):
        self._sqlite.sqlite3_vfs_register(self.real, 1)

    def _open(self, _vfs, name, file, flags, out_flags):
        result = _OPEN(self.real.contents.xOpen)(ctypes.addressof(self.real.contents), name, file, flags, out_flags)
        place = ctypes.cast(file, ctypes.POINTER(_P))
        if result == 0 and name and place[0]:
            self._inodes[file] = os.stat(ctypes.string_at(name)).st_ino
            place[0] = ctypes.addressof(self._watching(place[0]))
        return result

    def _watching(self, address):
        if address not in self._methods:
            real = _Methods.from_address(address)
            mine = _Methods.from_buffer_copy(real)
            write, truncate, sync = _WRITE(real.xWrite), _TRUNCATE(real.xTruncate), _SYNC(real.xSync)

            def watched_write(file, data, count, offset):
                if self.fault:
                    return self.fault
                self._tell(Write, file, offset, ctypes.string_at(data, count))
                return write(file, data, count, offset)

            def watched_truncate(file, size):
                self._tell(Size, file, size)
                return truncate(file, size)

            def watched_sync(file, _flags):
                self._tell(Sync, file)
                return 0

            kept = _WRITE(watched_write), _TRUNCATE(watched_truncate), _SYNC(watched_sync)
            mine.xWrite, mine.xTruncate, mine.xSync = (ctypes.cast(each, _P) for each in kept)
            self._methods[address] = mine, kept, (write, truncate, sync)
        return self._methods[address][0]

    def _tell(self, kind, file, *details):
        if self.recorder is not None:
            self.recorder.of_sqlite(kind, self._inodes[file], *details)


_watch = []


def is_reachable():
    """Whether SQLite's C functions are to be found in what Python's module has loaded."""
    return hasattr(ctypes.CDLL(_sqlite3.__file__), "sqlite3_vfs_find")


@contextmanager
def watched_sqlite():
    """Databases that are opened inside are seen by recorders."""
    if not _watch:
        _watch.append(_Watch())
    _watch[0].register()
    try:
        yield
    finally:
        _watch[0].unregister()


@contextmanager
def failing_sqlite(number):
    """Every write of SQLite ends with this error, in the databases that were opened under `watched_sqlite`."""
    _Watch.fault = number
    try:
        yield
    finally:
        _Watch.fault = 0
