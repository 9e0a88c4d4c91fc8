"""A full mailbox harms nobody else: the others get the message, its sender hears of the one who did not.

Who is full is said at RCPT, with the size that the sender has declared, and to LMTP for
each recipient.  So it comes to a report only for a sender that had not told the size, or
when the last room went while the message came.
"""

from collections.abc import Iterator, Mapping

from mailstack.accounts.api import Directory, Forward, Local
from mailstack.base.errors import Condition, MailError
from mailstack.flow.api import Arriving
from mailstack.flow.local import deliver_here
from mailstack.flow.route import Route
from mailstack.queue.api import Recipient, RemoteReply
from mailstack.queue.bounce import Undelivered
from mailstack.store.api import MailStore
from mailstack.store.values import Staged

__all__ = ["Full", "deliver_to_those_with_room", "undelivered"]

Full = Mapping[str, MailError]  # account → how it was refused
_OVER = frozenset({Condition.OVER_QUOTA, Condition.OVER_QUOTA_NOW})


async def deliver_to_those_with_room(store: MailStore, mail: Arriving, staged: Staged, route: Route) -> Full:
    """All at once; when one is full, each by itself.

    MailError when nobody gets the message, or when each recipient can be answered by itself.
    """
    try:
        await deliver_here(store, mail.mid, staged, route.local)
    except MailError as error:
        can_say_so = mail.replies_each and len(mail.recipients) > 1
        if error.condition not in _OVER or can_say_so or len(route.local) + len(route.remote) == 1:
            raise
    else:
        return {}
    full: dict[str, MailError] = {}
    for box in route.local:
        try:
            await deliver_here(store, mail.mid, staged, [box])
        except MailError as error:
            if error.condition not in _OVER:
                raise
            full[box[0]] = error
    if len(full) == len(route.local) and not route.remote:
        raise next(iter(full.values()))
    return full


def undelivered(mail: Arriving, full: Full, directory: Directory, hostname: str) -> list[Undelivered]:
    """For the report: RFC 3463 §3.3, X.2.2"""
    return [
        Undelivered(recipient, RemoteReply(hostname, 552, "5.2.2", error.public))
        for account, error in full.items()
        for recipient in _recipients_of(mail, account, directory)
    ]


def _recipients_of(mail: Arriving, account: str, directory: Directory) -> Iterator[Recipient]:
    """Under the name by which the sender knows it."""
    for recipient, resolution in zip(mail.recipients, mail.resolutions, strict=True):
        if isinstance(resolution, Local):
            named = resolution.account == account
        elif isinstance(resolution, Forward):
            ends = map(directory.resolve, resolution.targets)
            named = any(isinstance(end, Local) and end.account == account for end in ends)
        else:
            named = False
        if named:
            yield recipient
            return
