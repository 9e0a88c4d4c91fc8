"""Subscribed names, existing or not.  RFC 9051 §6.3.7"""

from typing import Any

__all__ = ["all_of", "insert", "remove"]


def all_of(txn: Any, account: int) -> list[str]:
    found = txn.execute("SELECT name FROM subscription WHERE account = ? ORDER BY name", (account,))
    return [name for (name,) in found]


def insert(txn: Any, account: int, name: str) -> bool:
    """Whether it was not there."""
    return bool(txn.execute("INSERT OR IGNORE INTO subscription VALUES (?, ?)", (account, name)).rowcount)


def remove(txn: Any, account: int, name: str) -> bool:
    """Whether it was there."""
    return bool(txn.execute("DELETE FROM subscription WHERE account = ? AND name = ?", (account, name)).rowcount)
