"""UIDVALIDITY: from the time, strictly rising over the whole store, never given twice.  RFC 9051 §2.3.1.1

A store that makes many mailboxes in one second is ahead of the clock for a while.  So
that a lost index cannot give a value again, a text file in the mail's root says below
which value anything may have been given; it is written once in a thousand.
"""

from mailstack.store import foldertext
from mailstack.store.index import counters
from mailstack.store.index.counters import UIDVALIDITY, UIDVALIDITY_BELOW
from mailstack.store.txn import Txn

__all__ = ["has_mark", "keep_uidvalidity", "next_uidvalidity"]

TEXT = ".uidvalidity-below"
AHEAD = 1000


def next_uidvalidity(txn: Txn) -> int:
    """A value that no mailbox of this store has ever had."""
    path = f"{txn.site.root}/{TEXT}"
    below = counters.get(txn.db, UIDVALIDITY_BELOW)
    if below is None:  # the index is new: begin where the text says
        below = foldertext.number((foldertext.read(path) or "").strip())
        keep_uidvalidity(txn, below)
    value = max(int(txn.site.now()), (counters.get(txn.db, UIDVALIDITY) or 0) + 1)
    if value >= below:
        below = value + AHEAD
        txn.write_text(path, f"{below}\n")
    counters.raise_to(txn.db, UIDVALIDITY_BELOW, below)
    keep_uidvalidity(txn, value)
    return value


def has_mark(root: str) -> bool:
    """Whether a store has ever made a mailbox below this folder: the text file is there as long as the mail is."""
    return foldertext.read(f"{root}/{TEXT}") is not None


def keep_uidvalidity(txn: Txn, value: int) -> None:
    """Never give a value up to this one again."""
    counters.raise_to(txn.db, UIDVALIDITY, value)
