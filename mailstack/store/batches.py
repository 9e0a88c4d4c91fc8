"""Group commit: everything that gathered becomes durable together, and only then is anybody told.

One batch, in the writer's thread:

    BEGIN IMMEDIATE
      what earlier chores have done on the disk is written down
      each job, in its own savepoint: files are placed, rows written
      (neighbours that can be joined, as deliveries can, are first tried as one job)
    syncfs of the mail's file system     (not when only rows were written)
    COMMIT, which syncs SQLite's log     (synchronous=FULL)
    results go to the reactor's thread, in this order: memory is brought up to date,
    watchers are told, the waiting caller goes on
    chores: file work that nobody waits for (renames for flags, unlinks)

The next batch is whoever gathered meanwhile; there is no timer.  A job that fails takes
nobody with it.  When the sync or the COMMIT fails, the whole batch is rolled back, its
files are taken away again, every caller gets a MailError, and the store is *degraded*:
each later batch first has to write and sync a probe file.  The failed sync itself is
never tried again on the same dirty pages: the kernel has forgotten them by then.

DESIGN had one sync after a COMMIT with synchronous=NORMAL.  With the sync in front and
FULL the cost is 0.3 ms more for a single message and 0.2 ms for a batch of 16
(0.57 → 0.88 ms, 0.94 → 1.14 ms here), batches without files get cheaper (0.4 ms, and no
waiting for other programs' dirty pages), and "an error means that nothing has happened"
is simply true: after a COMMIT there would be no way back.

A chore runs after the commit that asked for it.  What it has changed on the disk reaches
the database in the *next* batch, behind that batch's sync: so the database never claims
a file name that a power loss could take back.
"""

import itertools
import sqlite3
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event
from mailstack.base.histogram import Histogram
from mailstack.store.chores import Chore, Settle

__all__ = ["NOTHING", "Batches", "Durability", "Job", "Task", "WriteJob"]

T = TypeVar("T")

_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
_FULL = frozenset({sqlite3.SQLITE_FULL})


class Job(ABC, Generic[T]):
    """One caller's work.  `run` and `undo` are called in the writer's thread, `publish` in the reactor's."""

    syncs_files = True
    # neighbours of one batch with the same `join` are first tried as the single job that it makes of them: its result
    # has theirs in order, and it publishes for all.  When that fails each is run by itself
    join: Callable[[Sequence["Job[Any]"]], "Job[Any]"] | None = None

    @abstractmethod
    def run(self, connection: Any) -> T:
        """Within the batch's transaction.  Raises: nothing of this job has happened, the others' goes on."""

    def undo(self) -> None:
        """Take back what was done outside the database.  Never raises."""

    def paths(self) -> Iterable[str]:
        """Files and folders to sync where there is no syncfs."""
        return ()

    def moved(self) -> Iterable[tuple[str, str]]:
        """Folders that it has renamed: what earlier jobs did in them is to be synced under the new names."""
        return ()

    def chores(self) -> Iterable[Chore]:
        """What is left to do when it is committed."""
        return ()

    def publish(self, result: T) -> None:
        """Bring memory up to date and tell watchers."""


class WriteJob(Job[T]):
    """A function over the connection, of the queue or another table.

    `syncs_files`: it relies on files that were placed before.
    """

    def __init__(self, work: Callable[[Any], T], *, syncs_files: bool = True) -> None:
        self._work = work
        self.syncs_files = syncs_files

    def run(self, connection: Any) -> T:
        return self._work(connection)


class Durability(Protocol):
    """How files get to the disk."""

    def sync(self, paths: Iterable[str]) -> None:
        """What was done to these files and folders is on the disk when it ends (with syncfs: to all).  OSError."""

    def probe(self) -> None:
        """Raises OSError while the disk takes nothing."""

    def close(self) -> None: ...


class _Nothing(Job[None]):
    """Stands for a job that another one has done, and for none at all."""

    syncs_files = False

    def run(self, connection: Any) -> None:
        pass


NOTHING: Final = _Nothing()


@dataclass(slots=True)
class Task:
    """A job, who is to be told of its end, and what became of it."""

    job: Job[Any]
    tell: Callable[["Task"], None]
    result: Any = None
    failure: BaseException | None = None


class Batches:
    """What the writer does, whatever thread it is.  Owns the write connection."""

    def __init__(self, connection: Any, durability: Durability, before_commit: Callable[[Any], None]) -> None:
        self._connection = connection
        self._durability = durability
        self._before_commit = before_commit
        self._degraded = ""
        self._chores: dict[Hashable, Chore] = {}
        self._settles: list[Settle] = []
        self._settling: set[Hashable] = set()  # keys of the chores that those are about
        self._touched: set[str] = set()  # by those chores
        self.on_rollback: Callable[[], None] = _nothing
        self.at_clean_end: Callable[[Any], None] = _nothing
        self.events: deque[tuple[Event, dict[str, Any]]] = deque()
        self.sizes = Histogram(_SIZES)  # callers each

    # --- a batch -------------------------------------------------------------------------------------

    def run(self, tasks: Sequence[Task]) -> None:
        """Afterwards every task has its result, durable, or its failure."""
        self.sizes.observe(len(tasks))
        try:
            if self._degraded:
                self._durability.probe()
            self._run(tasks)
        except Exception as fault:  # noqa: BLE001  a pump: whatever it is, each caller gets it
            self._abandon(tasks, fault)
            return
        self._settles.clear()
        self._settling.clear()
        self._touched.clear()
        for task in tasks:
            if task.failure is None:
                self._chores.update((chore.key, chore) for chore in task.job.chores())
        self._recovered()

    def _run(self, tasks: Sequence[Task]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        for settle in self._settles:
            settle(self._connection)
        for join, group in itertools.groupby(tasks, lambda task: task.job.join):
            self._run_group(list(group), join)
        self._before_commit(self._connection)
        good = [task.job for task in tasks if task.failure is None]
        if self._settles or any(job.syncs_files for job in good):
            self._durability.sync(self._paths(good))
        files.seam("commit", "")
        execute("COMMIT")

    def _paths(self, jobs: Sequence[Job[Any]]) -> list[str]:
        """Where files are now that the jobs, and chores before them, have touched."""
        paths = list(self._touched)
        for job in jobs:
            for old, new in job.moved():
                paths = [new + path.removeprefix(old) if f"{path}/".startswith(f"{old}/") else path for path in paths]
            paths += job.paths()
        return paths

    def _run_group(self, tasks: Sequence[Task], join: Callable[[Sequence[Job[Any]]], Job[Any]] | None) -> None:
        if join is None or len(tasks) == 1 or not self._run_joined(tasks, join):
            for task in tasks:
                self._run_one(task)

    def _run_joined(self, tasks: Sequence[Task], join: Callable[[Sequence[Job[Any]]], Job[Any]]) -> bool:
        """Whether it worked; nothing has happened otherwise."""
        joint = Task(join([task.job for task in tasks]), _nothing)
        self._run_one(joint)
        if joint.failure is not None:
            return False
        for task, result in zip(tasks, joint.result, strict=True):
            task.job, task.result = NOTHING, result
        tasks[0].job = joint.job
        return True

    def _run_one(self, task: Task) -> None:
        execute = self._connection.execute
        execute("SAVEPOINT job")
        try:
            task.result = task.job.run(self._connection)
        except Exception as fault:
            task.failure = _as_failure(fault)
            task.job.undo()
            self.on_rollback()
            if not self._connection.in_transaction:
                raise  # SQLite has given the whole transaction up: a full or broken disk
            execute("ROLLBACK TO job")
        execute("RELEASE job")

    def _abandon(self, tasks: Sequence[Task], fault: Exception) -> None:
        for task in reversed(tasks):
            if task.failure is None:
                task.job.undo()
                task.failure = _as_failure(fault)
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self.on_rollback()
        if not self._degraded:
            self.events.append((Event.STORE_DEGRADED, {"reason": str(fault)}))
        self._degraded = str(fault) or type(fault).__name__

    def _recovered(self) -> None:
        if self._degraded:
            self._degraded = ""
            self.events.append((Event.STORE_RECOVERED, {}))

    # --- chores --------------------------------------------------------------------------------------

    @property
    def degraded(self) -> str:
        """Why the last batch could not be made durable; "" when it was."""
        return self._degraded

    @property
    def has_chores(self) -> bool:
        """Some can run now: those whose former result is not written down yet have to wait."""
        return any(key not in self._settling for key in self._chores)

    @property
    def backlog(self) -> int:
        return len(self._chores)

    @property
    def has_settles(self) -> bool:
        return bool(self._settles)

    def do_chores(self, limit: int) -> None:
        groups: dict[Hashable, list[Chore]] = {}
        for key in list(itertools.islice((key for key in self._chores if key not in self._settling), limit)):
            chore = self._chores.pop(key)
            groups.setdefault(chore.group, []).append(chore)
        for chores in groups.values():
            self._do_group(chores)

    def _do_group(self, chores: Sequence[Chore]) -> None:
        faults: Sequence[Exception]
        try:
            outcome = chores[0].run(self._connection, chores)
            faults = outcome.faults
        except (OSError, sqlite3.Error) as fault:
            faults = [fault]
        else:
            if outcome.settle is not None:
                self._settles.append(outcome.settle)
                self._settling.update(chore.key for chore in chores)
                self._touched.update(filter(None, [outcome.folder, outcome.also]))
        if faults:  # the first tells enough
            self.events.append((Event.STORE_ODD_FILE, {"path": str(chores[0].group), "reason": str(faults[0])}))
            chores[0].failed(self._connection)

    def close(self) -> None:
        """Nothing is left to do, unless the disk does not work; only then is this a clean end."""
        if not (self._degraded or self._chores or self._settles):
            self.at_clean_end(self._connection)
        self._connection.close()


def _nothing(*_: object) -> None:
    pass


def _as_failure(fault: BaseException) -> BaseException:
    """Disk faults as MailErrors; anything else is a mistake of ours and stays what it is."""
    if isinstance(fault, sqlite3.Error):
        if getattr(fault, "sqlite_errorcode", None) in _FULL:
            return MailError(Condition.STORAGE_FULL, "Out of storage", detail=str(fault))
        return MailError(Condition.UNAVAILABLE, "Storage does not work just now", detail=str(fault))
    if isinstance(fault, OSError):
        return files.as_mail_error(fault)
    return fault
