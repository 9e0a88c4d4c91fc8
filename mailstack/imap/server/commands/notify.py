"""NOTIFY: what happens in other mailboxes, as STATUS, LIST and METADATA, and when the selected one is told.  RFC 5465

Changes gather by mailbox and are told as the mailbox is then: a hundred deliveries to a mailbox while a command
runs are one STATUS.  What the client has done itself to names is not told.  RFC 5465 §5
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from mailstack.base.errors import MailError
from mailstack.imap.metadata import changed
from mailstack.imap.notify import OF_MESSAGES, SUPPORTED, Event, Group, Notify, Wanted, parse
from mailstack.imap.responses import Done, Raw, mailbox
from mailstack.imap.server.commands.esearch import is_below, is_of
from mailstack.imap.server.commands.fetch import answers
from mailstack.imap.server.commands.list import Names
from mailstack.imap.server.enabled import Enabled
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Sink, State
from mailstack.store.api import MailAccount
from mailstack.store.values import (
    SEPARATOR,
    Annotated,
    Arrived,
    Change,
    Expunged,
    FlagsChanged,
    Folder,
    FolderCreated,
    FolderDeleted,
    FolderRenamed,
    FolderSubscribed,
    Status,
)

__all__ = ["ROWS"]

_MOST: Final = 10_000  # mailboxes and names with news that waits: then NOTIFICATIONOVERFLOW


class Notified:
    """From NOTIFY SET until the next NOTIFY.  `on_news` is called when something can be told."""

    def __init__(
        self,
        groups: tuple[Group, ...],
        account: MailAccount,
        enabled: Enabled,
        token: object,
        on_news: Callable[[], None],
    ) -> None:
        self.wanted = Wanted.of(next((group for group in groups if group.selected), None))
        self.selected: int | None = None  # the mailbox whose messages are the view's business
        self.own_names: frozenset[str] = frozenset()  # that the command in progress works on
        self._groups = tuple(group for group in groups if not group.selected)
        self._account = account
        self._enabled = enabled
        self._token = token
        self._on_news = on_news
        self._touched: dict[int, set[Event]] = {}
        self._named: dict[str, str] = {}  # names that have changed: what each was called before, or ""
        self._annotated: dict[int, set[str]] = {}  # by mailbox, 0 for the account's own
        account.watch(self._changed)
        account.watch_messages(self._changed)

    def close(self) -> None:
        self._account.unwatch(self._changed)
        self._account.unwatch_messages(self._changed)

    @property
    def overflows(self) -> bool:
        return len(self._touched) + len(self._named) + sum(map(len, self._annotated.values())) > _MOST

    # --- what the store tells ---

    def _changed(self, change: Change) -> None:
        match change:
            case Arrived(mailbox):
                self._touch(mailbox, Event.MESSAGE_NEW)
            case Expunged(mailbox):
                self._touch(mailbox, Event.MESSAGE_EXPUNGE)
            case FlagsChanged(mailbox, uids) if uids:
                self._touch(mailbox, Event.FLAG_CHANGE)
            case FolderCreated(_, folder) | FolderDeleted(_, folder):
                self._name(Event.MAILBOX_NAME, folder.name)
                self._name(Event.MAILBOX_NAME, folder.name.rpartition(SEPARATOR)[0])
            case FolderRenamed(_, old_name, folder):
                if not self._went_along(old_name, folder.name):
                    self._name(Event.MAILBOX_NAME, folder.name, old_name)
                if any(is_below(old_name, other.name) for other in self._account.folders()):
                    return  # those go along in a moment: until then nobody can say what has children
            case FolderSubscribed(_, name):
                self._name(Event.SUBSCRIPTION_CHANGE, name)
            case Annotated(_, annotated, entries, source) if source is not self._token:
                self._annotate(annotated, entries)
            case _:
                return
        self._on_news()

    def _went_along(self, old_name: str, new_name: str) -> bool:
        """Whether a mailbox above it was renamed, and this one with it: that is not told.  RFC 5465 §5.4"""
        return any(
            old and old_name.startswith(old + SEPARATOR) and new_name == new + old_name.removeprefix(old)
            for new, old in self._named.items()
        )

    def _touch(self, mailbox: int, event: Event) -> None:
        if mailbox != self.selected:
            self._touched.setdefault(mailbox, set()).add(event)

    def _name(self, event: Event, name: str, old_name: str = "") -> None:
        if not name or name in self.own_names or old_name in self.own_names - {""}:
            return
        folder = self._folder(name)
        if event in self._wanted_of(folder) or (old_name and event in self._wanted_of(self._folder(old_name))):
            self._named[name] = self._named.get(name) or old_name

    def _annotate(self, folder: Folder | None, entries: tuple[str, ...]) -> None:
        """RFC 5465 §5.6, §5.7"""
        if folder is None:
            wanted = any(Event.SERVER_METADATA in group.events for group in self._groups)
        else:
            wanted = Event.MAILBOX_METADATA in self._wanted_of(self._folder(folder.name))
        if wanted:
            self._annotated.setdefault(folder.id if folder else 0, set()).update(entries)

    def _folder(self, name: str) -> Folder:
        """It may be gone: then a folder of that name, for the filters."""
        try:
            return self._account.folder(name)
        except MailError:
            return Folder(0, name, 0)  # type: ignore[arg-type]

    def _wanted_of(self, folder: Folder) -> set[Event]:
        """The events that any of the groups wants of it.  RFC 5465 §6"""
        return {event for group in self._groups if is_of(group.source, folder) for event in group.events}

    # --- telling ---

    def flush(self) -> Iterator[bytes]:
        """All news as whole responses: names first, so that no STATUS comes before its LIST."""
        if not (self._touched or self._named or self._annotated):
            return
        named, self._named = self._named, {}
        touched, self._touched = self._touched, {}
        annotated, self._annotated = self._annotated, {}
        utf8 = self._enabled.utf8
        if named:
            names = Names.of(self._account)
            for name, old_name in named.items():
                yield names.entry(name).encode(utf8=utf8, old_name=old_name)
        if 0 in annotated:
            yield changed(None, sorted(annotated[0]), utf8=utf8)
        for folder in self._account.folders():
            if folder.id in annotated:
                yield changed(folder.name, sorted(annotated[folder.id]), utf8=utf8)
            events = touched.get(folder.id, set()) & self._wanted_of(folder)
            if events and folder.id != self.selected:
                yield self._status(folder, events, first=False)

    def first_status(self) -> Iterator[bytes]:
        """NOTIFY SET STATUS: of all mailboxes whose messages are watched.  RFC 5465 §3.1"""
        for folder in self._account.folders():
            events = self._wanted_of(folder) & OF_MESSAGES
            if events and folder.id != self.selected:
                yield self._status(folder, events, first=True)

    def _status(self, folder: Folder, events: set[Event], *, first: bool) -> bytes:
        """b"" when the mailbox is gone just now.  RFC 5465 §5.1, §5.2, §5.3"""
        try:
            status = self._account.known_status(folder.name)
        except MailError:
            return b""
        items = list(_items(status, events, first=first, condstore=self._enabled.condstore))
        name = mailbox(folder.name, utf8=self._enabled.utf8)
        return b"* STATUS %b (%b)\r\n" % (name, b" ".join(b"%b %d" % pair for pair in items))


def _items(status: Status, events: set[Event], *, first: bool, condstore: bool) -> Iterator[tuple[bytes, int]]:
    if events & {Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE}:
        yield b"MESSAGES", status.messages
        yield b"UIDNEXT", status.uidnext
    if first or Event.FLAG_CHANGE in events:
        yield b"UIDVALIDITY", status.uidvalidity
    if Event.FLAG_CHANGE in events:
        yield b"UNSEEN", status.unseen
    if condstore:
        yield b"HIGHESTMODSEQ", status.highest_modseq


async def handle(cmd: Notify, session: Session, out: Sink) -> Done:
    """What waits is told first, as NOOP would; then the new list holds in place of the old one.  RFC 5465 §3.1"""
    if any(group.unknown for group in cmd.groups):
        return Done.no("Not all of these events are known", b"BADEVENT (%b)" % SUPPORTED)
    if session.selected is not None:
        await session.mailbox.refresh()
    await session.tell_all()
    if not cmd.groups:
        session.notify(None, Wanted.of(None))
        return Done("NOTIFY completed")
    notified = Notified(cmd.groups, session.account, session.enabled, session.token, session.news_arrived)
    session.notify(notified, notified.wanted, partial(answers, session))
    if cmd.status:
        for line in notified.first_status():
            await out(Raw(line))
    return Done("NOTIFY completed")


ROWS = (Row(b"NOTIFY", parse, handle, State.LOGGED_IN, capability=b"NOTIFY"),)
