"""NOTIFY: what a client wants to be told of, and when.  RFC 5465"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.fetch import Item, items
from mailstack.imap.values import Command

__all__ = [
    "EVERYTHING",
    "OF_MESSAGES",
    "SUPPORTED",
    "Event",
    "Group",
    "Notify",
    "Notifying",
    "Source",
    "Wanted",
    "parse",
    "parse_source",
]


class Event(Enum):
    """Those that this server can tell of.  RFC 5465 §5"""

    MESSAGE_NEW = b"MessageNew"
    MESSAGE_EXPUNGE = b"MessageExpunge"
    FLAG_CHANGE = b"FlagChange"
    MAILBOX_NAME = b"MailboxName"
    SUBSCRIPTION_CHANGE = b"SubscriptionChange"
    MAILBOX_METADATA = b"MailboxMetadataChange"
    SERVER_METADATA = b"ServerMetadataChange"


SUPPORTED: Final = b" ".join(event.value for event in Event)
OF_MESSAGES: Final = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE})
_EVENTS: Final = {event.value.upper(): event for event in Event}
_UNNAMED: Final = frozenset({b"INBOXES", b"PERSONAL", b"SUBSCRIBED"})
_NAMED: Final = frozenset({b"SUBTREE", b"SUBTREE-ONE", b"MAILBOXES"})
_SELECTED: Final = frozenset({b"SELECTED", b"SELECTED-DELAYED"})
_GROUPS: Final = 50
_NAMES: Final = 1000


@dataclass(frozen=True, slots=True)
class Source:
    """filter-mailboxes: its selector, and the names that some have."""

    selector: bytes
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """event-group; `fetched`: what is told of new messages, None when only that they are there.

    `unknown`: events that this server does not have.
    """

    source: Source
    events: frozenset[Event]
    fetched: tuple[Item, ...] | None = None
    unknown: bool = False

    @property
    def selected(self) -> bool:
        return self.source.selector in _SELECTED

    @property
    def delayed(self) -> bool:
        """EXPUNGE waits for a command that may carry it.  RFC 5465 §6.1.2"""
        return self.source.selector == b"SELECTED-DELAYED"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is told of the selected mailbox: `at_once` without any command, `expunge_at_once` EXPUNGE too."""

    new: bool = True
    expunge: bool = True
    flags: bool = True
    fetched: tuple[Item, ...] | None = None
    at_once: bool = False
    expunge_at_once: bool = False

    @classmethod
    def of(cls, group: Group | None) -> "Wanted":
        """Without a group for it nothing is told.  RFC 5465 §3.1"""
        if group is None:
            return cls(new=False, expunge=False, flags=False)
        events = group.events
        return cls(
            Event.MESSAGE_NEW in events,
            Event.MESSAGE_EXPUNGE in events,
            Event.FLAG_CHANGE in events,
            group.fetched,
            at_once=bool(events),
            expunge_at_once=not group.delayed,
        )


EVERYTHING: Final = Wanted()  # until the first NOTIFY


@dataclass(frozen=True, slots=True)
class Notify(Command):
    """`groups` empty: NONE."""

    groups: tuple[Group, ...] = ()
    status: bool = False


class Notifying(Protocol):
    """What NOTIFY has begun, as the session needs it: `imap.server.commands.notify`."""

    selected: int | None
    own_names: frozenset[str]

    @property
    def overflows(self) -> bool: ...

    def flush(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


def parse(cur: Cursor) -> Notify:
    """notify = "NOTIFY" SP ("SET" [SP "STATUS"] SP event-group *(SP event-group) / "NONE")   RFC 5465 §8"""
    name = cur.word()
    if name == b"NONE":
        return Notify()
    if name != b"SET":
        raise ParseFault("NOTIFY is SET or NONE")
    cur.space()
    status = cur.took(b"STATUS ")
    groups = [_group(cur)]
    while cur.spaced():
        groups.append(_group(cur))
    if len(groups) > _GROUPS or sum(len(group.source.names) for group in groups) > _NAMES:
        raise ParseFault("too many event groups")
    if sum(group.selected for group in groups) > 1:
        raise ParseFault("one group is of the selected mailbox, not more")
    return Notify(tuple(groups), status)


def parse_source(cur: Cursor, *, selected: frozenset[bytes] = _SELECTED) -> Source:
    """filter-mailboxes = "selected" / "inboxes" / "personal" / "subscribed" / name one-or-more-mailbox   RFC 5465 §8"""
    selector = cur.word()
    if selector in _NAMED:
        cur.space()
        return Source(selector, cur.listed(Cursor.mailbox) if cur.peek() == b"(" else (cur.mailbox(),))
    if selector not in selected and selector not in _UNNAMED:
        raise ParseFault("unknown kind of mailboxes")
    return Source(selector)


def _group(cur: Cursor) -> Group:
    """event-group = "(" filter-mailboxes SP ("(" event *(SP event) ")" / "NONE") ")" """
    cur.take(b"(")
    source = parse_source(cur)
    cur.space()
    group = Group(source, frozenset())
    if not cur.took(b"NONE"):
        group = _events(cur, source)
    cur.take(b")")
    return group


def _events(cur: Cursor, source: Source) -> Group:
    fetched: tuple[Item, ...] | None = None
    events: set[Event] = set()
    unknown = False

    def event(cur: Cursor) -> None:
        nonlocal fetched, unknown
        name = cur.word()
        known = _EVENTS.get(name)
        unknown = unknown or known is None
        if known is not None:
            events.add(known)
        if known is Event.MESSAGE_NEW and cur.took(b" ("):
            cur.back(1)
            fetched = items(cur)

    cur.listed(event)
    _check(source, events, unknown=unknown, fetches=fetched is not None)
    return Group(source, frozenset(events), fetched, unknown)


def _check(source: Source, events: set[Event], *, unknown: bool, fetches: bool) -> None:
    """RFC 5465 §5, §6.1, §8"""
    if source.selector in _SELECTED and not unknown and not events <= OF_MESSAGES:
        raise ParseFault("of the selected mailbox there are only events of messages")
    if fetches and source.selector not in _SELECTED:
        raise ParseFault("only of the selected mailbox there is something to fetch")
    if (Event.MESSAGE_NEW in events) != (Event.MESSAGE_EXPUNGE in events):
        raise ParseFault("MessageNew and MessageExpunge go together")
    if Event.FLAG_CHANGE in events and Event.MESSAGE_NEW not in events:
        raise ParseFault("FlagChange goes with MessageNew and MessageExpunge")
