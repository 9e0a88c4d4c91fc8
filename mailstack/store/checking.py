"""Index against files, one mailbox a job: every difference that an ordinary look at the folder has left.

Repair makes the index follow the files and never removes mail: a file whose octets are
not those that its UID was given to gets a new UID; the rest is what reconcile does.
"""

import os
from collections.abc import Iterator, Sequence

from mailstack.base import files
from mailstack.store import foldertext, maildir
from mailstack.store.changing import remove_rows
from mailstack.store.filing import write_box_text
from mailstack.store.flags import merged
from mailstack.store.foldering import Home, is_maildir
from mailstack.store.index import mailboxes, messages, snapshots, tombstones, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.reconcile import reconcile
from mailstack.store.snapshot import agrees
from mailstack.store.txn import Txn

__all__ = ["check_mailbox", "check_usage"]


def check_mailbox(txn: Txn, home: Home, box: Box, *, repair: bool) -> tuple[int, Sequence[str]]:
    """(messages, what is wrong); with `repair` what was wrong, or what could not be mended."""
    if not is_maildir(home.path(box)):
        return 0, ["its folder is missing"]
    reconcile(txn, home, box)
    findings = list(_findings(txn, home, box))
    if findings and repair:
        _mend(txn, home, box)
        findings = [*(f"mended: {each}" for each in findings), *_findings(txn, home, box)]
    return len(messages.all_of(txn.db, box.id)), findings


def check_usage(txn: Txn, home: Home, *, repair: bool) -> Sequence[str]:
    """What is wrong with the count that the quota goes by."""
    known, real = usage.of(txn.db, home.id), usage.counted(txn.db, home.id)
    if known == real:
        return []
    finding = (
        f"its count says {known.messages} messages of {known.octets} octets, there are {real.messages} of {real.octets}"
    )
    if not repair:
        return [finding]
    usage.correct(txn.db, home.id, real)
    return [f"mended: {finding}"]


def _findings(txn: Txn, home: Home, box: Box) -> Iterator[str]:
    rows = messages.all_of(txn.db, box.id)
    names = _names(home.path(box))
    yield from _counters(box, rows)
    yield from _text(home, box)
    for row in rows:
        yield from _file(home.path(box), row, names.pop(row.base, ()))
    for base in names.keys() - tombstones.left_behind(txn.db, box.id).keys():
        if files.is_file(f"{home.path(box)}/cur/{names[base][0]}"):
            yield f"file {names[base][0]} is not in the index"
    if not agrees(txn.db, box):
        yield "its snapshot is not what its rows say"


def _names(path: str) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name in maildir.listing(f"{path}/cur"):
        names.setdefault(maildir.split(name)[0], []).append(name)
    return names


def _counters(box: Box, rows: Sequence[Row]) -> Iterator[str]:
    if rows and rows[-1].uid >= box.uidnext:
        yield f"UIDNEXT is {box.uidnext}, but there is a UID {rows[-1].uid}"
    highest = max((row.modseq for row in rows), default=0)
    if highest > box.modseq:
        yield f"HIGHESTMODSEQ is {box.modseq}, but there is a MODSEQ {highest}"


def _text(home: Home, box: Box) -> Iterator[str]:
    """What the folder's text file says, from which the index can be made again."""
    text = foldertext.parse_folder(foldertext.read(f"{home.path(box)}/{maildir.FOLDER_TEXT}") or "")
    if text.uidvalidity != box.uidvalidity:
        yield f"{maildir.FOLDER_TEXT} has UIDVALIDITY {text.uidvalidity}, the index {box.uidvalidity}"
    if text.uids_below < box.uidnext:
        yield f"{maildir.FOLDER_TEXT} covers UIDs below {text.uids_below}, UIDNEXT is {box.uidnext}"
    if any(name and text.keywords[slot : slot + 1] != (name,) for slot, name in enumerate(box.keywords)):
        yield f"{maildir.FOLDER_TEXT} lacks keywords of the index"  # more than those is what a crash may leave


def _file(path: str, row: Row, names: Sequence[str]) -> Iterator[str]:
    if not names:
        yield f"UID {row.uid}: its file is missing ({row.base})"
        return
    if len(names) > 1:
        yield f"UID {row.uid}: more than one file ({', '.join(names)})"
    if maildir.split(names[0])[1] not in (row.disk, merged(row.flags, row.disk)):
        yield f"UID {row.uid}: flags in the file's name are not those of the index ({names[0]})"
    size = _size(f"{path}/cur/{names[0]}")
    if size != maildir.read_base(row.base).size:
        yield f"UID {row.uid}: its file has {size} octets ({names[0]})"


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116  see base.files
    except FileNotFoundError:
        return None


# --- repair --------------------------------------------------------------------------------------------


def _mend(txn: Txn, home: Home, box: Box) -> None:
    path = home.path(box)
    rows, names = messages.all_of(txn.db, box.id), _names(path)
    box.uidnext = max([box.uidnext, *(row.uid + 1 for row in rows)])
    box.reserved = max(box.reserved, box.uidnext)
    box.modseq = max([box.modseq, *(row.modseq for row in rows)])
    mailboxes.save_counters(txn.db, box)
    write_box_text(txn, home, box)
    snapshots.remove(txn.db, box.id)
    others = [row for row in rows if row.base in names and _is_other(path, row, names[row.base][0])]
    if others:
        remove_rows(txn, box, others, [None] * len(others))
    for row in others:
        name = names[row.base][0]
        txn.rename(f"{path}/cur/{name}", f"{path}/cur/{maildir.file_name(txn.site.unique(), maildir.split(name)[1])}")
    txn.site.stamps.doubt(txn.db, box.id)
    reconcile(txn, home, box)


def _is_other(path: str, row: Row, name: str) -> bool:
    return _size(f"{path}/cur/{name}") not in (None, maildir.read_base(row.base).size)
