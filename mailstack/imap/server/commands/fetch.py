"""FETCH: what messages are and hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.imap.binary import UnknownEncodingFault
from mailstack.imap.context import at_once
from mailstack.imap.cursor import Cursor
from mailstack.imap.fetch import Attribute, BinarySize, Item, Piece, items
from mailstack.imap.numset import NumSet
from mailstack.imap.responses import Done, Raw, Response, date_time, flag_list, literal
from mailstack.imap.search_return import Partial, parse_partial
from mailstack.imap.sections import Message, Section, Slice
from mailstack.imap.server import resync
from mailstack.imap.server.columned import Columned, plan_of
from mailstack.imap.server.enabled import head
from mailstack.imap.server.flag_lines import tell_flags
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State
from mailstack.message.mime import Source
from mailstack.store.api import Content
from mailstack.store.values import FlagMode

__all__ = ["ROWS", "answers", "gone_answer"]

_MESSAGES: Final = 250  # in one slice of answers
_SEEN_MESSAGES: Final = 100  # that become \Seen in one change of the store
_OPENED_MESSAGES: Final = 32  # looked into before others have their turn
_POLLED: Final = {Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ}
_FROM_COLUMNS: Final = {*_POLLED, Attribute.INTERNALDATE, Attribute.SIZE}
_WRITE_OCTETS: Final = 64 * 1024  # gathered before they are written; larger literals are streamed
_STREAM_OCTETS: Final = 256 * 1024  # of a literal at once


@dataclass(frozen=True, slots=True)
class Fetch(Command):
    which: NumSet
    items: tuple[Item, ...]
    changed_since: int | None = None
    vanished: bool = False
    partial: Partial | None = None


def parse(cur: Cursor) -> Fetch:
    """fetch = "FETCH" SP sequence-set SP (macro / fetch-att / "(" fetch-att *(SP fetch-att) ")") [fetch-modifiers]

    RFC 3501 §9, RFC 4466 §6.  The UID form always answers UID, CHANGEDSINCE always MODSEQ (RFC 7162 §3.1.4.1).
    """
    which = cur.numset()
    cur.space()
    wanted = items(cur)
    if cur.by_uid and Attribute.UID not in wanted:
        wanted = (Attribute.UID, *wanted)
    modifiers: dict[bytes, Any] = dict(cur.listed(_modifier)) if cur.spaced() else {}
    partial = modifiers.pop(b"PARTIAL", None)
    if partial and not cur.by_uid:
        raise ParseFault("PARTIAL goes with UID FETCH")
    vanished = b"VANISHED" in modifiers
    if vanished and not (cur.by_uid and b"CHANGEDSINCE" in modifiers):
        raise ParseFault("VANISHED goes with UID FETCH and CHANGEDSINCE")
    if modifiers and Attribute.MODSEQ not in wanted:
        wanted = (*wanted, Attribute.MODSEQ)
    return Fetch(which, wanted, modifiers.get(b"CHANGEDSINCE"), vanished, partial)


def _modifier(cur: Cursor) -> tuple[bytes, int | Partial]:
    """fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value / "VANISHED" / modifier-partial   RFC 7162 §7, RFC 9394 §4

    quirk: CHANGEDSINCE 0 (iOS) is before everything.
    """
    name = cur.word()
    if name == b"VANISHED":
        return name, 0
    if name not in {b"CHANGEDSINCE", b"PARTIAL"}:
        raise ParseFault("unknown FETCH modifier")
    cur.space()
    if name == b"PARTIAL":
        return name, parse_partial(cur)
    return name, cur.number64()


async def handle(cmd: Fetch, session: Session, out: Sink) -> Done:
    """Answers in slices, each waiting for room; one answer a message.  RFC 3501 §6.4.5

    VANISHED (EARLIER) comes before all FETCH: RFC 7162 §3.2.6.
    """
    spans = session.view.spans(cmd.which)
    if cmd.partial is not None:
        spans = cmd.partial.of_spans(spans)
    if cmd.vanished and not session.enabled.qresync:
        return Done.bad("VANISHED needs ENABLE QRESYNC")
    if Attribute.MODSEQ in cmd.items:
        await session.know_modseqs(out)
    if cmd.changed_since is not None:
        if cmd.vanished:
            gone = resync.expunged(session.mailbox, session.view, cmd.which, cmd.changed_since)
            await out(Raw(b"".join(resync.vanished_earlier(gone))))
        spans = resync.changed(session.mailbox, session.view, spans, cmd.changed_since)
    if set(cmd.items) <= _POLLED and Attribute.FLAGS in cmd.items:
        missed = await _flags_only(cmd, session, out, spans)
    else:
        answering = _Answering(session, cmd.items, out)
        try:
            for start, stop in spans:
                await answering.span(start, stop)
        except UnknownEncodingFault:
            return Done.no("The part's transfer encoding is not known", b"UNKNOWN-CTE")
        finally:
            await answering.flush()
        missed = answering.missed
    return gone_answer() if missed and not cmd.which.by_uid else Done("FETCH completed")


def gone_answer() -> Done:
    """Some messages of the set are gone, which the client has yet to be told.  RFC 2180 §4.1.3, RFC 5530 §3"""
    return Done.no("Some of the messages are gone", b"EXPUNGEISSUED")


async def _flags_only(cmd: Fetch, session: Session, out: Sink, spans: list[tuple[int, int]]) -> bool:
    """Whether messages were missing."""
    with_uid, with_modseq = Attribute.UID in cmd.items, Attribute.MODSEQ in cmd.items
    return await tell_flags(session, out, spans, with_uid=with_uid, with_modseq=with_modseq)


# --- everything else: one message after the other ---

Field = bytes | tuple[bytes, Slice]  # ready octets; or a label, and octets that are streamed behind it


class _Message:
    """One message being answered: its content is opened when an item needs it."""

    def __init__(self, session: Session, uid: int) -> None:
        self._session = session
        self._mailbox = session.mailbox
        self._content: Content | None = None
        self._shown: Source | None = None
        self._message: Message | None = None
        self.uid = uid

    @property
    def content(self) -> Content:
        if self._content is None:
            self._content = self._mailbox.content(self.uid)
        return self._content

    @property
    def shown(self) -> Source:
        if self._shown is None:
            assert self._session.selected is not None
            self._shown = self._session.selected.shown(self.uid, self.content)
        return self._shown

    @property
    def sections(self) -> Message:
        if self._message is None:
            self._message = Message(self.shown)
        return self._message

    def find(self, section: Section) -> Slice | None:
        selected = self._session.selected
        assert selected is not None
        return selected.find(self.uid, section, self.sections, self.shown.size)

    def close(self) -> None:
        if self._content is not None:
            self._content.close()


class _Answering:
    """One FETCH: makes the answers, gathers small ones, streams large literals."""

    def __init__(self, session: Session, wanted: tuple[Item, ...], out: Sink) -> None:
        self._session = session
        self._columns = session.mailbox.columns
        self._items = wanted
        plan = plan_of(wanted, utf8=session.enabled.utf8)
        self._kinds = plan.kinds
        self._columned = Columned.of(session, wanted, plan)
        self._out = out
        self._sets_seen = plan.sets_seen and not session.read_only
        self._opens = not _FROM_COLUMNS.issuperset(wanted)
        self._gathered: list[bytes] = []
        self._octets = 0
        self.missed = False

    async def span(self, start: int, stop: int) -> None:
        """The messages at these indices of the view."""
        columned = self._columned
        step = columned.step if columned is not None else _SEEN_MESSAGES if self._sets_seen else _MESSAGES
        for first in range(start, stop, step):
            if await self._by_columns(first, min(first + step, stop)):
                continue
            uids = self._session.view.uids[first : min(first + step, stop)]
            seen = await self._see(uids) if self._sets_seen else frozenset()
            for number, uid in enumerate(uids, first + 1):
                await self.answer(number, uid, also_flags=uid in seen)
                if self._opens and number % _OPENED_MESSAGES == 0:
                    await self._session.pause()

    async def _by_columns(self, start: int, stop: int) -> bool:
        """Whether these messages could be answered all at once."""
        if self._columned is None or (self._sets_seen and not self._all_seen(start, stop)):
            return False
        block = await self._columned.block(start, stop)
        if block is None:
            return False
        self._gather(block)
        if self._octets >= _WRITE_OCTETS:
            await self.flush()
        return True

    def _all_seen(self, start: int, stop: int) -> bool:
        uids = self._session.view.uids[start:stop]
        return all(self._columns.position(uid) is not None and self._is_seen(uid) for uid in uids)

    async def _see(self, uids: Sequence[int]) -> frozenset[int]:
        """Set \\Seen where it is not; which messages have got it.

        A store that cannot write (full disk) does not keep anybody from reading.
        """
        unseen = [uid for uid in uids if self._columns.position(uid) is not None and not self._is_seen(uid)]
        if not unseen:
            return frozenset()
        mailbox, token = self._session.mailbox, self._session.token
        try:
            return frozenset(await mailbox.set_flags(unseen, FlagMode.ADD, ("\\Seen",), source=token))
        except MailError:
            return frozenset()

    def _is_seen(self, uid: int) -> bool:
        return "\\Seen" in self._columns.flags(uid)

    async def answer(self, number: int, uid: int, *, also_flags: bool) -> None:
        """One message's answer; nothing at all of a message that is gone.

        Every field is found before the first octet leaves, so that no answer breaks off.
        """
        message = _Message(self._session, uid)
        try:
            fields = self._fields(message, also_flags=also_flags)
            if fields is None:
                self.missed = True
                return
            if also_flags or Attribute.FLAGS in self._items:
                self._session.view.told((uid,))
            await self._write(head(self._session.enabled, number, uid), fields, message)
        finally:
            message.close()

    def _fields(self, message: _Message, *, also_flags: bool) -> list[Field] | None:
        """None when the message is gone, from the columns or from the disk."""
        if self._columns.position(message.uid) is None:
            return None
        wanted = tuple(dict.fromkeys((*self._items, *self._news))) if also_flags else self._items
        try:
            return [self._field(item, message) for item in wanted]
        except MailError as failure:
            if failure.condition is Condition.NO_SUCH_MESSAGE:
                return None
            raise

    @property
    def _news(self) -> tuple[Item, ...]:
        """What a client is told of a message that has become \\Seen.  RFC 7162 §3.2.4, RFC 9051 §7.5.2"""
        enabled = self._session.enabled
        if enabled.condstore:
            return Attribute.UID, Attribute.MODSEQ, Attribute.FLAGS
        return (Attribute.UID, Attribute.FLAGS) if enabled.rev2 else (Attribute.FLAGS,)

    def _field(self, item: Item, message: _Message) -> Field:
        """MailError(NO_SUCH_MESSAGE) when the file is gone."""
        uid = message.uid
        kind = self._kinds.get(item)
        if kind is not None:
            return kind.label + self._session.mailbox.kept(kind.name, uid, kind.make)
        match item:
            case Piece():
                return _piece(item, message)
            case BinarySize():
                return _binary_size(item, message)
            case Attribute.UID:
                return b"UID %d" % uid
            case Attribute.FLAGS:
                return b"FLAGS " + flag_list(self._flags(uid))
            case Attribute.INTERNALDATE:
                return b'INTERNALDATE "%b"' % date_time(self._columns.internal_date(uid))
            case Attribute.SIZE:
                return b"RFC822.SIZE %d" % self._columns.size(uid)
            case Attribute.SAVEDATE:
                return self._save_date(uid)
            case Attribute.MODSEQ:
                return b"MODSEQ (%d)" % self._columns.modseq(uid)
            case _:
                return b"THREADID NIL"

    def _save_date(self, uid: int) -> bytes:
        (seconds,) = self._session.mailbox.saved((uid,))
        return b'SAVEDATE "%b"' % date_time(datetime.fromtimestamp(seconds or 0, UTC))

    def _flags(self, uid: int) -> tuple[str, ...]:
        flags = self._columns.flags(uid)
        return (*flags, "\\Recent") if self._session.view.is_recent(uid) else flags

    async def _write(self, head: bytes, fields: list[Field], message: _Message) -> None:
        separator = head
        for field in fields:
            self._gather(separator)
            separator = b" "
            if isinstance(field, bytes):
                self._gather(field)
            else:
                await self._stream(*field, message.shown)
        self._gather(b")\r\n")
        if self._octets >= _WRITE_OCTETS:
            await self.flush()

    async def _stream(self, label: bytes, octets: Slice, content: Source) -> None:
        """A large literal, block by block.

        What was promised must come: a file that is shorter than its size ends the connection.
        """
        self._gather(b"%b %b{%d}\r\n" % (label, b"~" if octets.raw else b"", octets.size))
        for offset in range(0, octets.size, _STREAM_OCTETS):
            block = octets.read(content, offset, _STREAM_OCTETS)
            if len(block) != min(_STREAM_OCTETS, octets.size - offset):
                raise ConnectionAbortedError("a message is shorter than its size")
            self._gather(block)
            await self.flush()

    def _gather(self, octets: bytes) -> None:
        self._gathered.append(octets)
        self._octets += len(octets)

    async def flush(self) -> None:
        if self._gathered:
            octets = b"".join(self._gathered)
            self._gathered.clear()
            self._octets = 0
            await self._out(Raw(octets))


_PUSHED_OCTETS: Final = 1024 * 1024  # of a message whose octets are pushed between commands


def answers(session: Session, wanted: tuple[Item, ...], uids: Sequence[int]) -> bytes:
    """FETCH of these messages, made in one go: what NOTIFY and UPDATE tell of new ones.  RFC 5465 §5.2

    \\Seen is never set; of a message that is long the client is told nothing but UID and FLAGS, and fetches it.
    """
    told: list[bytes] = []

    async def gather(response: Response) -> None:
        assert isinstance(response, Raw)
        told.append(response.data)

    columns, octets = session.mailbox.columns, any(isinstance(item, Piece) for item in wanted)
    for uid in uids:
        number = session.view.number(uid)
        if number is not None and columns.position(uid) is not None:
            short = not octets or columns.size(uid) <= _PUSHED_OCTETS
            at_once(_answer_one(session, wanted if short else (Attribute.UID, Attribute.FLAGS), gather, number, uid))
    return b"".join(told)


async def _answer_one(session: Session, wanted: tuple[Item, ...], out: Sink, number: int, uid: int) -> None:
    answering = _Answering(session, wanted, out)
    await answering.answer(number, uid, also_flags=False)
    await answering.flush()


def _piece(piece: Piece, message: _Message) -> Field:
    """Octets as literal, NIL for a part that is not there.  Quoted is only the empty string."""
    sections = message.sections
    found = sections.decoded(piece.section) if piece.binary else message.find(piece.section)
    if found is None:
        return piece.label + b" NIL"
    if piece.partial:
        found = found.partial(*piece.partial)
    if not found.size:
        return piece.label + b' ""'
    if found.size > _WRITE_OCTETS:
        if not found.read(message.shown, found.size - 1, 1):
            raise MailError(Condition.NO_SUCH_MESSAGE, "Message is damaged", detail="shorter than its size")
        return piece.label, found
    octets = found.read(message.shown, 0, found.size)
    return b"%b %b%b" % (piece.label, b"~" if found.raw else b"", literal(octets))


def _binary_size(item: BinarySize, message: _Message) -> bytes:
    found = message.sections.decoded(item.section)
    return b"%b %d" % (item.label, found.size if found else 0)


ROWS = (
    Row(
        b"FETCH",
        parse,
        handle,
        State.SELECTED,
        Seqs.USES,
        capability=b"OBJECTID PREVIEW BINARY SAVEDATE",
        uid_form=True,
    ),
)
