"""The best TLS that each domain has been seen with: a fall is told, for it may be an attack.  chasquid's idea.

Nothing is refused by it: a domain that moves to a worse host would get no mail any more, and
those who want to be protected have DANE and MTA-STS.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.relay.tlsresult import TlsLevel, TlsResult
from mailstack.store.api import Ledger

__all__ = ["SeenLevel", "TlsLevels", "seen_levels"]

_ADOPT_AFTER = 14 * 86400.0  # seconds: what has been lower for so long is how it is
_TOLD_AGAIN_AFTER = 86400.0


@dataclass(frozen=True, slots=True)
class SeenLevel:
    """`fell`: since when it has been lower than `best`, and how low; times in UNIX seconds."""

    domain: str
    best: TlsLevel
    since: float
    fell: float | None = None
    lower: TlsLevel | None = None


class TlsLevels:
    """A `Watch`.  `now` tells UNIX seconds; `later` runs a coroutine that nobody waits for."""

    def __init__(self, ledger: Ledger, now: Callable[[], float], later: Callable[[Any], object]) -> None:
        self._ledger, self._now, self._later = ledger, now, later
        self._seen: dict[str, SeenLevel] | None = None
        self._told: dict[str, float] = {}

    def __call__(self, result: TlsResult) -> None:
        if result.level is None or not result.domain:
            return
        known = self._known()
        before = known.get(result.domain)
        after = self._judged(before, result)
        if after != before:
            known[result.domain] = after
            self._later(self._keep(after))

    def _judged(self, before: SeenLevel | None, result: TlsResult) -> SeenLevel:
        now, level = self._now(), result.level
        assert level is not None
        if before is None or level > before.best:
            return SeenLevel(result.domain, level, now)
        if level == before.best:
            return SeenLevel(before.domain, before.best, before.since)
        if before.fell is not None and before.fell + _ADOPT_AFTER <= now:
            return SeenLevel(before.domain, level, now)
        self._tell(before, result)
        return SeenLevel(before.domain, before.best, before.since, before.fell or now, level)

    def _tell(self, before: SeenLevel, result: TlsResult) -> None:
        """Once a day."""
        if self._told.get(before.domain, float("-inf")) + _TOLD_AGAIN_AFTER > self._now():
            return
        self._told[before.domain] = self._now()
        assert result.level is not None
        where = f"{result.host} [{result.ip}]"
        log(Event.TLS_FELL, domain=before.domain, host=where, level=result.level.words, before=before.best.words)

    def _known(self) -> dict[str, SeenLevel]:
        if self._seen is None:
            self._seen = {each.domain: each for each in self._ledger.read(seen_levels)}
        return self._seen

    async def _keep(self, seen: SeenLevel) -> None:
        row = (seen.domain, int(seen.best), seen.since, seen.fell, None if seen.lower is None else int(seen.lower))

        def keep(connection: Any) -> None:
            make_table(connection)
            connection.execute("INSERT OR REPLACE INTO relay_tls_level VALUES (?, ?, ?, ?, ?)", row)

        with suppress(MailError):  # the disk is full; it is seen again
            await self._ledger.write(keep, syncs_files=False)


def make_table(connection: Any) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS relay_tls_level (domain TEXT PRIMARY KEY, best INTEGER NOT NULL,"
        " since REAL NOT NULL, fell REAL, lower INTEGER) WITHOUT ROWID"
    )


def seen_levels(connection: Any) -> list[SeenLevel]:
    """All that are kept; those that have fallen first."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'relay_tls_level'").fetchone():
        return []
    rows = connection.execute(
        "SELECT domain, best, since, fell, lower FROM relay_tls_level ORDER BY fell IS NULL, domain"
    )
    return [
        SeenLevel(domain, TlsLevel(best), since, fell, None if lower is None else TlsLevel(lower))
        for domain, best, since, fell, lower in rows
    ]
