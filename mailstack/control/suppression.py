"""Addresses that are not tried: shown and removed."""

from collections.abc import Callable
from typing import Any

from mailstack.control.commands import Commands
from mailstack.relay.suppression import Suppressed

__all__ = ["suppression_commands"]


def suppression_commands(suppressed: Callable[[], Suppressed]) -> Commands:
    async def show() -> list[dict[str, Any]]:
        return [
            {
                "address": each.address,
                "since": each.since.isoformat(timespec="seconds"),
                "until": each.until.isoformat(timespec="seconds"),
                "reason": each.reason,
            }
            for each in suppressed().all()
        ]

    async def remove(address: str) -> bool:
        return await suppressed().remove(address)

    return {"suppression list": show, "suppression remove": remove}
