"""The queue's files while no server runs, for the command line."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mailstack.base.errors import Condition, MailError
from mailstack.queue import chosen, table
from mailstack.queue.api import EVERYBODY, Choice, QueuedRecipient, Try
from mailstack.queue.spool import text_of

__all__ = ["RestingQueue"]

T = TypeVar("T")


class RestingQueue:
    """What `mailstack queue` needs of `queue.api.MailQueue`.  The server finds the changes when it starts.

    `database` is the store's `index.sqlite`, `folder` the queue's.  Neither needs to be there yet.
    """

    def __init__(self, database: str, folder: str, now: Callable[[], float] = time.time) -> None:
        self._database, self._folder, self._now = Path(database), Path(folder), now

    def size(self) -> tuple[int, int]:
        return self._change(table.size) or (0, 0)

    def list(
        self, choice: Choice = EVERYBODY, after: int = 0, shown: int = chosen.SHOWN
    ) -> tuple[Sequence[QueuedRecipient], int | None]:
        page = self._page(choice, after, shown)
        return [queued for _, queued in page.rows], page.after

    def text(self, message_id: str, at_most: int) -> tuple[bytes, int]:
        return text_of(self._folder, message_id, at_most)

    def tries(self, choice: Choice) -> Sequence[tuple[QueuedRecipient, Sequence[Try]]]:
        page = self._page(choice, 0, chosen.SHOWN)
        return [(queued, self._change(lambda db: chosen.tries(db, row)) or ()) for row, queued in page.rows]  # noqa: B023

    async def retry(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        return self._each(choice, after, lambda db, rows: chosen.make_due(db, rows, self._now()))

    async def hold(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        return self._each(choice, after, chosen.hold)

    async def release(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        return self._each(choice, after, chosen.release)

    async def drop(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        page = self._page(choice, after)
        rows, messages = [row for row, _ in page.rows], [queued.message_id for _, queued in page.rows]
        for message_id in self._change(lambda db: chosen.remove(db, rows, messages)) or ():
            (self._folder / message_id).unlink(missing_ok=True)
        return len(rows), page.after

    def _page(self, choice: Choice, after: int, shown: int = chosen.PAGE) -> chosen.Page:
        found = self._change(lambda db: chosen.page(db, choice, after, shown, lambda _: False, self._now()))
        return found or chosen.Page([], None)

    def _each(
        self, choice: Choice, after: int, work: Callable[[sqlite3.Connection, Sequence[int]], None]
    ) -> tuple[int, int | None]:
        page = self._page(choice, after)
        self._change(lambda db: work(db, [row for row, _ in page.rows]))
        return len(page.rows), page.after

    def _change(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """One transaction; None when there is no queue yet.  MailError(UNAVAILABLE)."""
        if not self._database.exists():
            return None
        try:
            db = sqlite3.connect(self._database, timeout=5.0, isolation_level=None)
            try:
                db.execute("PRAGMA synchronous = FULL")
                db.execute("BEGIN IMMEDIATE")
                found = _work_on(db, work)
                db.execute("COMMIT")
                return found
            finally:
                db.close()
        except sqlite3.Error as failure:
            raise MailError(
                Condition.UNAVAILABLE, f"the queue in {self._database} cannot be used: {failure}"
            ) from failure


def _work_on(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T | None:
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'queue_recipient'").fetchone() is None:
        return None
    table.migrate(db)  # a newer version may have been installed since the server ran
    return work(db)
