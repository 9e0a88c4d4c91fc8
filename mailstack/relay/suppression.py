"""Addresses that do not exist, by their own servers' word: not tried for a time, where the operator wants it so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.queue.api import Courier, Envelope, Failed, Outcome, Recipient, RemoteReply
from mailstack.store.api import Content, Ledger

__all__ = ["Suppressed", "SuppressedAddress", "SuppressingCourier", "says_nobody"]

# RFC 3463 §3.2: bad mailbox, bad system, bad syntax, moved away; §3.3: disabled
_NOBODY = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    address: str
    since: datetime
    until: datetime
    reason: str


def says_nobody(outcome: Outcome) -> bool:
    """Whether a server that answers for the address says that it is nobody's; not: that it does not like the mail."""
    if not isinstance(outcome, Failed):
        return False
    reply = outcome.reply
    return 500 <= reply.code < 600 and reply.command.startswith("RCPT") and reply.status in _NOBODY


class Suppressed:
    """The list, in the store's database.  `now` tells UNIX seconds; `hold` of no time at all: nothing is added."""

    def __init__(self, ledger: Ledger, now: Callable[[], float], hold: timedelta) -> None:
        self._ledger, self._now, self._hold = ledger, now, hold.total_seconds()

    @property
    def active(self) -> bool:
        return self._hold > 0

    def all(self) -> list[SuppressedAddress]:
        """Those that hold now, in the order of their addresses."""
        now = self._now()
        return self._ledger.read(lambda db: _select(db, "until > ? ORDER BY address", (now,)))

    def of(self, address: str) -> SuppressedAddress | None:
        now = self._now()
        found = self._ledger.read(lambda db: _select(db, "address = ? AND until > ?", (address.lower(), now)))
        return found[0] if found else None

    async def add(self, address: str, reason: str) -> None:
        """MailError."""
        now = self._now()
        row = (address.lower(), now, now + self._hold, reason[:500])
        await self._ledger.write(lambda db: _insert(db, row, now), syncs_files=False)

    async def remove(self, address: str) -> bool:
        """Whether it was there.  MailError."""
        return await self._ledger.write(lambda db: _delete(db, address.lower()), syncs_files=False)


class SuppressingCourier:
    """Fails what is suppressed, hands on the rest, and learns from what becomes of it."""

    def __init__(self, suppressed: Suppressed, inner: Courier) -> None:
        self._suppressed, self._inner = suppressed, inner

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Mapping[Recipient, Outcome]:
        if not self._suppressed.active:
            return await self._inner.deliver(envelope, recipients, content)
        outcomes: dict[Recipient, Outcome] = {}
        for recipient in recipients:
            if (known := self._suppressed.of(recipient.address)) is not None:
                outcomes[recipient] = Failed(_not_tried(known))
        left = [recipient for recipient in recipients if recipient not in outcomes]
        if left:
            tried = await self._inner.deliver(envelope, left, content)
            await self._learn(envelope.id, tried)
            outcomes.update(tried)
        return outcomes

    async def _learn(self, mid: str, tried: Mapping[Recipient, Outcome]) -> None:
        for recipient, outcome in tried.items():
            if isinstance(outcome, Failed) and says_nobody(outcome):
                reply = outcome.reply
                reason = f"{reply.host} said {reply.code} {reply.status} {reply.text}"
                try:
                    await self._suppressed.add(recipient.address, reason)
                except MailError:
                    continue  # the disk is full; it is learnt again
                log(Event.ADDRESS_SUPPRESSED, mid=mid, recipient=recipient.address, text=reason)


def _not_tried(known: SuppressedAddress) -> RemoteReply:
    text = (
        f"not tried: on {known.since:%Y-%m-%d} {known.reason}; mail to the address is tried again from "
        f"{known.until:%Y-%m-%d} on"
    )
    return RemoteReply("", 0, "5.1.1", text)


def _there(db: Any) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'relay_suppressed'").fetchone() is not None


def _select(db: Any, where: str, bound: Sequence[object]) -> list[SuppressedAddress]:
    if not _there(db):
        return []
    found = db.execute(f"SELECT address, since, until, reason FROM relay_suppressed WHERE {where}", bound)  # noqa: S608
    return [
        SuppressedAddress(address, datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC), reason)
        for address, since, until, reason in found
    ]


def _insert(db: Any, row: Sequence[object], now: float) -> None:
    db.execute(
        "CREATE TABLE IF NOT EXISTS relay_suppressed (address TEXT PRIMARY KEY, since REAL NOT NULL,"
        " until REAL NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID"
    )
    db.execute("INSERT OR REPLACE INTO relay_suppressed VALUES (?, ?, ?, ?)", row)
    db.execute("DELETE FROM relay_suppressed WHERE until <= ?", (now,))


def _delete(db: Any, address: str) -> bool:
    return _there(db) and db.execute("DELETE FROM relay_suppressed WHERE address = ?", (address,)).rowcount > 0
