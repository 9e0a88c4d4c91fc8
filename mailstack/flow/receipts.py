"""Which recipients end here, so that a sender who asked for it (NOTIFY=SUCCESS) is told so now.  RFC 3461 §5.2

A single-member alias is silent and passes the wish on; an alias of several is
told as "expanded" and its members are not (RFC 3461 §5.2.7.2, §5.2.7.3): nobody learns
who stands behind it.
"""

from collections.abc import Iterable

from mailstack.accounts.api import Directory, Forward, Local, Resolution
from mailstack.message.dsn import Success
from mailstack.queue.api import Recipient

__all__ = ["for_members", "receipts"]


def receipts(recipients: Iterable[tuple[Recipient, Resolution]], directory: Directory) -> list[Success]:
    return [
        Success(recipient, action)
        for recipient, resolution in recipients
        if "SUCCESS" in recipient.notify and (action := _action(resolution, directory)) is not None
    ]


def _action(resolution: Resolution, directory: Directory) -> str | None:
    if isinstance(resolution, Forward):
        if len(resolution.targets) > 1:
            return "expanded"
        resolution = directory.resolve(resolution.targets[0])
    return "delivered" if isinstance(resolution, Local) else None


def for_members(notify: frozenset[str]) -> frozenset[str]:
    """What an alias of several passes on to its members."""
    if "SUCCESS" not in notify:
        return notify
    return notify - {"SUCCESS"} or frozenset({"NEVER"})
