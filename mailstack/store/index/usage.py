"""What each account keeps: messages, and their octets with CRLF.  Counted along with every change of `message`."""

from collections.abc import Iterable
from typing import Any

from mailstack.store.index.messages import Row
from mailstack.store.values import Usage

__all__ = ["add", "correct", "counted", "of", "take_off"]

_ADD = (
    "INSERT INTO usage VALUES (?, ?, ?) ON CONFLICT (account)"
    " DO UPDATE SET messages = messages + excluded.messages, octets = octets + excluded.octets"
)


def of(txn: Any, account: int) -> Usage:
    """As it was counted along."""
    found = txn.execute("SELECT messages, octets FROM usage WHERE account = ?", (account,)).fetchone()
    return Usage(*found) if found else Usage()


def add(txn: Any, account: int, rows: Iterable[Row]) -> None:
    sizes = [row.size for row in rows]
    txn.execute(_ADD, (account, len(sizes), sum(sizes)))


def take_off(txn: Any, account: int, messages: int, octets: int) -> None:
    txn.execute(_ADD, (account, -messages, -octets))


def counted(txn: Any, account: int) -> Usage:
    """Counted anew, over all rows: for checks."""
    found = txn.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM message"
        " WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
        (account,),
    ).fetchone()
    return Usage(*found)


def correct(txn: Any, account: int, usage: Usage) -> None:
    txn.execute("INSERT OR REPLACE INTO usage VALUES (?, ?, ?)", (account, usage.messages, usage.octets))
