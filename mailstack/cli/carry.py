"""Messages on their way into the store: into files beside the mail, then, a hundred at a time, to the server."""

import fcntl
import os
import shutil
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailstack.cli.line import Ask
from mailstack.cli.say import Failed
from mailstack.control.transfer import IMPORTING
from mailstack.store.transfer.found import Bad, Found

__all__ = ["Carrier", "Count", "carrier"]

MESSAGES = 100  # of one question; its JSON must stay below control.wire's QUESTION_LIMIT
FLAG_OCTETS = 30_000  # so many of all their flags
OCTETS = 64 << 20


@dataclass(slots=True)
class Count:
    """What became of the messages of one mailbox."""

    came: int = 0
    before: int = 0
    bad: int = 0


@dataclass(slots=True)
class Carrier:
    """One account's messages.  `folder` is this run's, beside the mail, `owner` whose the files are to be."""

    ask: Ask
    account: str
    folder: Path
    owner: tuple[int, int]
    counts: dict[str, Count] = field(default_factory=dict)
    _known: dict[str, "array[int]"] = field(default_factory=dict)
    _waiting: list[list[Any]] = field(default_factory=list)
    _target: str = ""
    _octets: int = 0
    _flags: int = 0
    _serial: int = 0

    def carry(self, target: str, messages: Iterable[Found | Bad]) -> Iterator[Found | Bad]:
        """Bring them into `target`; each is told when it is done with."""
        count = self.counts.setdefault(target, Count())
        self._target = target
        for each in messages:
            if isinstance(each, Bad):
                count.bad += 1
            elif self._is_known(each):
                count.before += 1
            else:
                self._take(each)
            yield each
        self.flush()

    def _is_known(self, found: Found) -> bool:
        if not found.key:
            return False
        known = self._known.get(self._target)
        if known is None:
            told = self.ask("import known", name=self.account, folder=self._target)
            known = array("Q", bytes.fromhex(told))
            known.byteswap()
            self._known = {self._target: known}
        place = bisect_left(known, found.key)
        return place < len(known) and known[place] == found.key

    def _take(self, found: Found) -> None:
        self._serial += 1
        path = self.folder / str(self._serial)
        with path.open("wb") as file:
            file.writelines(found.chunks)
            os.fchmod(file.fileno(), 0o600)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), *self.owner)
            self._octets += file.tell()
        self._flags += len(" ".join(found.flags))
        self._waiting.append([f"{self.folder.name}/{path.name}", list(found.flags), found.date, found.key])
        if len(self._waiting) >= MESSAGES or self._octets >= OCTETS or self._flags >= FLAG_OCTETS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            came, before = self.ask("import", name=self.account, folder=self._target, messages=self._waiting)
            count = self.counts[self._target]
            count.came, count.before = count.came + came, count.before + before
            self._waiting, self._octets, self._flags = [], 0, 0


@contextmanager
def carrier(ask: Ask, account: str, mail_folder: str) -> Iterator[Carrier]:
    """What an earlier run has left of its files is cleared away.  Failed while another is under way."""
    owner = Path(mail_folder).stat()
    above = Path(mail_folder, IMPORTING)
    folder = above / account.encode().hex()
    for each in (above, folder):
        if not each.is_dir():
            each.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(each, owner.st_uid, owner.st_gid)
    with (above / f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"another import for {account} is under way") from None
        for left in folder.iterdir():
            left.unlink()
        yield Carrier(ask, account, folder, (owner.st_uid, owner.st_gid))
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.name).unlink(missing_ok=True)
