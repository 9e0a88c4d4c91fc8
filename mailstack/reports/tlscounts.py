"""What became of TLS, counted by day, domain and result; and what others have reported to us.  Tables of the store."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from mailstack.base.errors import MailError
from mailstack.relay.tlsresult import TlsResult, spelled_policy
from mailstack.reports.tlsrpt import Count, Received
from mailstack.store.api import Ledger

__all__ = ["TlsCounts", "received_reports"]

_PENDING_MAX = 20_000  # kinds of results within a minute
_RECEIVED_MAX = 10_000  # reports; the oldest go


class _Key(NamedTuple):
    day: str
    domain: str
    policy: str
    host: str
    ip: str
    failure: str
    reason: str


class TlsCounts:
    """A `relay.tlsresult.Watch`.  `now` tells UNIX seconds."""

    def __init__(self, ledger: Ledger, now: Callable[[], float]) -> None:
        self._ledger, self._now = ledger, now
        self._pending: Counter[_Key] = Counter()

    def __call__(self, result: TlsResult) -> None:
        if not result.domain or len(self._pending) >= _PENDING_MAX:
            return
        policy = json.dumps(spelled_policy(result.policy))
        if result.policy is None and result.failure.startswith("sts-"):
            policy = json.dumps(("sts", (), ()))
        day = self.today.isoformat()
        self._pending[
            _Key(day, result.domain, policy, result.host, result.ip, result.failure, result.reason[:200])
        ] += 1

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self._now(), UTC).date()

    async def flush(self) -> None:
        """What is pending becomes durable, or stays pending."""
        if not self._pending:
            return
        pending, self._pending = self._pending, Counter()
        try:
            await self._ledger.write(lambda db: _add(db, pending), syncs_files=False)
        except MailError:
            self._pending.update(pending)

    def waiting(self) -> list[tuple[date, str]]:
        """Days before today and their domains, the oldest first."""
        return self._ledger.read(lambda db: _waiting(db, self.today.isoformat()))

    def of(self, day: date, domain: str) -> Sequence[Count]:
        return self._ledger.read(lambda db: _of(db, day.isoformat(), domain))

    async def forget(self, day: date, domain: str) -> None:
        """The report has been sent, or nobody wants it."""
        with suppress(MailError):  # then it is sent twice
            await self._ledger.write(lambda db: _forget(db, day.isoformat(), domain), syncs_files=False)

    async def keep_received(self, received: Sequence[Received]) -> None:
        """MailError."""
        await self._ledger.write(lambda db: _keep(db, received, self._now()), syncs_files=False)


def make_tables(connection: Any) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS tls_count (day TEXT NOT NULL, domain TEXT NOT NULL, policy TEXT NOT NULL,"
        " host TEXT NOT NULL, ip TEXT NOT NULL, failure TEXT NOT NULL, reason TEXT NOT NULL, sessions INTEGER NOT NULL,"
        " PRIMARY KEY (day, domain, policy, host, ip, failure, reason)) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS tls_received (id INTEGER PRIMARY KEY, received REAL NOT NULL,"
        " organization TEXT NOT NULL, report_id TEXT NOT NULL, domain TEXT NOT NULL, begins TEXT NOT NULL,"
        " ends TEXT NOT NULL, successes INTEGER NOT NULL, failures TEXT NOT NULL,"
        " UNIQUE (organization, report_id, domain))"
    )


def _made(connection: Any) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'tls_received'").fetchone() is not None


def _add(connection: Any, pending: Counter[_Key]) -> None:
    make_tables(connection)
    connection.executemany(
        "INSERT INTO tls_count VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions",
        [(*key, count) for key, count in pending.items()],
    )


def _waiting(connection: Any, today: str) -> list[tuple[date, str]]:
    if not _made(connection):
        return []
    found = connection.execute("SELECT DISTINCT day, domain FROM tls_count WHERE day < ? ORDER BY day", (today,))
    return [(date.fromisoformat(day), domain) for day, domain in found]


def _of(connection: Any, day: str, domain: str) -> list[Count]:
    found = connection.execute(
        "SELECT policy, host, ip, failure, reason, sessions FROM tls_count WHERE day = ? AND domain = ?", (day, domain)
    )
    return [Count(_policy(policy), *rest) for policy, *rest in found]


def _policy(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    kind, strings, mx = json.loads(text)
    return kind, tuple(strings), tuple(mx)


def _forget(connection: Any, day: str, domain: str) -> None:
    connection.execute("DELETE FROM tls_count WHERE day = ? AND domain = ?", (day, domain))


def _keep(connection: Any, received: Sequence[Received], now: float) -> None:
    make_tables(connection)
    connection.executemany(
        "INSERT OR IGNORE INTO tls_received"
        " (received, organization, report_id, domain, begins, ends, successes, failures)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (now, r.organization, r.report_id, r.domain, r.begins, r.ends, r.successes, json.dumps(dict(r.failures)))
            for r in received
        ],
    )
    connection.execute("DELETE FROM tls_received WHERE id <= (SELECT max(id) FROM tls_received) - ?", (_RECEIVED_MAX,))


def received_reports(connection: Any, limit: int) -> list[Received]:
    """The newest first."""
    if not _made(connection):
        return []
    found = connection.execute(
        "SELECT organization, report_id, domain, begins, ends, successes, failures FROM tls_received"
        " ORDER BY id DESC LIMIT ?",
        (limit,),
    )
    return [
        Received(organization, report_id, domain, begins, ends, successes, json.loads(failures))
        for organization, report_id, domain, begins, ends, successes, failures in found
    ]
