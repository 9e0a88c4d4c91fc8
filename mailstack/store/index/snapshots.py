"""An open mailbox's columns as one blob, as of a modseq: reading 100,000 messages then takes milliseconds."""

from typing import Any

__all__ = ["get", "put", "remove"]


def get(txn: Any, mailbox: int) -> tuple[int, bytes] | None:
    """(modseq, columns)."""
    found: tuple[int, bytes] | None = txn.execute(
        "SELECT modseq, columns FROM snapshot WHERE mailbox = ?", (mailbox,)
    ).fetchone()
    return found


def put(txn: Any, mailbox: int, modseq: int, columns: bytes) -> None:
    txn.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)", (mailbox, modseq, columns))


def remove(txn: Any, mailbox: int) -> None:
    txn.execute("DELETE FROM snapshot WHERE mailbox = ?", (mailbox,))
