"""The queue's two tables, one row a message and one a recipient.  Sync functions over a connection.

Times are UNIX seconds (REAL).  The rows live in the store's database, in the
transactions of its ledger; every function may run again after a rollback.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mailstack.queue.api import Envelope, Recipient, RemoteReply, Tls, Wishes
from mailstack.queue.pick import Due

__all__ = ["MIGRATIONS", "REPLY", "Job", "Row", "Waits", "end_if_empty", "reply_of"]

# each entry is applied once, in order, and never edited after a release
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE queue_message (
            id TEXT PRIMARY KEY, reverse_path TEXT NOT NULL, size INTEGER NOT NULL, arrived REAL NOT NULL,
            account TEXT NOT NULL, body TEXT NOT NULL, smtputf8 INTEGER NOT NULL,
            ret TEXT NOT NULL, envid TEXT NOT NULL, client TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE queue_recipient (
            id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, address TEXT NOT NULL, domain TEXT NOT NULL,
            orcpt TEXT NOT NULL, notify TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL,
            delay_told INTEGER NOT NULL DEFAULT 0, host TEXT, code INTEGER, status TEXT, text TEXT, command TEXT
        )""",
        "CREATE INDEX queue_recipient_message ON queue_recipient (message_id)",
    ),
    (
        # `queue.api.Wishes`; the priority stands beside each recipient, so that picking needs no join
        "ALTER TABLE queue_message ADD COLUMN tls TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE queue_message ADD COLUMN hold_until REAL",
        "ALTER TABLE queue_message ADD COLUMN hold TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE queue_message ADD COLUMN deliver_by REAL",
        "ALTER TABLE queue_message ADD COLUMN by_mode TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE queue_message ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE queue_recipient ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
    ),
    (
        "ALTER TABLE queue_recipient ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX queue_recipient_due ON queue_recipient (next_try) WHERE held = 0",
        "CREATE INDEX queue_recipient_domain ON queue_recipient (domain, held, next_try)",
        """CREATE TABLE queue_try (
            recipient INTEGER NOT NULL, tried REAL NOT NULL, host TEXT NOT NULL, code INTEGER NOT NULL,
            status TEXT NOT NULL, text TEXT NOT NULL, command TEXT NOT NULL, PRIMARY KEY (recipient, tried)
        ) WITHOUT ROWID""",
    ),
)

REPLY = "host, code, status, text, command"


class Row(NamedTuple):
    """One waiting recipient: `tries` are those that have ended."""

    id: int
    recipient: Recipient
    tries: int
    last_reply: RemoteReply | None
    delay_told: bool = False  # its sender has had a notice of delay


@dataclass(frozen=True, slots=True)
class Job:
    """What a courier needs for one parcel, and what is recorded afterwards."""

    envelope: Envelope
    rows: tuple[Row, ...]


class Waits(NamedTuple):
    """A recipient that goes on waiting."""

    row: int
    tries: int
    next_try: float
    reply: RemoteReply


def migrate(connection: Any) -> None:
    """Bring the tables up to this version of the code."""
    connection.execute("CREATE TABLE IF NOT EXISTS queue_schema (version INTEGER NOT NULL)")
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM queue_schema").fetchone()
    if version > len(MIGRATIONS):
        raise RuntimeError(f"the queue was written by a newer mailstack (schema {version}, here {len(MIGRATIONS)})")
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute("INSERT INTO queue_schema VALUES (?)", (number,))


def insert(connection: Any, envelope: Envelope, now: float) -> list[Due]:
    """A new message, every recipient due at once, or when its sender lets it go."""
    wishes = envelope.wishes
    connection.execute(
        "INSERT INTO queue_message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            envelope.id,
            envelope.reverse_path,
            envelope.size,
            envelope.arrived.timestamp(),
            envelope.account,
            envelope.body,
            int(envelope.smtputf8),
            envelope.ret,
            envelope.envid,
            envelope.client,
            wishes.tls.value,
            _seconds(wishes.hold_until),
            wishes.hold,
            _seconds(wishes.deliver_by),
            wishes.by_mode,
            wishes.priority,
        ),
    )
    at = max(now, _seconds(wishes.hold_until) or now)
    return [_insert_recipient(connection, envelope, recipient, at) for recipient in envelope.recipients]


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _insert_recipient(connection: Any, envelope: Envelope, recipient: Recipient, at: float) -> Due:
    priority = envelope.wishes.priority
    cursor = connection.execute(
        "INSERT INTO queue_recipient (message_id, address, domain, orcpt, notify, next_try, priority)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            envelope.id,
            recipient.address,
            recipient.domain.lower(),
            recipient.orcpt,
            " ".join(sorted(recipient.notify)),
            at,
            priority,
        ),
    )
    return Due(cursor.lastrowid, envelope.id, recipient.domain, at, priority)


_DUE = "SELECT id, message_id, domain, next_try, priority FROM queue_recipient"


def due_after(connection: Any, front: tuple[float, int], until: float, at_most: int) -> list[Due]:
    """Rows behind (next try, row) that are due by `until`, the longest due first."""
    same = connection.execute(
        f"{_DUE} WHERE held = 0 AND next_try = ? AND id > ? ORDER BY id LIMIT ?", (*front, at_most)
    ).fetchall()  # (next_try, id) > (?, ?) would go over all that are due at the same moment, each time anew
    later = connection.execute(
        f"{_DUE} WHERE held = 0 AND next_try > ? AND next_try <= ? ORDER BY next_try, id LIMIT ?",
        (front[0], until, at_most - len(same)),
    )
    return [Due(*row) for row in (*same, *later)]


def due_of_domain(connection: Any, domain: str, until: float, at_most: int) -> list[Due]:
    found = connection.execute(
        f"{_DUE} WHERE domain = ? AND held = 0 AND next_try <= ? ORDER BY next_try, id LIMIT ?",
        (domain.lower(), until, at_most),
    )
    return [Due(*row) for row in found]


def first_after(connection: Any, moment: float) -> float | None:
    """When the next row is due that is not by then."""
    found: tuple[float | None] = connection.execute(
        "SELECT min(next_try) FROM queue_recipient WHERE held = 0 AND next_try > ?", (moment,)
    ).fetchone()
    return found[0]


def size(connection: Any) -> tuple[int, int]:
    """Recipients and messages."""
    [recipients] = connection.execute("SELECT count(*) FROM queue_recipient").fetchone()
    [messages] = connection.execute("SELECT count(*) FROM queue_message").fetchone()
    return recipients, messages


def states(connection: Any) -> tuple[int, int, int]:
    """Recipients that are held, those that are not, and messages: by indexes alone, whatever their number."""
    [free] = connection.execute("SELECT count(*) FROM queue_recipient WHERE held = 0").fetchone()
    recipients, messages = size(connection)
    return recipients - free, free, messages


def known(connection: Any, message_ids: Sequence[str]) -> set[str]:
    """Those of them that have rows."""
    marks = ",".join("?" * len(message_ids))
    found = connection.execute(f"SELECT id FROM queue_message WHERE id IN ({marks})", message_ids)  # noqa: S608
    return {row[0] for row in found}


def message_ids(connection: Any, after: str, at_most: int) -> list[str]:
    """In their order."""
    found = connection.execute("SELECT id FROM queue_message WHERE id > ? ORDER BY id LIMIT ?", (after, at_most))
    return [row[0] for row in found]


def make_due(connection: Any, message_ids: Iterable[str], now: float) -> None:
    connection.executemany(
        "UPDATE queue_recipient SET next_try = ? WHERE message_id = ?", [(now, each) for each in message_ids]
    )


def load(connection: Any, message_id: str, rows: Sequence[int]) -> Job | None:
    """The envelope with just these recipients; None when they are gone."""
    message = connection.execute("SELECT * FROM queue_message WHERE id = ?", (message_id,)).fetchone()
    if message is None:
        return None
    marks = ",".join("?" * len(rows))
    found = connection.execute(
        f"SELECT id, address, orcpt, notify, tries, delay_told, {REPLY} FROM queue_recipient"  # noqa: S608  only names and marks
        f" WHERE message_id = ? AND id IN ({marks}) ORDER BY id",
        (message_id, *rows),
    )
    waiting = tuple(_row(row) for row in found)
    return Job(_envelope(message, tuple(row.recipient for row in waiting)), waiting) if waiting else None


def _row(found: Sequence[Any]) -> Row:
    row, address, orcpt, notify, tries, delay_told, *reply = found
    return Row(row, Recipient(address, orcpt, frozenset(notify.split())), tries, reply_of(reply), bool(delay_told))


def reply_of(columns: Sequence[Any]) -> RemoteReply | None:
    return None if columns[0] is None else RemoteReply(*columns)


def _envelope(row: Sequence[Any], recipients: tuple[Recipient, ...]) -> Envelope:
    message_id, reverse_path, size, arrived, account, body, smtputf8, ret, envid, client, *wishes = row
    return Envelope(
        id=message_id,
        reverse_path=reverse_path,
        recipients=recipients,
        size=size,
        arrived=datetime.fromtimestamp(arrived, UTC),
        account=account,
        body=body,
        smtputf8=bool(smtputf8),
        ret=ret,
        envid=envid,
        client=client,
        wishes=_wishes(*wishes),
    )


def _wishes(
    tls: str, hold_until: float | None, hold: str, deliver_by: float | None, by_mode: str, priority: int
) -> Wishes:
    return Wishes(Tls(tls), priority, _moment(hold_until), hold, _moment(deliver_by), by_mode)


def record(connection: Any, message_id: str, gone: Iterable[int], waiting: Iterable[Waits], now: float) -> bool:
    """What became of some recipients; whether that was the end of the message."""
    gone, waiting = list(gone), list(waiting)
    connection.executemany("DELETE FROM queue_recipient WHERE id = ?", [(row,) for row in gone])
    connection.executemany("DELETE FROM queue_try WHERE recipient = ?", [(row,) for row in gone])
    connection.executemany(
        "UPDATE queue_recipient SET tries = ?, next_try = ?, host = ?, code = ?, status = ?, text = ?, command = ?"
        " WHERE id = ?",
        [(w.tries, w.next_try, *_columns(w.reply), w.row) for w in waiting],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO queue_try VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(w.row, now, *_columns(w.reply)) for w in waiting],
    )
    return end_if_empty(connection, message_id)


def _columns(reply: RemoteReply) -> tuple[object, ...]:
    return reply.host, reply.code, reply.status, reply.text, reply.command


def end_if_empty(connection: Any, message_id: str) -> bool:
    left = connection.execute("SELECT 1 FROM queue_recipient WHERE message_id = ? LIMIT 1", (message_id,)).fetchone()
    if left is None:
        connection.execute("DELETE FROM queue_message WHERE id = ?", (message_id,))
    return left is None


def note_delay_told(connection: Any, rows: Iterable[int]) -> None:
    connection.executemany("UPDATE queue_recipient SET delay_told = 1 WHERE id = ?", [(row,) for row in rows])
