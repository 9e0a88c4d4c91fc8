"""Where the recipients of one message lead: which mailboxes here, which addresses elsewhere.  Pure"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mailstack.accounts.api import Directory, Forward, Local, NotOurs, Resolution
from mailstack.flow.receipts import for_members
from mailstack.queue.api import Recipient
from mailstack.store.values import INBOX

__all__ = ["Route", "find_route", "held_route"]


@dataclass(frozen=True, slots=True)
class Route:
    """`local`: (account, mailbox), one for each account.  `remote`: each address once."""

    local: tuple[tuple[str, str], ...]
    remote: tuple[Recipient, ...]


def find_route(
    recipients: Iterable[tuple[Recipient, Resolution]], directory: Directory, *, tag_is_folder: bool
) -> Route:
    """Aliases become their members; an account named twice gets one copy, in the mailbox that was named first."""
    local: dict[str, str] = {}
    remote: dict[str, Recipient] = {}
    for recipient, resolution in recipients:
        for member, end in _ends(recipient, resolution, directory):
            if isinstance(end, Local):
                local.setdefault(end.account, (tag_is_folder and end.detail) or INBOX)
            else:
                remote.setdefault(member.address, member)
    return Route(tuple(local.items()), tuple(remote.values()))


def held_route(recipients: Iterable[tuple[Recipient, Resolution]], directory: Directory) -> Route:
    """Of a message that is not to be seen yet: everybody by the queue, those here too."""
    members = (member for pair in recipients for member, _ in _ends(*pair, directory))
    return Route((), tuple({member.address: member for member in members}.values()))


def _ends(
    recipient: Recipient, resolution: Resolution, directory: Directory
) -> Iterator[tuple[Recipient, Local | NotOurs]]:
    """The recipient itself, or the members of an alias; a member that is nobody's is left out."""
    if isinstance(resolution, (Local, NotOurs)):
        yield recipient, resolution
    elif isinstance(resolution, Forward):
        if len(resolution.targets) > 1:
            recipient = replace(recipient, notify=for_members(recipient.notify))
        for target in resolution.targets:
            end = directory.resolve(target)
            if isinstance(end, (Local, NotOurs)):  # never Forward: targets are expanded already
                yield replace(recipient, address=target), end
