"""One job's hands: the connection, the file work that can be taken back, and what is to be told.

Everything under `filing`, `changing`, `foldering` and `reconcile` gets a `Txn` first,
runs in the writer's thread, and touches files only through it: a job that fails (or
whose batch cannot be made durable) leaves the folders as they were.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mailstack.base import files
from mailstack.store import foldertext, maildir
from mailstack.store.batches import Job
from mailstack.store.chores import Chore
from mailstack.store.effects import Effect
from mailstack.store.index.mailboxes import Box
from mailstack.store.stamps import Stamps
from mailstack.store.values import Quota, Staged

__all__ = ["Site", "StoreJob", "Txn"]

T = TypeVar("T")


@dataclass(slots=True)
class Site:
    """Where the store is, and what time: shared by all jobs."""

    root: str  # of the mail
    now: Callable[[], float]  # UNIX seconds
    stamps: Stamps
    durable: bool = True  # False in tests: nothing has to outlive a power cut
    # files that others may still be writing: mailbox → base → octets when they were taken in (store.young)
    young: dict[int, dict[str, int]] = field(default_factory=dict)
    host: str = field(default_factory=maildir.host_name)
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    arriving: dict[int, Sequence[tuple[str, str]]] = field(default_factory=dict)  # files by mailbox: store.reconcile
    keep_seconds: float = 0  # for how long expunged mail can be brought back
    quotas: dict[str, Quota] = field(default_factory=dict)  # account → as the reactor's thread last asked

    def unique(self) -> str:
        return maildir.unique_part(self.now(), next(self.serial), self.host)

    def account_path(self, account: str) -> str:
        return maildir.account_path(self.root, account)

    def path(self, account: str, folder: str) -> str:
        """A mailbox's Maildir."""
        base = self.account_path(account)
        return f"{base}/{folder}" if folder else base


class Txn:
    """See the module.  `db` is for `store.index`."""

    def __init__(self, db: Any, site: Site) -> None:
        self.db = db
        self.site = site
        self.effects: list[Effect] = []
        self.chores: list[Chore] = []
        self.touched: dict[str, None] = {}  # files and folders to sync where there is no syncfs
        self.moved: list[tuple[str, str]] = []  # folders: old path, new path
        self._undo: list[Callable[[], object]] = []

    def tell(self, effect: Effect) -> None:
        self.effects.append(effect)

    def later(self, chore: Chore) -> None:
        self.chores.append(chore)

    def touching(self, box: Box, path: str) -> AbstractContextManager[None]:
        """Our own changes of a mailbox's files go inside (store.stamps)."""
        return self.site.stamps.touching(self.db, box.id, path)

    # --- file work -----------------------------------------------------------------------------------

    def place(self, staged: Staged, path: str) -> None:
        staged.place(path)
        self._undo.append(lambda: files.remove(path))
        self._touch(path, is_file=True)

    def link(self, source: str, target: str) -> None:
        files.link_or_copy(source, target)
        self._undo.append(lambda: files.remove(target))
        self._touch(target, is_file=True)

    def rename(self, source: str, target: str) -> None:
        files.rename(source, target)
        self._undo.append(lambda: files.rename(target, source))
        self._touch(source)
        self._touch(target)

    def rename_folder(self, source: str, target: str) -> None:
        self.rename(source, target)
        self.moved.append((source, target))

    def make_folder(self, path: str) -> bool:
        """Whether it was missing."""
        made = files.make_folder(path)
        if made:
            self._undo.append(lambda: files.remove_tree(path))
            self._touch(path)
        return made

    def write_text(self, path: str, text: str) -> None:
        old, sync = foldertext.read(path), self.site.durable
        self._undo.append(lambda: files.remove(path) if old is None else files.replace_text(path, old, sync=sync))
        files.replace_text(path, text, sync=sync)
        self._touch(path, is_file=True)

    def set_time(self, path: str, seconds: int) -> None:
        files.set_time(path, seconds)

    def _touch(self, path: str, *, is_file: bool = False) -> None:
        if is_file:
            self.touched[path] = None
        self.touched[path.rpartition("/")[0]] = None

    def take_back(self) -> None:
        """Undo the file work, the last first.  What cannot be undone stays as a file that nobody claims."""
        while self._undo:
            with suppress(OSError):
                self._undo.pop()()


class StoreJob(Job[T]):
    """`work` with a Txn; afterwards `apply` gets the effects, in the reactor's thread."""

    def __init__(
        self, site: Site, work: Callable[[Txn], T], apply: Callable[[Effect], None], then: Callable[[T], None] | None
    ) -> None:
        self._site, self._work, self._apply, self._then = site, work, apply, then
        self._txn: Txn | None = None

    def run(self, connection: Any) -> T:
        self._txn = Txn(connection, self._site)
        result = self._work(self._txn)
        self.syncs_files = bool(self._txn.touched)
        return result

    def undo(self) -> None:
        if self._txn is not None:
            self._txn.take_back()

    def paths(self) -> Iterator[str]:
        return iter(self._txn.touched if self._txn else ())

    def moved(self) -> Iterator[tuple[str, str]]:
        return iter(self._txn.moved if self._txn else ())

    def chores(self) -> Iterator[Chore]:
        return iter(self._txn.chores if self._txn else ())

    def publish(self, result: T) -> None:
        for effect in self._txn.effects if self._txn else ():
            self._apply(effect)
        if self._then is not None:
            self._then(result)
