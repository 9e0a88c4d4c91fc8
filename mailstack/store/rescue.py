"""Doubtful files go where the owner sees them: what was set aside in a Maildir's `tmp` becomes mail in `lost+found`.

Set aside are files of ours that a crash has left half-written, or that lost octets with the power: nobody was promised
them, but half a letter may be worth reading.  What other programs have left in `tmp` counts as such after 36 hours,
which is when Maildir says that it was abandoned.
"""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Final

from mailstack.base import files
from mailstack.store import maildir
from mailstack.store.foldering import Home
from mailstack.store.index import mailboxes
from mailstack.store.taking import take_in
from mailstack.store.txn import Txn
from mailstack.store.values import Carried

__all__ = ["LOST_AND_FOUND", "check_aside"]

LOST_AND_FOUND: Final = "lost+found"
ABANDONED: Final = 36 * 3600.0  # seconds
_OURS: Final = re.compile(r"[0-9]+\.M[0-9]+P[0-9]+Q[0-9]+\..*")
_AT_ONCE: Final = 500


def check_aside(txn: Txn, account: str, home: Home, *, repair: bool) -> list[tuple[str, str]]:
    """(mailbox, what is or was wrong).  Empty files are nobody's loss, and stay where they are."""
    told, carried = [], []
    for box in mailboxes.of_account(txn.db, home.id):
        for path in _aside(home.path(box), txn.site.now()):
            told.append((box.name, f"a file is set aside in tmp: {path.rpartition('/')[2]}"))
            carried.append(Carried(path, (), int(os.stat(path).st_mtime)))  # noqa: PTH116  see base.files
    if not repair or not carried:
        return told
    for start in range(0, len(carried), _AT_ONCE):
        take_in(txn, account, LOST_AND_FOUND, carried[start : start + _AT_ONCE])
    return [(name, f"mended: {what}: now in {LOST_AND_FOUND}") for name, what in told]


def _aside(path: str, now: float) -> Iterator[str]:
    folder = f"{path}/tmp"  # noqa: S108  the Maildir's own
    for name in sorted(_names(folder)):
        place = f"{folder}/{name}"
        if files.is_file(place):
            found = os.stat(place)  # noqa: PTH116  see base.files
            if found.st_size and (_OURS.fullmatch(name) or now - found.st_ctime > ABANDONED):
                yield place


def _names(path: str) -> Sequence[str]:
    try:
        return list(maildir.listing(path))
    except FileNotFoundError:
        return ()
