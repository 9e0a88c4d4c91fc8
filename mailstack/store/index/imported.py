"""Keys of messages that were brought in from elsewhere, so that none comes twice (store.transfer)."""

from typing import Any

__all__ = ["add", "forget", "keys"]


def add(txn: Any, account: int, folder: str, key: int) -> bool:
    """Whether it is new."""
    query = "INSERT OR IGNORE INTO imported VALUES (?, ?, ?)"
    return bool(txn.execute(query, (account, folder, key)).rowcount)


def keys(txn: Any, account: int, folder: str) -> list[int]:
    """Ascending."""
    found = txn.execute("SELECT key FROM imported WHERE account = ? AND folder = ? ORDER BY key", (account, folder))
    return [key for (key,) in found]


def forget(txn: Any, account: int) -> None:
    txn.execute("DELETE FROM imported WHERE account = ?", (account,))
