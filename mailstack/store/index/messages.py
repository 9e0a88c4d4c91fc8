"""One row a message.  `base` is its file's name up to the flags, `disk` the letters that the file has behind it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

__all__ = [
    "Row",
    "after",
    "all_of",
    "between",
    "columns_of",
    "counts",
    "delete",
    "get",
    "insert",
    "octets_with",
    "remove_all",
    "set_disks",
    "set_flags",
    "some",
    "sum_of",
    "used_flags",
]


class Row(NamedTuple):
    """`date` is UNIX seconds, `size` octets with CRLF, `flags` as in store.flags."""

    uid: int
    modseq: int
    flags: int
    size: int
    date: int
    base: str
    disk: str


_COLUMNS = "uid, modseq, flags, size, date, base, disk"
_CHUNK = 500  # UIDs in one statement


def all_of(txn: Any, mailbox: int) -> list[Row]:
    """Ascending by UID."""
    found = txn.execute(f"SELECT {_COLUMNS} FROM message WHERE mailbox = ? ORDER BY uid", (mailbox,))  # noqa: S608
    return list(map(Row._make, found))


def columns_of(txn: Any, mailbox: int, after: int = 0) -> list[tuple[int, int, int, int, int]]:
    """(uid, modseq, flags, size, date) of those changed after this modseq, ascending by UID."""
    return txn.execute(  # type: ignore[no-any-return]
        "SELECT uid, modseq, flags, size, date FROM message WHERE mailbox = ? AND modseq > ? ORDER BY uid",
        (mailbox, after),
    ).fetchall()


def after(txn: Any, mailbox: int, uid: int, limit: int) -> list[Row]:
    """Ascending by UID."""
    found = txn.execute(
        f"SELECT {_COLUMNS} FROM message WHERE mailbox = ? AND uid > ? ORDER BY uid LIMIT ?",  # noqa: S608
        (mailbox, uid, limit),
    )
    return list(map(Row._make, found))


def get(txn: Any, mailbox: int, uid: int) -> Row | None:
    found = txn.execute(
        f"SELECT {_COLUMNS} FROM message WHERE mailbox = ? AND uid = ?",  # noqa: S608
        (mailbox, uid),
    ).fetchone()
    return None if found is None else Row._make(found)


def between(txn: Any, mailbox: int, first: int, behind: int) -> list[Row]:
    """Those with UIDs in `[first, behind)`, ascending."""
    query = f"SELECT {_COLUMNS} FROM message WHERE mailbox = ? AND uid >= ? AND uid < ? ORDER BY uid"  # noqa: S608
    return list(map(Row._make, txn.execute(query, (mailbox, first, behind))))


def some(txn: Any, mailbox: int, uids: Iterable[int]) -> list[Row]:
    """Those of them that exist, ascending by UID, each once."""
    wanted = sorted(set(uids))
    if wanted and wanted[-1] - wanted[0] < 2 * len(wanted):  # most often it is all of a range
        query = f"SELECT {_COLUMNS} FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid"  # noqa: S608
        found, among = txn.execute(query, (mailbox, wanted[0], wanted[-1])), set(wanted)
        return [row for row in map(Row._make, found) if row.uid in among]
    rows: list[Row] = []
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        marks = ",".join("?" * len(chunk))
        query = f"SELECT {_COLUMNS} FROM message WHERE mailbox = ? AND uid IN ({marks}) ORDER BY uid"  # noqa: S608
        rows += map(Row._make, txn.execute(query, (mailbox, *chunk)))
    return rows


def insert(txn: Any, mailbox: int, rows: Sequence[Row]) -> None:
    txn.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(mailbox, *row) for row in rows])


def delete(txn: Any, mailbox: int, uids: Iterable[int]) -> None:
    txn.executemany("DELETE FROM message WHERE mailbox = ? AND uid = ?", [(mailbox, uid) for uid in uids])


def sum_of(txn: Any, mailbox: int) -> tuple[int, int]:
    """(messages, octets)"""
    found = txn.execute("SELECT count(*), coalesce(sum(size), 0) FROM message WHERE mailbox = ?", (mailbox,)).fetchone()
    return tuple(found)


def octets_with(txn: Any, mailbox: int, bit: int) -> int:
    """Of those messages whose flags have this bit."""
    query = "SELECT coalesce(sum(size), 0) FROM message WHERE mailbox = ? AND flags & ? != 0"
    return int(txn.execute(query, (mailbox, bit)).fetchone()[0])


def remove_all(txn: Any, mailbox: int) -> None:
    txn.execute("DELETE FROM message WHERE mailbox = ?", (mailbox,))


def set_flags(txn: Any, mailbox: int, modseq: int, flags: Iterable[tuple[int, int]]) -> None:
    """`flags` are (uid, bits)."""
    txn.executemany(
        "UPDATE message SET flags = ?, modseq = ? WHERE mailbox = ? AND uid = ?",
        [(bits, modseq, mailbox, uid) for uid, bits in flags],
    )


def set_disks(txn: Any, mailbox: int, disks: Iterable[tuple[int, str]]) -> None:
    """`disks` are (uid, letters)."""
    txn.executemany(
        "UPDATE message SET disk = ? WHERE mailbox = ? AND uid = ?", [(disk, mailbox, uid) for uid, disk in disks]
    )


def used_flags(txn: Any, mailbox: int) -> list[tuple[int, str]]:
    """Every (flags, letters on the disk) that occurs."""
    return list(txn.execute("SELECT DISTINCT flags, disk FROM message WHERE mailbox = ?", (mailbox,)))


def counts(txn: Any, mailbox: int, recent: int, seen: int, deleted: int) -> tuple[int, int, int, int, int]:
    """messages, those with a UID from `recent` on, without the bit `seen`, with the bit `deleted`, octets."""
    found = txn.execute(
        "SELECT count(*), coalesce(sum(uid >= ?), 0), coalesce(sum(flags & ? = 0), 0),"
        " coalesce(sum(flags & ? != 0), 0), coalesce(sum(size), 0) FROM message WHERE mailbox = ?",
        (recent, seen, deleted, mailbox),
    ).fetchone()
    return tuple(found)
