"""Bans: what the command line may ask."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mailstack.accounts.bans import Ban
from mailstack.accounts.guard import Guard
from mailstack.control.commands import Commands

__all__ = ["ban_commands"]


def ban_commands(guard: Guard) -> Commands:
    async def show() -> list[dict[str, Any]]:
        return [_shown(ban) for ban in guard.bans()]

    async def add(network: str, reason: str, seconds: float) -> dict[str, Any]:
        return _shown(guard.ban(network, reason, seconds))

    async def lift(network: str) -> str:
        return guard.lift(network)

    return {"ban list": show, "ban add": add, "ban lift": lift}


def _shown(ban: Ban) -> dict[str, Any]:
    return {**asdict(ban), "since": _moment(ban.since), "until": _moment(ban.until)}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
