"""A message on its way in, as values: what the SMTP server hands to `flow`, and what it gets back."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from mailstack.accounts.api import Principal, Resolution
from mailstack.base.engine import Peer
from mailstack.queue.api import NO_WISHES, Recipient, Wishes
from mailstack.store.values import Staged

__all__ = ["Accepted", "Arriving", "Flow"]


@dataclass(slots=True)
class Arriving:
    """One mail transaction: filled step by step as MAIL, RCPT and DATA are accepted.

    `mid` is the id that the message keeps from here to the last relay try.
    """

    mid: str
    peer: Peer
    cid: str
    helo: str
    protocol: str  # "ESMTPSA": RFC 3848, for Received
    principal: Principal | None
    reverse_path: str = ""  # "" is the null sender
    declared_size: int = 0
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    wishes: Wishes = NO_WISHES
    recipients: list[Recipient] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)  # beside `recipients`, one each
    replies_each: bool = False  # every recipient gets a reply of its own at the end: RFC 2033


@dataclass(frozen=True, slots=True)
class Accepted:
    """Responsibility taken: everything is durable.  `text` is for the 250."""

    mid: str
    text: str


class Flow(Protocol):
    """`flow.inbound` (port 25) and `flow.submission` (587, 465) both have this face.

    Each step raises MailError to refuse; a refused step leaves `mail` as it was.
    """

    def sender(self, mail: Arriving, reverse_path: str) -> Awaitable[None]: ...

    def recipient(self, mail: Arriving, recipient: Recipient) -> Awaitable[None]: ...

    def stage(self, mail: Arriving) -> Staged:
        """Where DATA goes; trace lines are already written."""

    def accept(self, mail: Arriving, staged: Staged) -> Awaitable[Accepted]:
        """The body is whole: decide, file, queue.  `staged.discard()` is the caller's, whatever happens."""
