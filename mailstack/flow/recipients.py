"""RCPT: whom a message may be for."""

from collections.abc import Callable
from dataclasses import replace

from mailstack.accounts.api import Directory, Forward, Local, NotOurs, Resolution, Unknown
from mailstack.base.errors import Condition, MailError
from mailstack.flow.api import Arriving
from mailstack.queue.api import Recipient

__all__ = ["ExpectRoom", "add_recipient"]


ExpectRoom = Callable[[str, int], None]


def add_recipient(
    mail: Arriving, recipient: Recipient, directory: Directory, expect_room: ExpectRoom, *, relay: bool
) -> None:
    """Resolve and append; the same address twice counts once.  `relay`: addresses elsewhere may be named.

    `expect_room` is the store's.  MailError: RELAY_DENIED, NO_SUCH_USER, ACCOUNT_DISABLED, OVER_QUOTA, OVER_QUOTA_NOW.
    """
    recipient = _with_domain(recipient, directory)
    resolution = directory.resolve(recipient.address)
    if isinstance(resolution, NotOurs) and not relay:
        raise MailError(Condition.RELAY_DENIED, "Relaying denied: no mailbox of this server", detail=recipient.address)
    if isinstance(resolution, Unknown) or not _leads_somewhere(resolution, directory):
        raise MailError(Condition.NO_SUCH_USER, "No such mailbox here", detail=recipient.address)
    if isinstance(resolution, Local) and not _receives(resolution.account, directory):
        raise MailError(Condition.ACCOUNT_DISABLED, "This mailbox does not take mail", detail=recipient.address)
    _expect_room(resolution, directory, lambda account: expect_room(account, mail.declared_size))
    if recipient not in mail.recipients:
        mail.recipients.append(recipient)
        mail.resolutions.append(resolution)


def _receives(account: str, directory: Directory) -> bool:
    rights = directory.rights(account)
    return rights is not None and rights.may_receive


def _expect_room(resolution: Resolution, directory: Directory, expect_room: Callable[[str], None]) -> None:
    """Said at once, before the message is sent: of the mailbox, or when no member of an alias has room."""
    if isinstance(resolution, Local):
        expect_room(resolution.account)
    elif isinstance(resolution, Forward):
        full = None
        for target in resolution.targets:
            end = directory.resolve(target)
            if not isinstance(end, Local):
                return
            try:
                expect_room(end.account)
            except MailError as refused:
                full = refused
            else:
                return
        if full is not None:
            raise full


def _with_domain(recipient: Recipient, directory: Directory) -> Recipient:
    """`<postmaster>` alone is the postmaster of this server: RFC 5321 §4.5.1"""
    if "@" in recipient.address:
        return recipient
    domains = directory.own_domains()
    if not domains:
        raise MailError(Condition.NO_SUCH_USER, "No such mailbox here", detail="no domain is set up")
    return replace(recipient, address=f"{recipient.address}@{domains[0]}")


def _leads_somewhere(resolution: Resolution, directory: Directory) -> bool:
    """Whether an alias has at least one member that can get mail."""
    if not isinstance(resolution, Forward):
        return True
    return any(not isinstance(directory.resolve(target), Unknown) for target in resolution.targets)
