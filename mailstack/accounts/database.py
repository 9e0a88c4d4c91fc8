"""The file of the accounts: opened, brought up to date, read at one moment, changed in one transaction."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from mailstack.accounts.schema import SCHEMAS
from mailstack.base.errors import Condition, MailError

__all__ = ["Database"]


class Database:
    """Opens the file, and makes it when it is not there.  MailError(UNAVAILABLE) when it cannot be used.

    `look_every`: for so many seconds a change by another process may stay unseen.  A server asks several times for
    each message, and the command line changes things through it while it runs.
    """

    def __init__(self, path: str | Path, *, look_every: float = 0.0) -> None:
        self.path = str(path)
        self._own_changes = 0
        self._others_changes, self._looked, self._look_every = 0, -inf, look_every
        try:
            _make_file(self.path)
            self.db = sqlite3.connect(self.path, timeout=5.0, isolation_level=None)
            self._prepare()
        except (OSError, sqlite3.Error) as failure:
            raise MailError(
                Condition.UNAVAILABLE, f"the accounts file {self.path} cannot be used: {failure}", detail=repr(failure)
            ) from failure

    def close(self) -> None:
        self.db.close()

    def _prepare(self) -> None:
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("PRAGMA foreign_keys = ON")
        if self._schema_version() < len(SCHEMAS):
            with self.change() as db:
                for version in range(self._schema_version(), len(SCHEMAS)):  # read anew: somebody may have been faster
                    for statement in SCHEMAS[version].split(";\n"):
                        db.execute(statement)
                    db.execute(f"PRAGMA user_version = {version + 1}")

    def _schema_version(self) -> int:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > len(SCHEMAS):
            raise sqlite3.DatabaseError(f"it was written by a newer mailstack (schema {version})")
        return int(version)

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One write transaction, rolled back on any error."""
        with self.note() as db:
            yield db
        self._own_changes += 1

    @contextmanager
    def note(self) -> Iterator[sqlite3.Connection]:
        """The same for what is no part of a `picture`: nobody reads anew because of it in this process."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several queries over one moment."""
        self.db.execute("BEGIN")
        try:
            yield self.db
        finally:
            self.db.execute("ROLLBACK")

    def version(self) -> tuple[int, int]:
        """Differs from the last answer when somebody, in any process, has changed something."""
        now = monotonic()
        if now - self._looked >= self._look_every:
            (self._others_changes,) = self.db.execute("PRAGMA data_version").fetchone()
            self._looked = now
        return self._others_changes, self._own_changes

    def one(self, query: str, *arguments: object) -> Any:
        """The first row, or None."""
        return self.db.execute(query, arguments).fetchone()


def _make_file(path: str) -> None:
    """Nobody but its owner may read it.  Made by root in somebody's state folder, it is that somebody's."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        folder = Path(path).absolute().parent.stat()
        if os.geteuid() == 0 and os.fstat(descriptor).st_uid != folder.st_uid:
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)
