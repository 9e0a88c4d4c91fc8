"""Annotations of mailboxes, and of accounts as mailbox 0.  RFC 5464"""

from collections.abc import Mapping
from typing import Any

__all__ = ["all_of", "octets", "put", "remove_all", "replace"]


def all_of(txn: Any, account: int, mailbox: int) -> dict[str, bytes]:
    """name → value, sorted by name."""
    found = txn.execute(
        "SELECT name, value FROM annotation WHERE account = ? AND mailbox = ? ORDER BY name", (account, mailbox)
    )
    return dict(found.fetchall())


def octets(txn: Any, account: int) -> int:
    """Of all names and values that the account keeps, with what each row costs besides."""
    found = txn.execute("SELECT sum(length(name) + length(value) + 1024) FROM annotation WHERE account = ?", (account,))
    return int(found.fetchone()[0] or 0)


def put(txn: Any, account: int, mailbox: int, values: Mapping[str, bytes | None]) -> None:
    """None takes one away."""
    gone = [(account, mailbox, name) for name, value in values.items() if value is None]
    kept = [(account, mailbox, name, value) for name, value in values.items() if value is not None]
    txn.executemany("DELETE FROM annotation WHERE account = ? AND mailbox = ? AND name = ?", gone)
    txn.executemany("INSERT OR REPLACE INTO annotation VALUES (?, ?, ?, ?)", kept)


def remove_all(txn: Any, account: int, mailbox: int) -> None:
    txn.execute("DELETE FROM annotation WHERE account = ? AND mailbox = ?", (account, mailbox))


def replace(txn: Any, account: int, mailbox: int, values: Mapping[str, bytes]) -> None:
    """These, and no others."""
    remove_all(txn, account, mailbox)
    put(txn, account, mailbox, values)
