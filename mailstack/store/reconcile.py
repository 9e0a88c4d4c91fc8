"""Disk and index brought together: mail that other programs brought, took away, or flagged.

Called with every open, STATUS, and refresh, and by a timer for mailboxes that are
watched; does nothing when the folder's stamps are the known ones (store.stamps).

    a file that no row names        gets the next UID and a name of ours.  When the index
                                    is being made again, the UID in its name is kept
    a row whose file is nowhere     is an expunge, if a second listing says so too
    letters that differ             are a flag change (rules: store.changing)
    a file in `new/`                goes to `cur/`
    a file of a tombstone           was to be removed, and is now
    a file that has grown since     gets the next UID (store.young)
    a file of ours of the wrong     was never finished: set aside in `tmp/`
    size or with a hole in it
    that no row names

It runs in the writer's thread, in a transaction like any other job, so a file that
we have just placed has its row: ours are never taken for foreign.  Where very many files have
come (somebody's old Maildir of 100,000), they are taken in by and by, a transaction each time,
so that other accounts' mail does not wait for all of them; the last look finds nothing new.
"""

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mailstack.base import files
from mailstack.base.events import Event
from mailstack.store import maildir, young
from mailstack.store.changing import remove_rows
from mailstack.store.chores import RenameFile
from mailstack.store.effects import Added, Noted, Reflagged
from mailstack.store.filing import MAX_UID, reserve
from mailstack.store.flags import Keywords, merged, read_letters
from mailstack.store.foldering import Home
from mailstack.store.index import mailboxes, messages, tombstones, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.keeping import keep_leftover
from mailstack.store.txn import Txn

__all__ = ["reconcile"]

_FIRST_NUMBER = re.compile(r"[0-9]+")
READ_OCTETS = 1 << 20
LATELY = 86_400.0  # seconds: octets of before were on the disk, whenever the power went
_HOLE = bytes(512)


@dataclass(slots=True)
class _Found:
    """What one listing has shown."""

    letters: dict[str, str] = field(default_factory=dict)  # known base → the letters on the disk
    strangers: list[tuple[str, str]] = field(default_factory=list)  # (cur or new, name)
    leftovers: list[str] = field(default_factory=list)  # names in cur
    moved: bool = False


def reconcile(txn: Txn, home: Home, box: Box, *, at_most: int | None = None) -> bool:
    """Changes `box` and saves it when there was something.

    Whether it has to be called again: only so many new messages are taken in at once.
    """
    path = home.path(box)
    waiting = txn.site.arriving.pop(box.id, None)
    if not txn.site.stamps.is_due(txn.db, box.id, path):
        return False
    if not os.path.isdir(f"{path}/cur"):  # noqa: PTH112
        return False  # the whole folder was taken away: read_account will see it
    if waiting and at_most is not None:
        _take_next(txn, home, box, waiting, at_most)
        return True
    before = txn.site.stamps.before_listing(path)
    is_new = waiting is None and txn.site.stamps.never_scanned(txn.db, box.id)
    rows = {row.base: row for row in messages.all_of(txn.db, box.id)}
    young.renew(txn, box, path, rows)
    left = tombstones.left_behind(txn.db, box.id)
    found = _look(path, rows, left)
    _bring_back(txn, path, rows, found)
    gone = _vanished(path, rows, left, found)
    counts = (
        _arrive(txn, home, box, found.strangers, rows, keep_uids=is_new, at_most=at_most),
        _vanish(txn, box, gone),
        _reflag(txn, box, rows, found.letters),
    )
    _clear_leftovers(txn, home, box, path, left, found)
    _note(txn, home, box, counts, is_new=is_new)
    if box.id in txn.site.arriving:
        return True
    moved = found.moved or bool(found.strangers or found.leftovers)
    txn.site.stamps.listed(box.id, path, before, moved=moved and txn.site.stamps.before_listing(path) != before)
    if young.are_there(txn, box):
        txn.site.stamps.doubt(txn.db, box.id)
    return False


def _take_next(txn: Txn, home: Home, box: Box, waiting: Sequence[tuple[str, str]], at_most: int) -> None:
    """Some of the files that an earlier look has found; those that have gone meanwhile are left out."""
    path = home.path(box)
    inspected = (_inspect(txn, path, *each, is_new=False) for each in waiting[:at_most])
    strangers = [stranger for stranger in inspected if stranger is not None]
    reserve(txn, home, box, len(strangers))
    rows = _take_in_all(txn, path, box, strangers)
    if rows:
        _tell_arrivals(txn, box, rows)
    txn.site.arriving[box.id] = waiting[at_most:]  # when it is empty, the next look is the last one
    _note(txn, home, box, (len(rows), 0, 0), is_new=False)


def _look(path: str, rows: dict[str, Row], left: dict[str, int]) -> _Found:
    found = _Found()
    for name in maildir.listing(f"{path}/cur"):
        base, letters = maildir.split(name)
        row = rows.get(base)
        if row is None:
            if base in left:
                found.leftovers.append(name)
            else:
                found.strangers.append(("cur", name))
        elif base not in found.letters:
            found.letters[base] = letters
        elif _is_there(f"{path}/cur/{maildir.file_name(base, found.letters[base])}"):
            # the same base twice: a copy, unless it was renamed while we were listing
            if letters == row.disk:
                letters, found.letters[base] = found.letters[base], letters
            found.strangers.append(("cur", maildir.file_name(base, letters)))
        else:
            found.letters[base] = letters
    found.strangers += [("new", name) for name in maildir.listing(f"{path}/new")]
    return found


def _bring_back(txn: Txn, path: str, rows: dict[str, Row], found: _Found) -> None:
    """mutt marks a message as new by moving its file from `cur` to `new`: it is still the same message."""
    for stranger in list(found.strangers):
        part, name = stranger
        row = rows.get(maildir.split(name)[0])
        if part == "new" and row is not None and row.base not in found.letters:
            txn.rename(f"{path}/new/{name}", f"{path}/cur/{maildir.file_name(row.base, row.disk)}")
            found.letters[row.base] = row.disk
            found.strangers.remove(stranger)
            found.moved = True


def _is_there(path: str) -> bool:
    return os.path.lexists(path)


def _vanished(path: str, rows: dict[str, Row], left: dict[str, int], found: _Found) -> list[Row]:
    """Rows without a file in two listings: one that races a rename may miss a file."""
    if len(found.letters) == len(rows):
        return []
    again = _look(path, rows, left)
    for base, letters in again.letters.items():
        found.letters.setdefault(base, letters)
    return [row for base, row in rows.items() if base not in found.letters]


def _vanish(txn: Txn, box: Box, gone: Sequence[Row]) -> int:
    if gone:
        remove_rows(txn, box, sorted(gone), [None] * len(gone))
    return len(gone)


def _clear_leftovers(txn: Txn, home: Home, box: Box, path: str, left: dict[str, int], found: _Found) -> None:
    """Files that were to be removed are, or have been by others; this transaction's sync comes before its COMMIT."""
    for name in found.leftovers:
        keep_leftover(txn, home, box, name)
        txn.touched[f"{path}/cur"] = None
    tombstones.clear_bases(txn.db, box.id, left.values())


# --- letters -------------------------------------------------------------------------------------------


def _reflag(txn: Txn, box: Box, rows: dict[str, Row], letters_on_disk: dict[str, str]) -> int:
    """Apply what others changed, and repeat what we had wanted to change and has not come to the disk."""
    known_bits = _known_bits(box.keywords)
    changed: list[tuple[int, int]] = []
    on_disk: list[tuple[int, str]] = []
    for base, letters in letters_on_disk.items():
        row = rows[base]
        flags = row.flags
        if letters != row.disk:
            if letters != merged(row.flags, row.disk):
                flags = _with_their_change(row, letters, known_bits)
            on_disk.append((row.uid, letters))
        if flags != row.flags:
            changed.append((row.uid, flags))
        if merged(flags, letters) != letters:
            txn.later(RenameFile(txn.site, box.id, row.uid))
    messages.set_disks(txn.db, box.id, on_disk)
    if changed:
        box.modseq += 1
        messages.set_flags(txn.db, box.id, box.modseq, changed)
        mailboxes.save(txn.db, box)
        txn.tell(Reflagged(replace(box), sorted(changed), box.modseq))
    return len(changed)


@lru_cache(64)
def _known_bits(keywords: Keywords) -> int:
    """Of the system flags and the keywords that have a letter."""
    return 31 | sum(32 << slot for slot, name in enumerate(keywords) if name)


def _with_their_change(row: Row, letters: str, known_bits: int) -> int:
    was, now = read_letters(row.disk), read_letters(letters) & known_bits
    return (row.flags | now & ~was) & ~(was & ~now)


# --- arrivals ------------------------------------------------------------------------------------------


def _arrive(
    txn: Txn,
    home: Home,
    box: Box,
    strangers: Sequence[tuple[str, str]],
    rows: dict[str, Row],
    *,
    keep_uids: bool,
    at_most: int | None,
) -> int:
    """How many.  Those that keep their UID all come at once: later ones could not be told from new ones."""
    path = home.path(box)
    taken = {row.uid for row in rows.values()}
    limit = box.uidnext
    kept: list[Row] = []
    fresh: list[_Stranger] = []
    inspected = (_inspect(txn, path, *each, is_new=keep_uids) for each in strangers)
    for stranger in sorted(filter(None, inspected), key=_Stranger.order):
        uid = stranger.told.uid
        if keep_uids and uid is not None and 0 < uid <= MAX_UID and uid not in taken and (limit == 1 or uid < limit):
            taken.add(uid)
            kept.append(_take_in(txn, path, box, stranger, uid))
        else:
            fresh.append(stranger)
    box.uidnext = max(box.uidnext, max(taken, default=0) + 1)
    if at_most is not None and len(fresh) > at_most:
        txn.site.arriving[box.id] = [(each.part, each.name) for each in fresh[at_most:]]
        fresh = fresh[:at_most]
    reserve(txn, home, box, len(fresh))
    if kept:  # the index is made again: nobody wants to be told of the whole mailbox as new
        box.recent = max(box.recent, max(row.uid for row in kept) + 1)
    kept += _take_in_all(txn, path, box, fresh)
    if kept:
        _tell_arrivals(txn, box, sorted(kept))
    return len(kept)


def _take_in_all(txn: Txn, path: str, box: Box, strangers: Iterable["_Stranger"]) -> list[Row]:
    """With the next UIDs."""
    rows = []
    for stranger in strangers:
        rows.append(_take_in(txn, path, box, stranger, box.uidnext))
        box.uidnext += 1
    return rows


def _tell_arrivals(txn: Txn, box: Box, rows: Sequence[Row]) -> None:
    box.modseq += 1
    rows = [row._replace(modseq=box.modseq) for row in rows]
    messages.insert(txn.db, box.id, rows)
    usage.add(txn.db, box.account, rows)
    mailboxes.save(txn.db, box)
    txn.tell(Added(replace(box), rows))


class _Stranger(NamedTuple):
    """A file that no row names."""

    part: str  # cur or new
    name: str
    told: maildir.FileName
    letters: str
    size: int  # of the file
    date: int

    def order(self) -> tuple[int, int, bool, str]:
        """Those with a UID in that order, then the oldest first, as the names tell."""
        number = _FIRST_NUMBER.match(self.name)
        time = int(number[0]) if number else self.date
        return self.told.uid or MAX_UID + 1, time, self.part != "cur", self.name


def _inspect(txn: Txn, path: str, part: str, name: str, *, is_new: bool) -> _Stranger | None:
    """None for what is no mail: folders, links, files of ours that were never finished.

    `is_new`: the index is being made again, and only what came lately is read.
    """
    place = f"{path}/{part}/{name}"
    try:
        found = os.lstat(place)
    except FileNotFoundError:
        return None
    base, letters = maildir.split(name)
    told = maildir.read_base(base)
    if not stat.S_ISREG(found.st_mode):
        return None
    is_late = not is_new or found.st_ctime > txn.site.now() - LATELY
    if told.uid is not None and (told.size != found.st_size or (is_late and _has_hole(place))):
        files.rename(place, f"{path}/tmp/{txn.site.unique()}")  # noqa: S108  the Maildir's own
        txn.tell(Noted(Event.STORE_ODD_FILE, {"path": place, "reason": "never finished: set aside in tmp"}))
        return None
    return _Stranger(part, name, told, letters, found.st_size, int(found.st_mtime))


def _take_in(txn: Txn, path: str, box: Box, stranger: _Stranger, uid: int) -> Row:
    """The file under a name of ours, and its row."""
    here = f"{path}/{stranger.part}/{stranger.name}"
    told = stranger.told
    crlf_size = told.crlf_size if told.uid is not None else _crlf_size(here, stranger.size)
    unique = told.unique if maildir.is_usable(told.unique) else txn.site.unique()
    base = maildir.make_base(unique, stranger.size, uid, crlf_size)
    flags = read_letters(stranger.letters) & _known_bits(box.keywords)
    disk = merged(flags, stranger.letters)
    there = f"{path}/cur/{maildir.file_name(base, disk)}"
    if here != there:
        txn.rename(here, there)
    if told.uid is None and stranger.part == "cur":
        young.note(txn, box, base, stranger.size, stranger.date)
    return Row(uid, box.modseq, flags, crlf_size or stranger.size, stranger.date, base, disk)


def _has_hole(path: str) -> bool:
    """Whether octets were lost with the power: a file system may keep the size and put zeros."""
    last = b""
    with Path(path).open("rb") as file:
        while chunk := file.read(READ_OCTETS):
            if _HOLE in chunk:
                return True
            last = chunk[-1:]
    return last == b"\0"


def _crlf_size(path: str, size: int) -> int | None:
    """The size with CRLF line ends; None when it has them already."""
    bare, last, left = 0, b"", size
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while left > 0 and (chunk := os.read(fd, min(left, READ_OCTETS))):
            bare += chunk.count(b"\n")
            if b"\r" in chunk or last:
                bare -= (last + chunk).count(b"\r\n")
            last = b"\r" if chunk.endswith(b"\r") else b""
            left -= len(chunk)
    finally:
        os.close(fd)
    return size + bare if bare else None


def _note(txn: Txn, home: Home, box: Box, counts: Iterable[int], *, is_new: bool) -> None:
    arrived, vanished, changed = counts
    where = {"account": home.name, "mailbox": box.name}
    if is_new and arrived:
        txn.tell(Noted(Event.STORE_REBUILT, {**where, "messages": arrived}))
    elif arrived or vanished or changed:
        fields = {**where, "arrived": arrived, "vanished": vanished, "changed": changed}
        txn.tell(Noted(Event.STORE_RECONCILED, fields))
