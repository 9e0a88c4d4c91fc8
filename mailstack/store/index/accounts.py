"""Which accounts have mail here."""

from typing import Any

__all__ = ["find", "insert", "names"]


def find(txn: Any, name: str) -> int | None:
    found = txn.execute("SELECT id FROM account WHERE name = ?", (name,)).fetchone()
    return None if found is None else int(found[0])


def insert(txn: Any, name: str) -> int:
    return int(txn.execute("INSERT INTO account (name) VALUES (?)", (name,)).lastrowid)


def names(txn: Any) -> list[str]:
    return [name for (name,) in txn.execute("SELECT name FROM account ORDER BY name")]
