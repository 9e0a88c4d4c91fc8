"""Whole numbers of the store."""

from typing import Any

__all__ = ["BOOT", "CLEAN", "UIDVALIDITY", "UIDVALIDITY_BELOW", "get", "put", "raise_to"]

UIDVALIDITY = "uidvalidity"  # the highest that was given
CLEAN = "clean"  # 1: the store was stopped with nothing left to do; 0: it is running, or has crashed
BOOT = "boot"  # a number of the system's start in which the store was opened last
UIDVALIDITY_BELOW = "uidvalidity-below"  # the store's text file says: values below it may have been given


def get(txn: Any, name: str) -> int | None:
    """None: it has never been raised, the index is new."""
    found = txn.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
    return None if found is None else int(found[0])


def put(txn: Any, name: str, value: int) -> None:
    txn.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (name, value))


def raise_to(txn: Any, name: str, value: int) -> None:
    """To this value, unless it is there or above."""
    txn.execute(
        "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        (name, value),
    )
