"""An open mailbox in one session: the store's news into the view, the view's news into octets."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from mailstack.imap.context import LOOKED_AT_MOST, Context, at_once, matching
from mailstack.imap.fetch import Item
from mailstack.imap.notify import EVERYTHING, Wanted
from mailstack.imap.numset import STAR, compact
from mailstack.imap.responses import flag_list
from mailstack.imap.search_kept import Searched
from mailstack.imap.sections import Message, Section, Slice
from mailstack.imap.server.enabled import Enabled, head
from mailstack.imap.sort import sort
from mailstack.imap.view import News, View
from mailstack.message.downgrade import for_ascii
from mailstack.message.mime import Source
from mailstack.store.api import Columns, Content, Mailbox
from mailstack.store.values import SYSTEM_FLAGS, Arrived, Change, Expunged, FlagsChanged, MailboxInvalidated

__all__ = ["Selected", "with_flag"]

_SLICE = 500  # responses in one block of octets
_VANISHED = 1000  # UIDs in one VANISHED
_LONG_OCTETS = 256 * 1024  # a message that is often fetched in pieces
_PLACES = 64  # of sections in such messages that are remembered


Answers = Callable[[tuple[Item, ...], Sequence[int]], bytes]


class Selected:
    """Watches its mailbox from the beginning until `close`.

    `token` marks changes that this session made itself; `on_news` is called after each change.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        recent_from: int,
        *,
        read_only: bool,
        enabled: Enabled,
        token: object,
        on_news: Callable[[], None],
        wanted: Wanted = EVERYTHING,
        answers: Answers | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        self.view = View(mailbox.columns.uids, STAR if enabled.rev2 else recent_from)
        self.invalid: str | None = None  # why the mailbox is no more
        self._places: OrderedDict[tuple[int, Section], Slice] = OrderedDict()
        self._enabled = enabled
        self._token = token
        self._on_news = on_news
        self._keywords = len(mailbox.keywords)
        self._open = True
        self.wanted = wanted  # what NOTIFY has asked for
        self.answers = answers
        self.contexts: list[Context] = []  # searches that are told as they change
        self._touched: set[int] = set()  # UIDs that contexts have to look at again
        self._made_here: set[int] = set()  # UIDs that this session has brought
        self._now = now
        self._as_they_are: set[int] = set()  # UIDs of long messages with ASCII headers
        self._held_back = False  # the client was told a lower HIGHESTMODSEQ, because of EXPUNGEs that wait
        mailbox.watch(self._changed)

    def close(self) -> None:
        """No more news, nothing held.  May be called again."""
        if self._open:
            self._open = False
            self.mailbox.unwatch(self._changed)
            self.mailbox.release()

    def find(self, uid: int, section: Section, message: Message, size: int) -> Slice | None:
        """Where the section is; of a long message it is remembered, for it comes in pieces, a command each."""
        if size < _LONG_OCTETS:
            return message.find(section)
        known = self._places.get((uid, section))
        found = known or message.find(section)
        if found is not None and found.made is None:
            self._places[uid, section] = found
            self._places.move_to_end((uid, section))
            if len(self._places) > _PLACES:
                self._places.popitem(last=False)
        return found

    def shown(self, uid: int, content: Content) -> Source:
        """The message as this client may see it.  RFC 6855 §8

        That a long message is in no need of a surrogate is remembered, for it comes in pieces, a command each.
        """
        if self._enabled.utf8 or uid in self._as_they_are:
            return content
        shown = for_ascii(content)
        if shown is content and content.size >= _LONG_OCTETS:
            self._as_they_are.add(uid)
        return shown

    def changed_dialect(self) -> None:
        """The client has enabled what makes messages look another way."""
        self._places.clear()
        if self._enabled.rev2:
            self.view.forget_recent()

    def _changed(self, change: Change) -> None:
        match change:
            case Arrived():
                self.view.arrived(change.uids, self._claim(change.uids))
            case Expunged():
                self.view.expunged(change.uids, change.modseq)
            case FlagsChanged():
                if self.contexts:
                    self._touched.update(change.uids)
                if change.source is not self._token:
                    self.view.flags_changed(change.uids)
            case MailboxInvalidated():
                self.invalid = change.reason
            case _:
                return
        self._on_news()

    def _claim(self, uids: tuple[int, ...]) -> int:
        """From which UID on these are \\Recent here: the first session to be told has them.  RFC 3501 §2.3.2

        A session that only reads takes them from nobody, so it shows them without claiming.  IMAP4rev2 has none.
        """
        first = uids[0] if self.read_only else self.mailbox.claim_recent()
        return STAR if self._enabled.rev2 else first

    @property
    def has_news(self) -> bool:
        """Whether the client may have to be told something, now or later."""
        return bool(
            self.view.pending
            or self._touched
            or self._held_back
            or self.invalid is not None
            or len(self.mailbox.keywords) != self._keywords
        )

    def flush(self, *, expunge: bool, own: bool = False) -> Iterator[bytes]:
        """The pending news as whole responses, in blocks.  FLAGS comes first when there is a new keyword.

        All of it is made before the first block leaves: what happens meanwhile is later news, with greater modseqs.
        `own`: the command has removed messages, which it tells whatever NOTIFY says.
        """
        wanted = self.wanted
        expunge = expunge and (wanted.expunge or own)
        blocks = list(self._removals()) if expunge else []
        news = self.view.flush(expunge=expunge, arrivals=wanted.new, flags=wanted.flags)
        blocks += rendered(news, self.view, self.mailbox.columns, self._enabled) if news else ()
        blocks += self._updates(news)
        blocks += self._watermark()
        if len(self.mailbox.keywords) != self._keywords:
            self._keywords = len(self.mailbox.keywords)
            yield b"* FLAGS %b\r\n" % flag_list(self.known_flags)
        yield from filter(None, blocks)

    def made_here(self, mailbox: int, uids: Iterable[int]) -> None:
        """This session has brought them: it knows what they are.  RFC 5465 §5.2"""
        if self.answers is not None and mailbox == self.mailbox.folder.id:
            self._made_here.update(uids)

    def _removals(self) -> Iterator[bytes]:
        """Before EXPUNGE, while the numbers hold.  RFC 5267 §4.3.4"""
        if self.view.gone:
            yield from (context.removed(self.view.gone, self.view) for context in self.contexts)

    def _updates(self, news: News) -> Iterator[bytes]:
        """What contexts have won and lost by arrivals and flags, then what is to be fetched.  RFC 5465 §5.2"""
        fetched = dict.fromkeys(set(news.arrived) - self._made_here, self.wanted.fetched or ())
        self._made_here.clear()
        if self.contexts:
            self._touched.update(news.arrived)
            uids = sorted(self._touched)[:LOOKED_AT_MOST]
            self._touched.difference_update(uids)
            for context in self.contexts:
                yield from self._update(context, uids, fetched)
        for wanted in dict.fromkeys(fetched.values()):
            if wanted and self.answers is not None:
                yield self.answers(wanted, sorted(uid for uid, items in fetched.items() if items == wanted))

    def _update(self, context: Context, uids: Sequence[int], fetched: dict[int, tuple[Item, ...]]) -> Iterator[bytes]:
        assert self._now is not None
        mail = Searched(self.view, self.mailbox, now=self._now(), pause=_no_pause)
        found = at_once(matching(context.key, mail, uids))
        yield context.removed(set(uids) - found, self.view)
        if context.fetched:
            for uid in found & fetched.keys():
                fetched[uid] = tuple(dict.fromkeys((*fetched[uid], *context.fetched)))
        yield context.added(found, self.view, lambda members: self._in_order(context, mail, members))

    def _in_order(self, context: Context, mail: Searched, members: Sequence[int]) -> Sequence[int]:
        indices = [number - 1 for number in map(self.view.number, sorted(members)) if number]
        return [self.view.uids[index] for index in at_once(sort(context.by, mail, indices))]

    def _watermark(self) -> Iterator[bytes]:
        """Nobody may take a modseq for all there was while EXPUNGEs below it wait.  RFC 7162 §3.2, §6"""
        waiting = self.view.delayed is not None
        if self._enabled.condstore and (waiting or self._held_back):
            self._held_back = waiting
            yield b"* OK [HIGHESTMODSEQ %d] As far as you know\r\n" % self.highest_modseq

    @property
    def highest_modseq(self) -> int:
        """Up to here the client has been told everything, or will be before the command ends.  RFC 7162 §3.1.2.1"""
        return self.mailbox.highest_modseq if self.view.delayed is None else self.view.delayed - 1

    @property
    def known_flags(self) -> tuple[str, ...]:
        """What FLAGS lists.  RFC 9051 §7.3.5"""
        return (*SYSTEM_FLAGS, *self.mailbox.keywords)

    def flags(self, uid: int) -> tuple[str, ...]:
        """FLAGS as this session sees them.  KeyError when the message is gone."""
        flags = self.mailbox.columns.flags(uid)
        return (*flags, "\\Recent") if self.view.is_recent(uid) else flags


async def _no_pause() -> None:
    """What is made in one go gives nobody a turn."""


def rendered(news: News, view: View, columns: Columns, enabled: Enabled) -> Iterator[bytes]:
    """EXPUNGE or VANISHED, EXISTS, RECENT, FETCH: in this order."""
    if enabled.qresync or enabled.uidonly:
        lines = list(_vanished(news.vanished))
    else:
        lines = [b"* %d EXPUNGE\r\n" % number for number in news.expunged]
    if news.exists is not None:
        recent_line = b"" if enabled.rev2 else b"* %d RECENT\r\n" % (news.recent or 0)
        lines.append(b"* %d EXISTS\r\n%b" % (news.exists, recent_line))
    for number, uid in news.changed:
        try:
            flags = columns.flags(uid)
        except KeyError:
            continue  # gone meanwhile: EXPUNGE says the rest
        recent = ("\\Recent",) if view.is_recent(uid) else ()
        modseq = b" MODSEQ (%d)" % columns.modseq(uid) if enabled.condstore else b""
        lines.append(b"%bUID %d%b FLAGS %b)\r\n" % (head(enabled, number, uid), uid, modseq, flag_list(flags + recent)))
    for start in range(0, len(lines), _SLICE):
        yield b"".join(lines[start : start + _SLICE])


def _vanished(uids: Sequence[int]) -> Iterator[bytes]:
    """expunged-resp = "VANISHED" SP known-uids; lines that are not too long   RFC 7162 §7"""
    for start in range(0, len(uids), _VANISHED):
        yield b"* VANISHED %b\r\n" % compact(uids[start : start + _VANISHED])


def with_flag(columns: Columns, flag: str) -> list[int]:
    """UIDs of all messages that have `flag`."""
    uids = columns.uids
    return [uid for uid, flags in zip(uids, columns.flags_between(0, len(uids)), strict=True) if flag in flags]
