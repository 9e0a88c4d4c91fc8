"""What a committed job means for memory: handed from the writer's thread to the reactor's, applied in commit order.

An effect carries more than the `Change` that sessions see: the rows with which the
columns of an open mailbox are brought up to date.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailstack.base.events import Event
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.values import Annotated, Arrived, Change, Expunged, FlagsChanged, Folder

__all__ = [
    "AccountRead",
    "Added",
    "Annotated",
    "Created",
    "Deleted",
    "Effect",
    "Noted",
    "Reflagged",
    "Remade",
    "Removed",
    "Renamed",
    "Subscribed",
    "as_change",
]


@dataclass(frozen=True, slots=True)
class Added:
    box: Box
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Reflagged:
    """Also when only keywords of the mailbox changed; then `flags` is empty.  `flags` are (uid, bits)."""

    box: Box
    flags: Sequence[tuple[int, int]]
    modseq: int
    source: object | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    box: Box
    uids: tuple[int, ...]
    modseq: int


@dataclass(frozen=True, slots=True)
class Created:
    account: str
    folder: Folder


@dataclass(frozen=True, slots=True)
class Deleted:
    account: str
    folder: Folder


@dataclass(frozen=True, slots=True)
class Renamed:
    account: str
    old_name: str
    folder: Folder
    path: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    account: str
    name: str
    subscribed: bool


@dataclass(frozen=True, slots=True)
class AccountRead:
    """All there is of an account's folders: no effect, but how its object in memory begins.

    `stamp` is the mtime (ns) of the account's folder just before it was read.
    """

    id: int
    account: str
    stamp: int
    folders: Sequence[Folder]
    subscriptions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Remade:
    """All rows of the mailbox are new ones."""

    mailbox: int


@dataclass(frozen=True, slots=True)
class Noted:
    """For the log, which belongs to the reactor's thread."""

    event: Event
    fields: dict[str, Any]


def as_change(effect: Added | Reflagged | Removed) -> Change:
    """What those hear who watch the whole account."""
    mailbox = effect.box.id
    if isinstance(effect, Added):
        return Arrived(mailbox, tuple(row.uid for row in effect.rows))
    if isinstance(effect, Removed):
        return Expunged(mailbox, effect.uids, effect.modseq)
    return FlagsChanged(mailbox, tuple(uid for uid, _ in effect.flags), effect.modseq, effect.source)


Effect = Added | Reflagged | Removed | Created | Deleted | Renamed | Subscribed | Annotated | Noted | Remade
