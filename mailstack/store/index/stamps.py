"""How far each mailbox's rows agree with its folder on the disk."""

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["Stamp", "doubt_all", "get", "put", "remove"]


class Stamp(NamedTuple):
    """See store.schema: the directories' mtimes (ns), the last whole comparison (UNIX time, 0: never), in doubt."""

    cur: int
    new: int
    scanned: float
    unsure: bool


def get(txn: Any, mailbox: int) -> Stamp | None:
    found = txn.execute("SELECT cur, new, scanned, unsure FROM stamp WHERE mailbox = ?", (mailbox,)).fetchone()
    return None if found is None else Stamp(found[0], found[1], found[2], bool(found[3]))


def put(txn: Any, stamps: Iterable[tuple[int, Stamp]]) -> None:
    txn.executemany(
        "INSERT OR REPLACE INTO stamp VALUES (?, ?, ?, ?, ?)", [(mailbox, *stamp) for mailbox, stamp in stamps]
    )


def doubt_all(txn: Any) -> None:
    """Every folder is to be looked at."""
    txn.execute("UPDATE stamp SET cur = 0, new = 0")


def remove(txn: Any, mailbox: int) -> None:
    txn.execute("DELETE FROM stamp WHERE mailbox = ?", (mailbox,))
