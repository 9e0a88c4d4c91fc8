"""One row a mailbox: identity, counters, keywords, and how far the rows agree with the disk."""

from dataclasses import dataclass, fields
from typing import Any

from mailstack.store.flags import Keywords
from mailstack.store.values import Folder, MailboxId, SpecialUse

__all__ = [
    "Box",
    "by_id",
    "by_name",
    "id_is_free",
    "insert",
    "of_account",
    "place_of",
    "remove",
    "save",
    "save_counters",
]


@dataclass(slots=True)
class Box:
    """A mailbox's row.  Read once a job, changed in place, saved once."""

    id: MailboxId
    account: int
    name: str
    folder: str  # directory below the account's Maildir; "" is INBOX
    uidvalidity: int
    uidnext: int
    reserved: int  # the folder's text file says: UIDs below it may have been used
    modseq: int  # highest so far
    recent: int  # the first UID that no session was told of
    special_use: SpecialUse | None
    keywords: Keywords

    def as_folder(self, *, subscribed: bool = False) -> Folder:
        return Folder(self.id, self.name, self.uidvalidity, self.special_use, subscribed)


_COLUMNS = tuple(field.name for field in fields(Box))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM mailbox"  # noqa: S608  names from this file
_INSERT = f"INSERT INTO mailbox ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_UPDATE = f"UPDATE mailbox SET {', '.join(f'{name} = ?' for name in _COLUMNS[1:])} WHERE id = ?"  # noqa: S608


def _box(row: tuple[Any, ...]) -> Box:
    box = Box(*row)
    box.special_use = SpecialUse(row[9]) if row[9] else None
    box.keywords = tuple(row[10].split(",")) if row[10] else ()
    return box


def _row(box: Box) -> list[Any]:
    return [
        box.id,
        box.account,
        box.name,
        box.folder,
        box.uidvalidity,
        box.uidnext,
        box.reserved,
        box.modseq,
        box.recent,
        box.special_use.value if box.special_use else None,
        ",".join(box.keywords),
    ]


def by_id(txn: Any, mailbox: int) -> Box | None:
    row = txn.execute(f"{_SELECT} WHERE id = ?", (mailbox,)).fetchone()
    return None if row is None else _box(row)


def by_name(txn: Any, account: int, name: str) -> Box | None:
    row = txn.execute(f"{_SELECT} WHERE account = ? AND name = ?", (account, name)).fetchone()
    return None if row is None else _box(row)


def of_account(txn: Any, account: int) -> list[Box]:
    return [_box(row) for row in txn.execute(f"{_SELECT} WHERE account = ? ORDER BY name", (account,))]


def id_is_free(txn: Any, mailbox: int) -> bool:
    """No mailbox has it."""
    return txn.execute("SELECT 1 FROM mailbox WHERE id = ?", (mailbox,)).fetchone() is None


def insert(txn: Any, box: Box) -> Box:
    """Sets `box.id` when it is 0."""
    row = _row(box)
    row[0] = box.id or None
    box.id = MailboxId(txn.execute(_INSERT, row).lastrowid)
    return box


def save(txn: Any, box: Box) -> None:
    row = _row(box)
    txn.execute(_UPDATE, (*row[1:], row[0]))


def save_counters(txn: Any, box: Box) -> None:
    """What messages change; name, place and identity are as they were."""
    txn.execute(
        "UPDATE mailbox SET uidnext = ?, reserved = ?, modseq = ?, recent = ?, keywords = ? WHERE id = ?",
        (box.uidnext, box.reserved, box.modseq, box.recent, ",".join(box.keywords), box.id),
    )


def remove(txn: Any, mailbox: int) -> None:
    txn.execute("DELETE FROM mailbox WHERE id = ?", (mailbox,))


def place_of(txn: Any, mailbox: int) -> tuple[str, str] | None:
    """(account's name, folder) of a mailbox; None when it is gone."""
    found: tuple[str, str] | None = txn.execute(
        "SELECT account.name, folder FROM mailbox JOIN account ON account.id = mailbox.account WHERE mailbox.id = ?",
        (mailbox,),
    ).fetchone()
    return found
