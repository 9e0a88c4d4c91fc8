"""The queue's files while no server runs: list, retry and drop for the command line."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mailstack.base.errors import Condition, MailError
from mailstack.queue import table
from mailstack.queue.api import QueuedRecipient

__all__ = ["RestingQueue"]

T = TypeVar("T")


class RestingQueue:
    """What `mailstack queue` needs of `queue.api.MailQueue`.  The server finds the changes when it starts.

    `database` is the store's `index.sqlite`, `folder` the queue's.  Neither needs to be there yet.
    """

    def __init__(self, database: str, folder: str, now: Callable[[], float] = time.time) -> None:
        self._database, self._folder, self._now = Path(database), Path(folder), now

    def list(self) -> Sequence[QueuedRecipient]:
        return [queued for _, queued in self._change(table.listing) or ()]

    async def retry(self, selector: str) -> int:
        return len(self._change(lambda db: table.make_due(db, selector, self._now(), lambda _: False)) or ())

    async def drop(self, selector: str) -> int:
        rows, ended = self._change(lambda db: table.remove(db, selector)) or ([], [])
        for message_id in ended:
            (self._folder / message_id).unlink(missing_ok=True)
        return len(rows)

    def _change(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """One transaction; None when there is no queue yet.  MailError(UNAVAILABLE)."""
        if not self._database.exists():
            return None
        try:
            db = sqlite3.connect(self._database, timeout=5.0, isolation_level=None)
            try:
                db.execute("PRAGMA synchronous = FULL")
                db.execute("BEGIN IMMEDIATE")
                found = work(db) if _has_queue(db) else None
                db.execute("COMMIT")
                return found
            finally:
                db.close()
        except sqlite3.Error as failure:
            raise MailError(
                Condition.UNAVAILABLE, f"the queue in {self._database} cannot be used: {failure}"
            ) from failure


def _has_queue(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'queue_recipient'").fetchone() is not None
