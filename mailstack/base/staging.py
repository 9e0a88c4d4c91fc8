"""A message on its way in: small ones wait in memory, large ones go straight into a file; placed by rename and links.

Most mail is below 64 KiB: it is written once, as a file under its final Maildir's
`tmp/`, and renamed.  Nothing is written for mail that is refused after its body.
Above that the octets stream to a file in the staging folder (same file system as
the mail), which is then renamed to its first place.  Every further place is a hard
link, so a message for many recipients is on the disk once.
"""
# ruff: noqa: PTH108  see base.files

import itertools
import os
import threading
import time
from contextlib import suppress

from mailstack.base import files

__all__ = ["MEMORY_OCTETS", "StagedFile"]

MEMORY_OCTETS = 64 * 1024
_serial = itertools.count(1)


class StagedFile:
    """Implements `store.api.Staged`.  `place` may be called in another thread than the rest, after `finish`.

    `folder` is the staging folder; what lies there after a crash belongs to nobody.
    `sync` makes every place durable before `place` returns (where there is no group sync).
    """

    def __init__(self, folder: str, *, sync: bool = False) -> None:
        self._folder = folder
        self._sync = sync
        self._memory = bytearray()  # the whole, or the first 64 KiB
        self._size = 0
        self._fd = -1  # the file, once there is one
        self._path = ""  # where the file can be linked from
        self._own = False  # `_path` is in the staging folder: ours to rename or remove
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: bytes) -> None:
        if self._fd < 0 and self._size + len(data) > MEMORY_OCTETS:
            self._stream()
        if self._fd >= 0:
            files.write_all(self._fd, data)
        room = MEMORY_OCTETS - len(self._memory)
        if room > 0:
            self._memory += data[:room]
        self._size += len(data)

    def _stream(self) -> None:
        """From now on there is a file."""
        path = f"{self._folder}/{_unique_name()}"
        files.seam("write", path)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, files.FILE_MODE)
        self._path, self._own = path, True
        files.write_all(self._fd, self._memory)

    def finish(self) -> None:
        """Nothing to do: what was written can be read at once.  Kept for implementations that buffer."""

    def park(self) -> None:
        """It waits for many others: into its file, without a descriptor or octets in memory.  OSError"""
        if self._fd < 0:
            self._stream()
        os.close(self._fd)
        self._fd = -1
        self._memory = bytearray()

    def head(self) -> bytes:
        return bytes(self._memory) or self.read(0, min(self._size, MEMORY_OCTETS))

    def read(self, offset: int, length: int) -> bytes:
        if offset + length <= len(self._memory):
            return bytes(self._memory[offset : offset + length])
        if self._fd >= 0:
            return os.pread(self._fd, length, offset)
        if self._path and not self._memory:  # parked
            with open(self._path, "rb") as file:  # noqa: PTH123  see base.files
                return os.pread(file.fileno(), length, offset)
        return bytes(self._memory[offset : offset + length])

    def place(self, path: str) -> None:
        """MailError(STORAGE_FULL | UNAVAILABLE).  Nothing is under `path` then."""
        try:
            with self._lock:
                self._place(path)
                if self._sync:
                    files.sync_file(path)
                    files.sync_folder(path.rpartition("/")[0])
        except OSError as fault:
            raise files.as_mail_error(fault) from fault

    def _place(self, path: str) -> None:
        if not self._path:
            self._write_to(path)
        elif self._own:
            files.rename(self._path, path)
            self._own = False
        else:
            self._link_to(path)
            return
        self._path = path

    def _write_to(self, path: str) -> None:
        fresh = _beside(path)
        try:
            files.write_new(fresh, bytes(self._memory))
            files.rename(fresh, path)
        except OSError:
            with suppress(OSError):
                os.unlink(fresh)
            raise

    def _link_to(self, path: str) -> None:
        """The first place may be gone by now (read and expunged): then the octets are written again."""
        try:
            files.link_or_copy(self._path, path)
        except FileNotFoundError:
            fresh = _beside(path)
            self._copy_out(fresh)
            files.rename(fresh, path)

    def _copy_out(self, fresh: str) -> None:
        files.seam("write", fresh)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, files.FILE_MODE)
        try:
            for offset in range(0, self._size, 1 << 20):
                files.write_all(fd, self.read(offset, min(1 << 20, self._size - offset)))
        finally:
            os.close(fd)

    def discard(self) -> None:
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            if self._own:
                self._own = False
                with suppress(OSError):
                    files.remove(self._path)
            self._memory = bytearray()


def _beside(path: str) -> str:
    """Where to write what is renamed to `path`: the `tmp/` of its Maildir, else the same folder."""
    folder = path.rpartition("/")[0]
    maildir, _, part = folder.rpartition("/")
    if part in {"cur", "new"}:
        return f"{maildir}/tmp/{_unique_name()}"  # noqa: S108  the Maildir's own
    return f"{folder}/.{_unique_name()}"


def _unique_name() -> str:
    """Unique on this machine, also after a restart with the same process id."""
    return f"{time.time_ns()}.P{os.getpid()}Q{next(_serial)}"
