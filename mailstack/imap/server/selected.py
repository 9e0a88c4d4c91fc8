"""An open mailbox in one session: the store's news into the view, the view's news into octets."""

from collections.abc import Callable, Iterator

from mailstack.imap.responses import flag_list
from mailstack.imap.view import News, View
from mailstack.store.api import (
    SYSTEM_FLAGS,
    Arrived,
    Change,
    Columns,
    Expunged,
    FlagsChanged,
    Mailbox,
    MailboxInvalidated,
)

__all__ = ["Selected", "with_flag"]

_SLICE = 500  # responses in one block of octets


class Selected:
    """Watches its mailbox from the beginning until `close`.

    `token` marks changes that this session made itself; `on_news` is called after each change.
    """

    def __init__(
        self, mailbox: Mailbox, recent_from: int, *, read_only: bool, token: object, on_news: Callable[[], None]
    ) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        self.view = View(mailbox.columns.uids, recent_from)
        self.invalid: str | None = None  # why the mailbox is no more
        self._token = token
        self._on_news = on_news
        self._keywords = len(mailbox.keywords)
        self._open = True
        mailbox.watch(self._changed)

    def close(self) -> None:
        """No more news, nothing held.  May be called again."""
        if self._open:
            self._open = False
            self.mailbox.unwatch(self._changed)
            self.mailbox.release()

    def _changed(self, change: Change) -> None:
        match change:
            case Arrived():
                self.view.arrived(change.uids, self._claim(change.uids))
            case Expunged():
                self.view.expunged(change.uids)
            case FlagsChanged() if change.source is not self._token:
                self.view.flags_changed(change.uids)
            case MailboxInvalidated():
                self.invalid = change.reason
            case _:
                return
        self._on_news()

    def _claim(self, uids: tuple[int, ...]) -> int:
        """From which UID on these are \\Recent here: the first session to be told has them.  RFC 3501 §2.3.2

        A session that only reads takes them from nobody, so it shows them without claiming.
        """
        return uids[0] if self.read_only else self.mailbox.claim_recent()

    def flush(self, *, expunge: bool) -> Iterator[bytes]:
        """The pending news as whole responses, in blocks.  FLAGS comes first when there is a new keyword."""
        if len(self.mailbox.keywords) != self._keywords:
            self._keywords = len(self.mailbox.keywords)
            yield b"* FLAGS %b\r\n" % flag_list(self.known_flags)
        yield from rendered(self.view.flush(expunge=expunge), self.view, self.mailbox.columns)

    @property
    def known_flags(self) -> tuple[str, ...]:
        """What FLAGS lists.  RFC 9051 §7.3.5"""
        return (*SYSTEM_FLAGS, *self.mailbox.keywords)

    def flags(self, uid: int) -> tuple[str, ...]:
        """FLAGS as this session sees them.  KeyError when the message is gone."""
        flags = self.mailbox.columns.flags(uid)
        return (*flags, "\\Recent") if self.view.is_recent(uid) else flags


def rendered(news: News, view: View, columns: Columns) -> Iterator[bytes]:
    """EXPUNGE, EXISTS, RECENT, FETCH: in this order."""
    lines = [b"* %d EXPUNGE\r\n" % number for number in news.expunged]
    if news.exists is not None:
        lines.append(b"* %d EXISTS\r\n* %d RECENT\r\n" % (news.exists, news.recent or 0))
    for number, uid in news.changed:
        try:
            flags = columns.flags(uid)
        except KeyError:
            continue  # gone meanwhile: EXPUNGE says the rest
        recent = ("\\Recent",) if view.is_recent(uid) else ()
        lines.append(b"* %d FETCH (UID %d FLAGS %b)\r\n" % (number, uid, flag_list(flags + recent)))
    for start in range(0, len(lines), _SLICE):
        yield b"".join(lines[start : start + _SLICE])


def with_flag(columns: Columns, flag: str) -> list[int]:
    """UIDs of all messages that have `flag`."""
    flags = columns.flags
    return [uid for uid in tuple(columns.uids) if flag in flags(uid)]
