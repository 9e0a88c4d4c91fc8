"""How octets reach the disk: the ways to sync, and the connection whose COMMIT does."""
# ruff: noqa: PTH116  see base.files

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from mailstack.base import files

__all__ = ["NoSync", "SyncEach", "SyncFileSystem", "is_readable", "sqlite_connection"]


def sqlite_connection(path: str, *, read_only: bool = False, synchronous: str = "FULL") -> Any:
    """A connection in WAL mode with transactions by hand; one thread at a time may use it."""
    files.make_private(path)  # SQLite's log beside it gets the same mode
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA query_only = {int(read_only)}")
    return connection


class SyncFileSystem:
    """`durability = "syncfs"`: one call for everything.  The mail and the state are on one file system each."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._probe_path = f"{folders[0]}/probe"
        by_device = {os.stat(folder).st_dev: folder for folder in folders}
        self._fds = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for folder in by_device.values()]

    def sync(self, paths: Iterable[str]) -> None:  # noqa: ARG002  it syncs everybody's
        for fd in self._fds:
            files.sync_file_system(fd)

    def probe(self) -> None:
        _probe(self._probe_path)

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())


class SyncEach:
    """`durability = "fsync"`: each file and folder that a job names.  For shared disks, and systems without syncfs."""

    def __init__(self, state: str) -> None:
        self._probe_path = f"{state}/probe"

    def sync(self, paths: Iterable[str]) -> None:
        for path in dict.fromkeys(paths):
            with suppress(FileNotFoundError):  # another program has renamed or removed it: its octets are synced before
                files.sync_file(path)

    def probe(self) -> None:
        _probe(self._probe_path)

    def close(self) -> None:
        """Nothing is held."""


class NoSync:
    """For tests: nothing survives a power loss."""

    def __init__(self, state: str) -> None:
        self._probe_path = f"{state}/probe"

    def sync(self, paths: Iterable[str]) -> None:  # noqa: ARG002
        files.seam("syncfs", "")

    def probe(self) -> None:
        _probe(self._probe_path)

    def close(self) -> None:
        """Nothing is held."""


def _probe(path: str) -> None:
    files.remove(path)
    files.write_new(path, bytes(4096))
    files.sync_file(path)
    files.remove(path)


def is_readable(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with a database that no server has open."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False
