"""Delivery into the mailboxes here."""

from collections.abc import Sequence

from mailstack.base.events import Event, log
from mailstack.store.api import Content, MailStore
from mailstack.store.values import Staged

__all__ = ["deliver_here", "with_lines_on_top"]

_COPY_OCTETS = 1 << 18


async def deliver_here(
    store: MailStore, mid: str, staged: Staged, boxes: Sequence[tuple[str, str]], *, keeps_to_quotas: bool = True
) -> None:
    """File one message for (account, mailbox) pairs: all or nothing, durable at the end.  MailError, OSError"""
    for account, mailbox, uid in await store.deliver(staged, boxes, keeps_to_quotas=keeps_to_quotas):
        log(Event.MAIL_STORED, mid=mid, account=account, mailbox=mailbox, uid=uid)


def with_lines_on_top(store: MailStore, lines: bytes, staged: Staged | Content) -> Staged:
    """A second staged message: `lines`, then all of `staged`.  The caller discards it."""
    copy = store.stage()
    try:
        if lines:
            copy.write(lines)
        for offset in range(0, staged.size, _COPY_OCTETS):
            copy.write(staged.read(offset, min(_COPY_OCTETS, staged.size - offset)))
        copy.finish()
    except BaseException:
        copy.discard()
        raise
    return copy
