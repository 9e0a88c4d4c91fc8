"""A listening socket in the file system: for programs on the same machine that its mode and group let in."""

import errno
import grp
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["UnixBind", "listening_unix_socket", "remove_socket"]


@dataclass(frozen=True, slots=True)
class UnixBind:
    """`mode` in bits; `group` "" leaves it to be the group of the process."""

    path: str
    mode: int
    group: str = ""

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_UNIX

    def __str__(self) -> str:
        return self.path


def listening_unix_socket(bind: UnixBind) -> socket.socket:
    """OSError; what a process that is gone has left is removed, what another listens on is not."""
    _clear(bind.path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o777)  # nobody gets in before the mode is set
        try:
            bound.bind(bind.path)
        finally:
            os.umask(before)
        if bind.group:
            os.chown(bind.path, -1, _group(bind.group))
        Path(bind.path).chmod(bind.mode)
        bound.listen(512)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise OSError(errno.EINVAL, f"there is no group {name!r}") from None


def _clear(path: str) -> None:
    try:
        found = Path(path).lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "something that is no socket is there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(path) != errno.ECONNREFUSED:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    Path(path).unlink()


def remove_socket(bind: UnixBind) -> None:
    """At the end; where that is not allowed any more, the next start removes it."""
    with suppress(OSError):
        Path(bind.path).unlink()
