"""The durable queue: message files, rows, and the agenda that is made from them."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from mailstack.base import files
from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.queue import chosen, table
from mailstack.queue.api import EVERYBODY, Choice, Envelope, QueuedRecipient, Try
from mailstack.queue.pick import Agenda, Due, LaneOf, Parcel
from mailstack.queue.sweep import remove_file
from mailstack.queue.table import Job, Waits
from mailstack.queue.window import Window
from mailstack.store.api import Ledger
from mailstack.store.values import Staged

__all__ = ["FileContent", "Nothing", "Spool", "text_of"]

T = TypeVar("T")
_LOT = 500  # names that one query asks about


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


def text_of(folder: Path, message_id: str, at_most: int) -> tuple[bytes, int]:
    """FileNotFoundError; ValueError for what is no message's id."""
    if not message_id or message_id.startswith(".") or "/" in message_id or message_id == "orphaned":
        raise ValueError(message_id)
    content = FileContent(str(folder / message_id))
    try:
        return content.read(0, at_most), content.size
    finally:
        content.close()


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
        self.window = Window(agenda, lane_of, ledger.read)
        self._changed: Callable[[], None] = _nobody

    async def open(self) -> None:
        """Make the tables and settle what a crash has left; the runner fills the agenda."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._ledger.write(table.migrate)
        await self._recover()

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
        self.window.arrived(due)
        self._changed()

    def size(self) -> tuple[int, int]:
        return self._ledger.read(table.size)

    def states(self) -> tuple[dict[str, int], int]:
        """(recipients by state, messages), for those who watch over the server."""
        held, free, messages = self._ledger.read(table.states)
        sending = min(self.agenda.rows_running, free)
        return {"waiting": free - sending, "sending": sending, "held": held}, messages

    def list(
        self, choice: Choice = EVERYBODY, after: int = 0, shown: int = chosen.SHOWN
    ) -> tuple[Sequence[QueuedRecipient], int | None]:
        page = self._page(choice, after, shown)
        return [queued for _, queued in page.rows], page.after

    def text(self, message_id: str, at_most: int) -> tuple[bytes, int]:
        return text_of(self._folder, message_id, at_most)

    def tries(self, choice: Choice) -> Sequence[tuple[QueuedRecipient, Sequence[Try]]]:
        page = self._page(choice, 0, chosen.SHOWN)
        return [(queued, self._ledger.read(lambda db: chosen.tries(db, row))) for row, queued in page.rows]  # noqa: B023

    async def retry(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        page = self._page(choice, after)
        # what is being tried has its next time from that
        rows = [row for row, _ in page.rows if not self.agenda.is_running(row)]
        now = self._now()
        await self._change(lambda db: chosen.make_due(db, rows, now))
        for domain in {queued.address.rpartition("@")[2] for _, queued in page.rows}:
            self.agenda.awake(self._lane_of(domain))
        return len(rows), page.after

    async def hold(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        page = self._page(choice, after)
        await self._change(lambda db: chosen.hold(db, [row for row, _ in page.rows]))
        return len(page.rows), page.after

    async def release(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        page = self._page(choice, after)
        await self._change(lambda db: chosen.release(db, [row for row, _ in page.rows]))
        return len(page.rows), page.after

    async def drop(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        page = self._page(choice, after)
        rows, messages = [row for row, _ in page.rows], [queued.message_id for _, queued in page.rows]
        for message_id in await self._change(lambda db: chosen.remove(db, rows, messages)):
            log(Event.MAIL_DROPPED, mid=message_id, reason="dropped from the queue by the operator")
            remove_file(self._path(message_id))
        return len(rows), page.after

    def _page(self, choice: Choice, after: int, shown: int = chosen.PAGE) -> chosen.Page:
        running, now = self.agenda.is_running, self._now()
        return self._ledger.read(lambda db: chosen.page(db, choice, after, shown, running, now))

    async def _change(self, work: Callable[[Any], T]) -> T:
        result = await self._ledger.write(work, syncs_files=False)
        self.window.restart()
        self._changed()
        return result

    # --- for the runner --------------------------------------------------------------------------------

    def load(self, parcel: Parcel) -> Job | None:
        """None when its recipients were dropped meanwhile."""
        return self._ledger.read(lambda connection: table.load(connection, parcel.message_id, parcel.rows))

    def content(self, message_id: str) -> FileContent:
        """FileNotFoundError when somebody took the file away."""
        return FileContent(self._path(message_id))

    async def record(self, message_id: str, gone: Sequence[int], waiting: Sequence[Waits]) -> None:
        """Keep what became of some recipients; durable when it ends."""
        now = self._now()
        ended = await self._ledger.write(
            lambda connection: table.record(connection, message_id, gone, waiting, now), syncs_files=False
        )
        if ended:
            self._remove(self._path(message_id))

    def ended(self, parcel: Parcel, job: Job | None, waiting: Sequence[Waits]) -> None:
        """The parcel is done, and these of its recipients go on waiting."""
        domains = {row.id: row.recipient.domain for row in job.rows} if job is not None else {}
        priority = job.envelope.wishes.priority if job is not None else 0
        again = [Due(w.row, parcel.message_id, domains[w.row], w.next_try, priority) for w in waiting]
        self.window.ended(parcel.rows, again, self._now())

    async def note_delay_told(self, rows: Sequence[int]) -> None:
        """Their senders know; durable when it ends."""
        await self._ledger.write(lambda connection: table.note_delay_told(connection, rows), syncs_files=False)

    # --- inside ----------------------------------------------------------------------------------------

    def _path(self, message_id: str) -> str:
        return str(self._folder / message_id)

    async def _recover(self) -> None:
        """Rows without a file cannot be sent: the runner tells their senders.  Files without rows are set aside."""
        found = 0
        for names in _in_lots(entry.name for entry in os.scandir(self._folder) if entry.is_file()):
            known = self._ledger.read(lambda db: table.known(db, names))  # noqa: B023
            found += len(known)
            for name in names:
                if name.startswith("."):
                    remove_file(self._path(name))  # half of one
                elif name not in known:
                    self._set_aside(name)
        if found != self.size()[1]:
            await self._mourn()

    async def _mourn(self) -> None:
        after = ""
        while ids := self._ledger.read(lambda db: table.message_ids(db, after, _LOT)):  # noqa: B023
            after = ids[-1]
            lost = [message_id for message_id in ids if not self._is_there(message_id)]
            if lost:
                await self._ledger.write(lambda db: table.make_due(db, lost, self._now()), syncs_files=False)  # noqa: B023

    def _is_there(self, message_id: str) -> bool:
        return (self._folder / message_id).exists()

    def _set_aside(self, name: str) -> None:
        orphaned = self._folder / "orphaned"
        orphaned.mkdir(mode=0o700, exist_ok=True)
        (self._folder / name).rename(orphaned / name)
        log(Event.STORE_ODD_FILE, path=str(orphaned / name), reason="a queued file without an entry: set aside")


def _in_lots(names: Iterable[str]) -> Iterator[Sequence[str]]:
    """So that a queue of a million files is looked at without a million names in memory."""
    all_names = iter(names)
    while lot := list(islice(all_names, _LOT)):
        yield lot


def _nobody() -> None:
    pass
