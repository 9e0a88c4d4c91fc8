"""Expunged messages go into a bin, and come back from it.  Functions and chores of the writer's thread (store.bins)."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.store import foldering, maildir
from mailstack.store.bins import BIN_TEXT, BINS, Bin, bin_of, kept_name
from mailstack.store.chores import FileChore, Outcome, UnlinkFile
from mailstack.store.effects import Added
from mailstack.store.filing import give_keywords, reserve, take_uid
from mailstack.store.flags import bits_of, merged, read_letters
from mailstack.store.foldering import Home
from mailstack.store.index import mailboxes, messages, tombstones, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.txn import Txn
from mailstack.store.values import INBOX, Kept

__all__ = ["KeepFile", "bring_back", "keep_leftover", "put_away"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the messages of one expunge go: the bin's folder and text, and UNIX seconds."""

    bin: str
    text: str
    seconds: int


def keeping_of(txn: Txn, box: Box) -> Keeping | None:
    """None: expunged mail is removed at once."""
    if not txn.site.keep_seconds:
        return None
    what, now = Bin(box.id, box.name, box.keywords), int(txn.site.now())
    return Keeping(bin_of(what, now), what.text(), now)


@dataclass(frozen=True, slots=True)
class KeepFile(FileChore):
    """Put an expunged message's file into a bin.  If another renamed it, reconcile knows it by its tombstone."""

    row: Row
    into: Keeping

    @property
    def key(self) -> Hashable:
        return "gone", self.mailbox, self.row.uid

    @property
    def group(self) -> Hashable:
        return "kept", self.mailbox, self.into.bin, self.into.seconds

    def run(self, connection: Any, chores: Sequence["KeepFile"]) -> Outcome:
        path, place = self.path(connection), mailboxes.place_of(connection, self.mailbox)
        if path is None or place is None:
            return Outcome()  # the mailbox was deleted meanwhile, and they lie in its bin
        target = _make_bin(self.site.path(place[0], ""), self.into, durable=self.site.durable)
        outcome = Outcome(folder=f"{path}/cur", also=target)
        with self.site.stamps.touching(connection, self.mailbox, path):
            done = list(_kept(outcome, target, self.into.seconds, [chore.row for chore in chores]))
        if done:
            outcome.settle = lambda later: tombstones.clear_bases(later, self.mailbox, done)
        return outcome


def _kept(outcome: Outcome, target: str, seconds: int, rows: Sequence[Row]) -> Iterator[int]:
    """The UIDs of those that were there."""
    for row in rows:
        old = f"{outcome.folder}/{row.base}:2,{row.disk}"
        try:
            files.rename(old, f"{target}/{kept_name(row.base, row.flags, row.disk, seconds)}")
        except OSError as fault:
            outcome.faults.append(fault)
        else:
            yield row.uid


def _make_bin(home: str, into: Keeping, *, durable: bool) -> str:
    target = f"{home}/{BINS}/{into.bin}"
    if not files.is_file(f"{target}/{BIN_TEXT}"):
        files.make_folder(f"{home}/{BINS}")
        files.make_folder(target)
        fresh = f"{target}/{BIN_TEXT}.new"
        files.remove(fresh)
        files.write_new(fresh, into.text.encode())
        if durable:  # before any message relies on it
            files.sync_file(fresh)
        files.rename(fresh, f"{target}/{BIN_TEXT}")
    return target


def put_away(txn: Txn, box: Box, rows: Sequence[Row], *, for_good: bool) -> None:
    """What becomes of the files of expunged messages."""
    into = None if for_good else keeping_of(txn, box)
    for row in rows:
        txn.later(UnlinkFile(txn.site, box.id, row) if into is None else KeepFile(txn.site, box.id, row, into))


def keep_leftover(txn: Txn, home: Home, box: Box, name: str) -> None:
    """A file that should have gone into a bin, and has not: the process ended before."""
    path, into = f"{home.path(box)}/cur/{name}", keeping_of(txn, box)
    if into is None:
        files.remove(path)
        return
    base, letters = maildir.split(name)
    kept = kept_name(base, read_letters(letters), letters, into.seconds)
    txn.rename(path, f"{_make_bin(home.root, into, durable=txn.site.durable)}/{kept}")


# --- back ----------------------------------------------------------------------------------------------------


def bring_back(txn: Txn, home: Home, kept: Sequence[Kept], into: str | None) -> dict[str, int]:
    """Each into its mailbox (made if it is gone), or all into one; mailbox → how many.  Quotas do not hinder it."""
    places: dict[int, tuple[Box, list[Kept]]] = {}
    for each in kept:
        box = _target(txn, home, each, into)
        places.setdefault(box.id, (box, []))[1].append(each)
    return {box.name: _fill(txn, home, box, those) for box, those in places.values()}


def _target(txn: Txn, home: Home, kept: Kept, into: str | None) -> Box:
    """The mailbox that it was in, whatever its name is now; else one of that name."""
    box = None if into is not None else mailboxes.by_id(txn.db, kept.mailbox)
    if box is not None and box.account == home.id:
        return box
    name = maildir.normal(into or kept.folder)
    found = mailboxes.by_name(txn.db, home.id, name)
    if found is None:
        foldering.create(txn, home.name, name, None)
        found = mailboxes.by_name(txn.db, home.id, name)
    if found is None:
        raise MailError(Condition.NO_SUCH_MAILBOX, f"No mailbox {name or INBOX}")
    return found


def _fill(txn: Txn, home: Home, box: Box, kept: Sequence[Kept]) -> int:
    give_keywords(txn, home, box, sorted({flag for each in kept for flag in each.flags}))
    reserve(txn, home, box, len(kept))
    box.modseq += 1
    rows = []
    with txn.touching(box, home.path(box)):
        for each in kept:
            row = _row(txn, box, each)
            try:
                txn.rename(each.path, f"{home.path(box)}/cur/{maildir.file_name(row.base, row.disk)}")
            except FileNotFoundError:
                continue  # its time was over just now
            take_uid(box)
            rows.append(row)
    if rows:
        messages.insert(txn.db, box.id, rows)
        usage.add(txn.db, box.account, rows)
        mailboxes.save_counters(txn.db, box)
        txn.tell(Added(box, rows))
    return len(rows)


def _row(txn: Txn, box: Box, kept: Kept) -> Row:
    told = maildir.read_base(maildir.split(Path(kept.path).name)[0])
    flags = bits_of(kept.flags, box.keywords)
    unique = told.unique if maildir.is_usable(told.unique) else txn.site.unique()
    octets = kept.size if told.size is None else told.size
    base = maildir.make_base(unique, octets, box.uidnext, told.crlf_size)
    return Row(box.uidnext, box.modseq, flags, kept.size, kept.date, base, merged(flags, ""))
