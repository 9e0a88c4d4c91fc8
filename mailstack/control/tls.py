"""What is known of TLS with other servers: the best level of each domain, and what others report of ours."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mailstack.control.commands import Commands
from mailstack.relay.levels import SeenLevel, seen_levels
from mailstack.reports.tlscounts import received_reports

__all__ = ["tls_commands"]


def tls_commands(read: Callable[[Callable[[Any], Any]], Any]) -> Commands:
    """`read` runs a query over the store's database (`store.api.Ledger.read`)."""

    async def reports(limit: int = 100) -> list[dict[str, Any]]:
        return [asdict(each) for each in read(lambda db: received_reports(db, limit))]

    async def seen() -> list[dict[str, Any]]:
        return [_seen(each) for each in read(seen_levels)]

    return {"tls reports": reports, "tls seen": seen}


def _seen(level: SeenLevel) -> dict[str, Any]:
    return {
        "domain": level.domain,
        "best": level.best.name.lower(),
        "since": _moment(level.since),
        "fell": None if level.fell is None else _moment(level.fell),
        "now": (level.best if level.lower is None else level.lower).name.lower(),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
