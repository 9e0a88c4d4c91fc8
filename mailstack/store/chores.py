"""File work that nobody waits for: renames for flags, unlinks.  Done many at once, in slices, by an idle writer.

A chore that was left undone costs nothing but a look at the folder: the rows say what
is wanted (`message.disk`, `tombstone.base`), and reconcile asks for it again.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mailstack.base import files
from mailstack.store import maildir
from mailstack.store.flags import merged
from mailstack.store.index import mailboxes, messages, tombstones
from mailstack.store.index.messages import Row
from mailstack.store.stamps import Stamps

__all__ = ["Chore", "FileChore", "Outcome", "RenameFile", "Settle", "UnlinkFile", "Where"]

Settle = Callable[[Any], None]  # writes down over the connection what was done, behind a sync of it


@dataclass(slots=True)
class Outcome:
    """What became of some chores; `folder`, and `also`, are to be synced where there is no syncfs."""

    settle: Settle | None = None
    folder: str = ""
    also: str = ""
    faults: list[OSError] = field(default_factory=list)


class Chore(Protocol):
    """A second one with the same key while the first waits is left out."""

    @property
    def key(self) -> Hashable: ...

    @property
    def group(self) -> Hashable:
        """Those with the same are handed to one `run`."""

    def run(self, connection: Any, chores: Sequence[Any]) -> Outcome:
        """Do them all (this is the first), reading rows as they are now.  OSError, sqlite3.Error: none was done."""

    def failed(self, connection: Any) -> None:
        """Not all was done, and will not be tried again by itself: make sure that reconcile sees it."""


class Where(Protocol):
    """`store.txn.Site`, as chores need it."""

    stamps: Stamps
    durable: bool

    def path(self, account: str, folder: str) -> str: ...


@dataclass(frozen=True, slots=True)
class FileChore:
    """About one file of a mailbox."""

    site: Where
    mailbox: int

    def path(self, connection: Any) -> str | None:
        """The Maildir; None when it is gone."""
        place = mailboxes.place_of(connection, self.mailbox)
        return None if place is None else self.site.path(*place)

    def failed(self, connection: Any) -> None:
        self.site.stamps.doubt(connection, self.mailbox)


@dataclass(frozen=True, slots=True)
class RenameFile(FileChore):
    """Give the file the letters of the row's flags, whatever they are by then."""

    uid: int

    @property
    def key(self) -> Hashable:
        return "flags", self.mailbox, self.uid

    @property
    def group(self) -> Hashable:
        return "flags", self.mailbox

    def run(self, connection: Any, chores: Sequence["RenameFile"]) -> Outcome:
        path = self.path(connection)
        if path is None:
            return Outcome()
        rows = messages.some(connection, self.mailbox, [chore.uid for chore in chores])
        wanted = [(row, letters) for row in rows if (letters := merged(row.flags, row.disk)) != row.disk]
        outcome = Outcome(folder=f"{path}/cur")
        with self.site.stamps.touching(connection, self.mailbox, path):
            done = [(row.uid, letters) for row, letters in wanted if _renamed(outcome, row, letters)]
        if done:
            outcome.settle = lambda later: messages.set_disks(later, self.mailbox, done)
        return outcome


def _renamed(outcome: Outcome, row: Row, letters: str) -> bool:
    old, new = maildir.file_name(row.base, row.disk), maildir.file_name(row.base, letters)
    try:
        files.rename(f"{outcome.folder}/{old}", f"{outcome.folder}/{new}")
    except OSError as fault:
        outcome.faults.append(fault)
        return False
    return True


@dataclass(frozen=True, slots=True)
class UnlinkFile(FileChore):
    """Remove an expunged message's file.  If another program renamed it, reconcile knows it by its tombstone."""

    row: Row

    @property
    def key(self) -> Hashable:
        return "gone", self.mailbox, self.row.uid

    @property
    def group(self) -> Hashable:
        return "gone", self.mailbox

    def run(self, connection: Any, chores: Sequence["UnlinkFile"]) -> Outcome:
        path = self.path(connection)
        if path is None:
            return Outcome()
        outcome = Outcome(folder=f"{path}/cur")
        with self.site.stamps.touching(connection, self.mailbox, path):
            done = list(_removed(outcome, (chore.row for chore in chores)))
        if done:
            outcome.settle = lambda later: tombstones.clear_bases(later, self.mailbox, done)
        return outcome


def _removed(outcome: Outcome, rows: Iterable[Row]) -> Iterable[int]:
    """The UIDs of those that were there."""
    for row in rows:
        try:
            found = files.remove(f"{outcome.folder}/{maildir.file_name(row.base, row.disk)}")
        except OSError as fault:
            outcome.faults.append(fault)
        else:
            if found:
                yield row.uid
