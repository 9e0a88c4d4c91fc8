"""The durable queue: message files, rows, and the agenda that is made from them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mailstack.base import files
from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.queue import table
from mailstack.queue.api import Envelope, QueuedRecipient
from mailstack.queue.pick import Agenda, Due, LaneOf, Parcel, make_parcels
from mailstack.queue.sweep import remove_file
from mailstack.queue.table import Job, Waits
from mailstack.store.api import Ledger
from mailstack.store.values import Staged

__all__ = ["FileContent", "Nothing", "Spool"]


class FileContent:
    """A queued message's octets (`store.api.Content`): read by position, many readers at a time."""

    __slots__ = ("_fd", "size")

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._fd).st_size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Nothing:
    """What is left of a message whose file has vanished."""

    size = 0

    def read(self, offset: int, length: int) -> bytes:  # noqa: ARG002  Content's
        return b""

    def close(self) -> None:
        pass


class Spool:
    """Implements `queue.api.MailQueue`, and keeps for the runner what it has to do.

    `folder` is `<state>/queue`, on the file system that the ledger syncs; `sync_each`
    when the ledger syncs no file system (`durability = "fsync"`), so that the message
    must be synced by name.  `remove` takes finished files away, in its own time.  `now`
    tells UNIX seconds.  `open` comes before everything else.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        agenda: Agenda,
        *,
        lane_of: LaneOf,
        now: Callable[[], float],
        sync_each: bool = False,
        remove: Callable[[str], None] = remove_file,
    ) -> None:
        self._sync_each, self._remove = sync_each, remove
        self._folder, self._ledger, self._lane_of, self._now = folder, ledger, lane_of, now
        self.agenda = agenda
        self._changed: Callable[[], None] = _nobody

    async def open(self) -> None:
        """Make the tables, settle what a crash has left, and fill the agenda."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._ledger.write(table.migrate)
        await self._recover()
        self._plan(self._ledger.read(table.all_due))

    def on_change(self, changed: Callable[[], None]) -> None:
        """`changed()` is called when something may have become due.  There is one runner."""
        self._changed = changed

    # --- queue.api.MailQueue ---------------------------------------------------------------------------

    async def enqueue(self, envelope: Envelope, staged: Staged) -> None:
        """Durable when it ends; MailError(STORAGE_FULL | UNAVAILABLE), and then nothing of it is kept."""
        path = self._path(envelope.id)
        now = self._now()

        def keep(connection: Any) -> Sequence[Due]:
            if self._sync_each:
                files.sync_file(path)
                files.sync_folder(str(self._folder))
            return table.insert(connection, envelope, now)

        staged.place(path)
        try:
            due = await self._ledger.write(keep)
        except MailError:
            remove_file(path)
            raise
        log(Event.MAIL_QUEUED, mid=envelope.id, recipients=", ".join(r.address for r in envelope.recipients))
        self._plan(due)

    def list(self) -> Sequence[QueuedRecipient]:
        return [
            replace(queued, next_try=None) if self.agenda.is_running(row) else queued
            for row, queued in self._ledger.read(table.listing)
        ]

    async def retry(self, selector: str) -> int:
        now = self._now()
        due = await self._ledger.write(
            lambda connection: table.make_due(connection, selector, now, self.agenda.is_running), syncs_files=False
        )
        self.agenda.forget({each.row for each in due})
        for lane in {self._lane_of(each.domain) for each in due}:
            self.agenda.awake(lane)
        # a delivery may have begun while the rows were written: it has the recipient already
        self._plan([each for each in due if not self.agenda.is_running(each.row)])
        return len(due)

    async def drop(self, selector: str) -> int:
        rows, ended = await self._ledger.write(lambda connection: table.remove(connection, selector), syncs_files=False)
        self.agenda.forget(set(rows))
        for message_id in ended:
            log(Event.MAIL_DROPPED, mid=message_id, reason="dropped from the queue by the operator")
            remove_file(self._path(message_id))
        return len(rows)

    # --- for the runner --------------------------------------------------------------------------------

    def load(self, parcel: Parcel) -> Job | None:
        """None when its recipients were dropped meanwhile."""
        return self._ledger.read(lambda connection: table.load(connection, parcel.message_id, parcel.rows))

    def content(self, message_id: str) -> FileContent:
        """FileNotFoundError when somebody took the file away."""
        return FileContent(self._path(message_id))

    async def record(self, message_id: str, gone: Sequence[int], waiting: Sequence[Waits]) -> None:
        """Keep what became of some recipients; durable when it ends.  Those that wait are on the agenda again."""
        ended = await self._ledger.write(
            lambda connection: table.record(connection, message_id, gone, waiting), syncs_files=False
        )
        if ended:
            self._remove(self._path(message_id))

    def plan_again(self, job: Job, waiting: Sequence[Waits]) -> None:
        """Put recipients that go on waiting on the agenda; call it when their parcel is done."""
        domains = {row.id: row.recipient.domain for row in job.rows}
        priority = job.envelope.wishes.priority
        self._plan([Due(w.row, job.envelope.id, domains[w.row], w.next_try, priority) for w in waiting])

    async def note_delay_told(self, rows: Sequence[int]) -> None:
        """Their senders know; durable when it ends."""
        await self._ledger.write(lambda connection: table.note_delay_told(connection, rows), syncs_files=False)

    # --- inside ----------------------------------------------------------------------------------------

    def _path(self, message_id: str) -> str:
        return str(self._folder / message_id)

    def _plan(self, due: Sequence[Due]) -> None:
        for parcel in make_parcels(due, self._lane_of, self.agenda.limits.recipients_a_parcel):
            self.agenda.add(parcel)
        if due:
            self._changed()

    async def _recover(self) -> None:
        """Rows without a file cannot be sent: the runner tells their senders.  Files without rows are set aside."""
        names = {entry.name for entry in os.scandir(self._folder) if entry.is_file()}
        rows = self._ledger.read(table.message_ids)
        for message_id in sorted(rows - names):
            due_now = partial(table.make_due, selector=message_id, now=self._now(), leave=_none)
            await self._ledger.write(due_now, syncs_files=False)
        for name in sorted(names - rows):
            if name.startswith("."):
                remove_file(self._path(name))  # half of one
            else:
                self._set_aside(name)

    def _set_aside(self, name: str) -> None:
        orphaned = self._folder / "orphaned"
        orphaned.mkdir(mode=0o700, exist_ok=True)
        (self._folder / name).rename(orphaned / name)
        log(Event.STORE_ODD_FILE, path=str(orphaned / name), reason="a queued file without an entry: set aside")


def _none(_row: int) -> bool:
    return False


def _nobody() -> None:
    pass
