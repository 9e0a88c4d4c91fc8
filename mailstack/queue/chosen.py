"""Rows of the queue that an operator has chosen: shown, held, made due, removed.  Sync functions over a connection.

Everything works in pages of the table, by row number: nobody waits for a million rows at once,
neither the reactor nor those who share the commit.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mailstack.queue.api import Choice, QueuedRecipient, QueueState, Try
from mailstack.queue.table import REPLY, end_if_empty, reply_of

__all__ = ["PAGE", "Page", "hold", "make_due", "page", "release", "remove", "tries"]

PAGE = 10_000  # rows that are looked at at a time
SHOWN = 1_000  # rows of a page that are shown

_ROWS = f"""
    SELECT r.id, m.id, m.reverse_path, r.address, r.domain, m.arrived, m.size, r.tries, r.next_try, r.held,
        {", ".join("r." + name for name in REPLY.split(", "))}
    FROM (SELECT * FROM queue_recipient WHERE {{scan}} ORDER BY id LIMIT {PAGE}) r
    JOIN queue_message m ON m.id = r.message_id WHERE {{chosen}} ORDER BY r.id LIMIT ?
"""  # noqa: S608  only names


class Page(NamedTuple):
    """`after`: where the next page begins; None: this was the last."""

    rows: list[tuple[int, QueuedRecipient]]
    after: int | None


def page(connection: Any, choice: Choice, after: int, shown: int, running: Callable[[int], bool], now: float) -> Page:
    """Up to `shown` chosen rows behind the row `after`, in the order of their arrival."""
    scan, bound = _scan(choice)
    chosen, more = _chosen(choice, now)
    found = connection.execute(
        _ROWS.format(scan=f"id > ? AND {scan}", chosen=chosen), (after, *bound, *more, shown)
    ).fetchall()
    rows = [(row[0], _queued(row[1:], running=running(row[0]))) for row in found]
    kept = [each for each in rows if choice.state is None or each[1].state is choice.state]
    if len(found) == shown:
        return Page(kept, rows[-1][0])
    last = connection.execute(
        f"SELECT max(id), count(*) FROM (SELECT id FROM queue_recipient WHERE id > ? AND {scan} ORDER BY id LIMIT {PAGE})",  # noqa: S608,E501
        (after, *bound),
    ).fetchone()
    return Page(kept, last[0] if last[1] == PAGE else None)


def _scan(choice: Choice) -> tuple[str, list[object]]:
    """What an index can tell: the pages are pages of that."""
    which = choice.which
    if which and "@" not in which:
        if _is_domain(which):
            return "domain = ?", [which.lower()]
        return "message_id = ?", [which]
    if which:
        return "domain = ?", [which.rpartition("@")[2].lower()]
    if choice.domain and "*" not in choice.domain:
        return "domain = ?", [choice.domain.lower()]
    return "1", []


def _is_domain(which: str) -> bool:
    """Message ids have no dot, and domains that mail goes to have one."""
    return "." in which


def _chosen(choice: Choice, now: float) -> tuple[str, list[object]]:
    terms: list[str] = ["1"]
    bound: list[object] = []
    for column, pattern in (
        ("r.address", choice.which if "@" in choice.which else ""),
        ("r.domain", choice.domain),
        ("r.address", choice.recipient),
        ("m.reverse_path", _sender(choice.sender)),
    ):
        if pattern:
            terms.append(f"lower({column}) GLOB lower(?)")
            bound.append(pattern.replace("[", "[[]").replace("?", "[?]"))
    if choice.sender == "<>":
        terms.append("m.reverse_path = ''")
    if choice.older_than:
        terms.append("m.arrived <= ?")
        bound.append(now - choice.older_than.total_seconds())
    if choice.reason:
        terms.append("instr(lower(r.host || ' ' || r.code || ' ' || r.status || ' ' || r.text), lower(?)) > 0")
        bound.append(choice.reason)
    return " AND ".join(terms), bound


def _sender(sender: str) -> str:
    """A domain stands for all its senders."""
    return "" if sender == "<>" else f"*@{sender}" if sender and "@" not in sender else sender


def _queued(found: Sequence[Any], *, running: bool) -> QueuedRecipient:
    message_id, reverse_path, address, _domain, arrived, size, tries_, next_try, held, *reply = found
    state = QueueState.SENDING if running else QueueState.HELD if held else QueueState.of(tries_)
    return QueuedRecipient(
        message_id=message_id,
        reverse_path=reverse_path,
        address=address,
        arrived=datetime.fromtimestamp(arrived, UTC),
        size=size,
        tries=tries_,
        next_try=None if running or held else datetime.fromtimestamp(next_try, UTC),
        state=state,
        last_reply=reply_of(reply),
    )


def tries(connection: Any, row: int) -> tuple[Try, ...]:
    """What each try that did not succeed has heard, the first one first."""
    found = connection.execute(
        f"SELECT tried, {REPLY} FROM queue_try WHERE recipient = ? ORDER BY tried",  # noqa: S608  only names
        (row,),
    )
    return tuple(Try(datetime.fromtimestamp(tried, UTC), reply) for tried, *r in found if (reply := reply_of(r)))


def make_due(connection: Any, rows: Sequence[int], now: float) -> None:
    """Due now; what was held is held no more."""
    connection.executemany("UPDATE queue_recipient SET next_try = ?, held = 0 WHERE id = ?", [(now, r) for r in rows])


def hold(connection: Any, rows: Sequence[int]) -> None:
    connection.executemany("UPDATE queue_recipient SET held = 1 WHERE id = ?", [(row,) for row in rows])


def release(connection: Any, rows: Sequence[int]) -> None:
    connection.executemany("UPDATE queue_recipient SET held = 0 WHERE id = ?", [(row,) for row in rows])


def remove(connection: Any, rows: Sequence[int], messages: Sequence[str]) -> list[str]:
    """The ids of messages that have ended by it; `messages`: those that the rows belong to."""
    connection.executemany("DELETE FROM queue_recipient WHERE id = ?", [(row,) for row in rows])
    connection.executemany("DELETE FROM queue_try WHERE recipient = ?", [(row,) for row in rows])
    return [message for message in dict.fromkeys(messages) if end_if_empty(connection, message)]
