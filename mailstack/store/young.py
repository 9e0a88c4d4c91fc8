"""Files that other programs may still be writing, as `cp` does straight into `cur/`.

What was changed in the last moment is looked at again until it has been still; its folder is listed with every
look meanwhile.  A file that has grown under its UID gets a new one, as no UID ever changes its message.
"""
# ruff: noqa: PTH116  see base.files

import os

from mailstack.store import maildir
from mailstack.store.changing import remove_rows
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.txn import Txn

__all__ = ["are_there", "note", "renew"]

MOMENT = 2.0  # seconds


def note(txn: Txn, box: Box, base: str, size: int, changed: float) -> None:
    """This file has just been taken in, with so many octets."""
    if _is_late(txn, changed):
        txn.site.young.setdefault(box.id, {})[base] = size


def are_there(txn: Txn, box: Box) -> bool:
    return box.id in txn.site.young


def renew(txn: Txn, box: Box, path: str, rows: dict[str, Row]) -> None:
    """Take those that have grown out of the index, under names that nobody knows; forget those that are still."""
    young = txn.site.young.pop(box.id, {})
    grown: list[Row] = []
    for base, size in young.items():
        row = rows.get(base)
        found = None if row is None else _stat(f"{path}/cur/{maildir.file_name(base, row.disk)}")
        if row is None or found is None:
            continue  # it went, or somebody renames it: no reason to wait
        if found.st_size != size:
            grown.append(rows.pop(base))
        elif _is_late(txn, found.st_mtime):
            txn.site.young.setdefault(box.id, {})[base] = size
    if grown:
        remove_rows(txn, box, sorted(grown), [None] * len(grown))
    for row in grown:
        new = maildir.file_name(txn.site.unique(), row.disk)
        txn.rename(f"{path}/cur/{maildir.file_name(row.base, row.disk)}", f"{path}/cur/{new}")


def _is_late(txn: Txn, changed: float) -> bool:
    return abs(txn.site.now() - changed) < MOMENT


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
