"""A snapshot of everything, while the server works: hard links where that is possible, copies of what is new elsewhere.

    <folder>/20261123-221500/     one snapshot, whole in itself: it can be copied back as it is
        state/                    databases (by SQLite's backup), queue, keys
        mail/                     the Maildirs
        mailstack.toml

**Consistent.**  All mail is linked or copied first, then the folders that have changed meanwhile, until few are left.
The last round is done holding the write lock of `index.sqlite`, where every change of mail begins: so it is one
moment for all folders, the queue and the database, whose copy is read from that moment on.  The server waits for that
round, some milliseconds; it knows nothing of the backup, and the same works while it is down.

**Incremental.**  A message's file never changes, only its name: on the same file system a snapshot costs names, on
another one a file that the snapshot before has is linked to that.  **Refused**: a backup by the server's own thread,
which would hold up the mail for as long as it takes to read all folders.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mailstack.base.errors import Condition, MailError
from mailstack.store.bins import BINS

__all__ = ["Backup", "Taken", "latest"]

ROUNDS: Final = 5  # over folders that change, before the lock and under it
HELD_SECONDS: Final = 8.0  # the server waits 10 for it
FRESH_SECONDS: Final = 0.05  # a folder that changed so short ago may change again without showing it
_LEFT_OUT: Final = ("cache.sqlite", "lock", "probe", "mail")
_WORKING: Final = (".staging", ".importing")


@dataclass(slots=True)
class Taken:
    """What a snapshot has cost."""

    path: str = ""
    messages: int = 0
    linked: int = 0
    copied: int = 0
    held: float = 0.0  # seconds for which the server waited


@dataclass(slots=True)
class Backup:
    """Taken as the user that the server runs as: what SQLite makes beside databases must not become root's.

    `config` is the configuration's text.
    """

    state: Path
    mail: Path
    config: str
    target: Path
    tick: Callable[[str], None] = lambda _: None
    now: Callable[[], float] = time.time
    taken: Taken = field(default_factory=Taken)
    _stamps: dict[str, int] = field(default_factory=dict)

    def take(self) -> Taken:
        """OSError; MailError(UNAVAILABLE) when there was no quiet moment."""
        self.target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.target.glob(".part-*"):
            shutil.rmtree(left)
        before = latest(self.target)
        name = datetime.fromtimestamp(self.now(), UTC).strftime("%Y%m%d-%H%M%S")
        part = self.target / f".part-{name}"
        part.mkdir(mode=0o700)
        try:
            self._fill(part, before)
            self.taken.path = str(self.target / name)
            part.rename(self.taken.path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return self.taken

    def _fill(self, part: Path, before: Path | None) -> None:
        for _ in range(ROUNDS):
            if not self._round(part, before):
                break
        (part / "state").mkdir(mode=0o700)
        with closing(sqlite3.connect(self.state / "index.sqlite", timeout=30, isolation_level=None)) as reader:
            self._held(part, before, reader)
        for path in sorted(self.state.glob("*.sqlite")):
            if path.name not in ("index.sqlite", *_LEFT_OUT):
                with closing(sqlite3.connect(path, timeout=30)) as source:
                    _copy_database(source, part / "state" / path.name)
        self._rest(part)

    def _held(self, part: Path, before: Path | None, reader: sqlite3.Connection) -> None:
        """The last round, while nothing changes; then the database of that moment."""
        with closing(sqlite3.connect(self.state / "index.sqlite", timeout=30, isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            while self._round(part, before):
                if time.monotonic() - began > HELD_SECONDS:
                    raise MailError(Condition.UNAVAILABLE, "mail changes too quickly for a backup; try again later")
            for folder in _folders(self.state / "queue"):
                earlier = before and before / "state" / "queue" / folder
                self._mirror(self.state / "queue" / folder, part / "state" / "queue" / folder, earlier)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            lock.execute("ROLLBACK")
            self.taken.held = time.monotonic() - began
        _copy_database(reader, part / "state" / "index.sqlite")

    # --- mail ------------------------------------------------------------------------------------------------

    def _round(self, part: Path, before: Path | None) -> int:
        """How many folders have changed since the round before."""
        changed, seen = 0, set()
        for folder in _folders(self.mail):
            seen.add(folder)
            stamp = _stamp(self.mail / folder)
            if self._stamps.get(folder) != stamp:
                changed += 1
                self._mirror(self.mail / folder, part / "mail" / folder, before and before / "mail" / folder)
                quiet = self.now() - stamp / 1e9 > FRESH_SECONDS
                if quiet:
                    self._stamps[folder] = stamp
        for folder in set(self._stamps) - seen:
            changed += 1
            del self._stamps[folder]
            _remove_folder(part / "mail" / folder)
        return changed

    def _mirror(self, source: Path, target: Path, before: Path | None) -> None:
        """Make the files of one folder the same; folders below it are on their own."""
        wanted = {name for name in _listed(source) if (source / name).is_file()}
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = {_key(name): name for name in _listed(target) if (target / name).is_file()}
        earlier = {_key(name): name for name in _listed(before)} if before else {}
        for name in wanted:
            known = there.pop(_key(name), None)
            if known == name and _is_message(source, name):
                continue
            with suppress(FileNotFoundError):  # it went meanwhile, and its folder's time tells so
                if known is not None and _is_message(source, name):
                    (target / known).rename(target / name)
                else:
                    self._place(source / name, target / name, before and before / earlier.get(_key(name), name))
        for name in there.values():
            (target / name).unlink()

    def _place(self, source: Path, target: Path, earlier: Path | None) -> None:
        if not _is_message(source.parent, source.name):
            shutil.copy2(source, target)
            return
        self.taken.messages += 1
        self.tick(source.parent.name)
        for origin in (source, earlier):
            if origin is not None and _same(source, origin):
                try:
                    os.link(origin, target)
                except OSError:
                    continue  # another file system, or too many links
                self.taken.linked += 1
                return
        shutil.copy2(source, target)
        self.taken.copied += 1

    def _rest(self, part: Path) -> None:
        for path in sorted(self.state.iterdir()):
            if path.name in (*_LEFT_OUT, "queue") or ".sqlite" in path.name or path == self.mail:
                continue
            if path.is_dir():
                shutil.copytree(path, part / "state" / path.name, ignore=_sockets, dirs_exist_ok=True)
            elif path.is_file():
                shutil.copy2(path, part / "state" / path.name)
        (part / "mailstack.toml").write_text(self.config, encoding="utf-8")


def latest(target: Path) -> Path | None:
    """The newest snapshot below; None without one."""
    found = sorted(each for each in target.glob("[0-9]*-[0-9]*") if each.is_dir())
    return found[-1] if found else None


def _copy_database(source: sqlite3.Connection, target: Path) -> None:
    target.touch(mode=0o600)
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole


def _folders(mail: Path) -> Iterator[str]:
    """Every folder below, itself too, relative to it."""
    for path, names, _ in os.walk(mail):
        names[:] = sorted(name for name in names if name not in _WORKING)
        yield os.path.relpath(path, mail)


def _stamp(folder: Path) -> int:
    with suppress(FileNotFoundError):
        return folder.stat().st_mtime_ns
    return 0


def _listed(folder: Path) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.listdir(folder)  # noqa: PTH208
    return []


def _key(name: str) -> str:
    """A message's name without its flags."""
    return name.partition(":")[0]


def _is_message(folder: Path, name: str) -> bool:
    """Written once, never changed: it may be linked.  The small texts beside them are copied."""
    is_mail = folder.name in ("cur", "new") or folder.parent.name == BINS or "queue" in folder.parts[-3:]
    return is_mail and not name.startswith("mailstack-")


def _same(source: Path, origin: Path) -> bool:
    with suppress(FileNotFoundError):
        one, other = source.stat(), origin.stat()
        return (one.st_size, int(one.st_mtime)) == (other.st_size, int(other.st_mtime))
    return False


def _remove_folder(path: Path) -> None:
    """Its own files; those of folders below are on their own."""
    for name in _listed(path):
        if (path / name).is_file():
            (path / name).unlink()
    with suppress(OSError):
        path.rmdir()


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not Path(folder, name).is_dir() and not Path(folder, name).is_file()]
