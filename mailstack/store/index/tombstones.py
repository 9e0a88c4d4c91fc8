"""What was expunged: for QRESYNC (RFC 7162 §3.2.10), and until the file is gone, so that it is not taken for new.

A row with UID 0 tells up to which modseq nothing is remembered: the index was made again, or old rows were dropped.
"""

from collections.abc import Iterable
from typing import Any

__all__ = ["clear_bases", "forgotten", "insert", "left_behind", "prune", "remove_all", "since"]


def insert(txn: Any, mailbox: int, modseq: int, gone: Iterable[tuple[int, str | None]]) -> None:
    """`gone` are (uid, base); base None: there is no file to remove."""
    txn.executemany(
        "INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?, ?)", [(mailbox, uid, modseq, base) for uid, base in gone]
    )


def clear_bases(txn: Any, mailbox: int, uids: Iterable[int]) -> None:
    """The files are gone, durably."""
    txn.executemany("UPDATE tombstone SET base = NULL WHERE mailbox = ? AND uid = ?", [(mailbox, uid) for uid in uids])


def left_behind(txn: Any, mailbox: int) -> dict[str, int]:
    """Files still to be removed: base → uid."""
    found = txn.execute("SELECT base, uid FROM tombstone WHERE mailbox = ? AND base IS NOT NULL", (mailbox,))
    return dict(found)


def since(txn: Any, mailbox: int, modseq: int) -> list[int] | None:
    """UIDs expunged after `modseq`, ascending; None when that is not remembered."""
    found = txn.execute("SELECT uid FROM tombstone WHERE mailbox = ? AND modseq > ? ORDER BY uid", (mailbox, modseq))
    uids = [uid for (uid,) in found]
    return None if uids and uids[0] == 0 else uids


def forgotten(txn: Any, mailbox: int, modseq: int) -> None:
    """What was expunged up to `modseq` is not known."""
    txn.execute("INSERT OR REPLACE INTO tombstone VALUES (?, 0, ?, NULL)", (mailbox, modseq))


def prune(txn: Any, mailbox: int, kept: int) -> None:
    """Forget all but the newest `kept`, as whole modseqs; what still has a file to be removed stays."""
    found = txn.execute(
        "SELECT modseq FROM tombstone WHERE mailbox = ? AND uid > 0 ORDER BY modseq DESC LIMIT 1 OFFSET ?",
        (mailbox, kept),
    ).fetchone()
    if found is not None:
        txn.execute("DELETE FROM tombstone WHERE mailbox = ? AND modseq <= ? AND base IS NULL", (mailbox, found[0]))
        forgotten(txn, mailbox, found[0])


def remove_all(txn: Any, mailbox: int) -> None:
    txn.execute("DELETE FROM tombstone WHERE mailbox = ?", (mailbox,))
