"""Answers to FETCH for many messages at once: from the store's columns and what is kept, by tables and one join.

What is not kept yet is made first, a message at a time, in turns with others' work.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Final, NamedTuple, Self

from mailstack.base.errors import Condition, MailError
from mailstack.imap.envelope import make_envelope, make_envelope_utf8
from mailstack.imap.fetch import Attribute, Item, Piece
from mailstack.imap.numset import Span
from mailstack.imap.objectid import make_email_id
from mailstack.imap.preview import make_preview
from mailstack.imap.responses import date_time, literal
from mailstack.imap.sections import Section, Text, find
from mailstack.imap.server.flag_lines import UID_HEAD, FlagLines, heads, place_of, with_recent
from mailstack.imap.server.session import Session
from mailstack.imap.structure import make_body, make_body_utf8, make_bodystructure, make_bodystructure_utf8
from mailstack.message.downgrade import for_ascii, octets_for_ascii
from mailstack.message.mime import Source, Whole, outline
from mailstack.store.api import Columns

__all__ = ["Columned", "Kind", "Plan", "kind_of", "plan_of"]

_OPENED_MESSAGES: Final = 32  # looked into before others have their turn
_FIELD_NAMES: Final = 60  # of HEADER.FIELDS, and
_FIELD_OCTETS: Final = 1000  # of all the names: what is asked for more is nothing that a client asks for again
_DAYS: Final = 20_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MESSAGES: Final = 250  # in one slice of answers
_WHOLE_MESSAGES: Final = 32  # the same, when each is read from its file, and
_WHOLE_OCTETS: Final = 64 * 1024  # none of them is longer than this
_NO_NUL: Final = bytes([0x80, *range(1, 256)])


class Kind(NamedTuple):
    """Something made of a message that is kept: `label name` is what stands before it in the answer."""

    name: str
    label: bytes
    make: Callable[[Source], bytes]


_ATTRIBUTES: Final[Mapping[Item, Kind]] = {
    Attribute.ENVELOPE: Kind("envelope", b"ENVELOPE ", make_envelope),
    Attribute.BODY: Kind("body", b"BODY ", make_body),
    Attribute.BODYSTRUCTURE: Kind("bodystructure", b"BODYSTRUCTURE ", make_bodystructure),
    Attribute.EMAILID: Kind("emailid", b"EMAILID ", make_email_id),
    Attribute.PREVIEW: Kind("preview", b"PREVIEW ", make_preview),
}


# where text of headers is in it, and the client has enabled UTF-8
_IN_UTF8: Final[Mapping[Item, Kind]] = {
    **_ATTRIBUTES,
    Attribute.ENVELOPE: Kind("envelope-utf8", b"ENVELOPE ", make_envelope_utf8),
    Attribute.BODY: Kind("body-utf8", b"BODY ", make_body_utf8),
    Attribute.BODYSTRUCTURE: Kind("bodystructure-utf8", b"BODYSTRUCTURE ", make_bodystructure_utf8),
}


def kind_of(item: Item, *, utf8: bool) -> Kind | None:
    """None for what is not kept.  Every client has its set of header fields that it asks for of all mail.

    `utf8`: as the message has it; else in ASCII.  RFC 6855 §8
    """
    if not isinstance(item, Piece):
        return (_IN_UTF8 if utf8 else _ATTRIBUTES).get(item)
    section = item.section
    if section.parts or section.text is not Text.FIELDS or item.partial or item.binary:
        return None
    names = b" ".join(sorted(section.fields))
    if len(section.fields) > _FIELD_NAMES or len(names) > _FIELD_OCTETS:
        return None
    name = "fields-utf8" if utf8 else "fields"
    return Kind(f"{name} {names.decode('latin-1')}", item.label + b" ", partial(_fields, section, utf8))


def _fields(section: Section, utf8: bool, source: Source) -> bytes:  # noqa: FBT001  it is never written out
    """The fields as a literal; quoted is only the empty string."""
    source = source if utf8 else for_ascii(source)
    found = find(outline(source), section)
    octets = found.read(source, 0, found.size) if found is not None else b""
    return literal(octets) if octets else b'""'


def _is_whole(item: Item) -> bool:
    return isinstance(item, Piece) and item.section == Section() and not item.partial and not item.binary


class _Days(dict[int, bytes]):
    """Days since 1970 → INTERNALDATE of that day, but for the time."""

    def __missing__(self, day: int) -> bytes:
        if len(self) >= _DAYS:
            self.clear()
        midnight = date_time(_EPOCH + timedelta(days=day))
        form = self[day] = b'"%b"' % midnight.replace(b"00:00:00", b"%02d:%02d:%02d")
        return form


_days = _Days()


def _date(seconds: int) -> bytes:
    """INTERNALDATE of a UNIX time."""
    day, seconds = divmod(seconds, 86400)
    hour, seconds = divmod(seconds, 3600)
    return _days[day] % (hour, *divmod(seconds, 60))


_Column = Callable[[Columns, Span], Iterable[bytes]]
_COLUMNS: Final[Mapping[Item, tuple[bytes, _Column]]] = {
    Attribute.UID: (b"UID ", lambda columns, place: map(b"%d".__mod__, columns.uids[slice(*place)])),
    Attribute.INTERNALDATE: (
        b"INTERNALDATE ",
        lambda columns, place: map(_date, columns.seconds_between(*place)),
    ),
    Attribute.SIZE: (b"RFC822.SIZE ", lambda columns, place: map(b"%d".__mod__, columns.sizes_between(*place))),
    Attribute.MODSEQ: (b"MODSEQ ", lambda columns, place: map(b"(%d)".__mod__, columns.modseqs_between(*place))),
}


class Plan(NamedTuple):
    """What FETCH has to do for a list of items."""

    kinds: Mapping[Item, Kind]  # items that are kept
    by_columns: bool  # everything has a column, is kept, or is the whole message
    reads: bool  # the whole message is asked for
    sets_seen: bool


@lru_cache(1000)
def plan_of(wanted: tuple[Item, ...], *, utf8: bool) -> Plan:
    kinds = {item: kind for item in wanted if (kind := kind_of(item, utf8=utf8)) is not None}
    whole = [item for item in wanted if _is_whole(item)]
    others = {item for item in wanted if not (item in kinds or item in _COLUMNS or item in whole)}
    seeing = any(isinstance(item, Piece) and item.sets_seen for item in wanted)
    return Plan(kinds, others <= {Attribute.FLAGS}, bool(whole), seeing)


class Columned:
    """What one FETCH asks for, of messages that are all there."""

    def __init__(self, session: Session, wanted: Sequence[Item], plan: Plan) -> None:
        self._session = session
        self._wanted = wanted
        self._kinds = plan.kinds
        self._flags = FlagLines(b"")
        self._reads = plan.reads
        self.step = _WHOLE_MESSAGES if plan.reads else _MESSAGES

    @classmethod
    def of(cls, session: Session, wanted: Sequence[Item], plan: Plan) -> Self | None:
        """None when it has to be done message by message."""
        return cls(session, wanted, plan) if plan.by_columns else None

    async def block(self, start: int, stop: int) -> bytes | None:
        """The answers for the messages at `[start, stop)` of the view; None when one of them has to be looked for."""
        view, mailbox = self._session.view, self._session.mailbox
        uids = view.uids[start:stop]
        await self._make_missing(uids)
        place = place_of(mailbox.columns, uids)
        kept = {item: mailbox.kept_of(kind.name, uids) for item, kind in self._kinds.items()}
        if place is None or any(None in values for values in kept.values()):
            return None
        bodies: Iterable[bytes] | None = self._read(uids, place) if self._reads else ()
        if bodies is None:
            return None
        width, count = 2 * len(self._wanted) + 2, len(uids)
        parts: list[bytes] = [b" "] * (width * count)
        parts[::width] = map(UID_HEAD.__mod__, uids) if self._session.enabled.uidonly else heads(start, stop)
        for number, item in enumerate(self._wanted):
            if isinstance(item, Piece) and item not in kept:
                label, values = item.label + b" ", bodies
            else:
                label, values = self._column(item, kept, uids, place)
            parts[2 * number + 1 :: width] = [b" " + label if number else label] * count
            parts[2 * number + 2 :: width] = values
        parts[width - 1 :: width] = [b")\r\n"] * count
        return b"".join(parts)

    def _column(
        self, item: Item, kept: Mapping[Item, Sequence[bytes | None]], uids: Sequence[int], place: Span
    ) -> tuple[bytes, Iterable[bytes]]:
        """What stands before each value, and the values."""
        if item in kept:
            return self._kinds[item].label, kept[item]  # type: ignore[return-value]  # block has looked for None
        columns = self._session.mailbox.columns
        if item is Attribute.FLAGS:
            self._session.view.told(uids)
            flags = with_recent(self._session.view, self._flags, uids, columns.flags_between(*place))
            return b"", map(self._flags.__getitem__, flags)
        label, values = _COLUMNS[item]
        return label, values(columns, place)

    def _read(self, uids: Sequence[int], place: Span) -> list[bytes] | None:
        """The messages as literals; None when one of them is long, or gone."""
        mailbox = self._session.mailbox
        if max(mailbox.columns.sizes_between(*place)) > _WHOLE_OCTETS:
            return None
        try:
            bodies = [mailbox.octets(uid) for uid in uids]
        except MailError as failure:
            if failure.condition is Condition.NO_SUCH_MESSAGE:
                return None
            raise
        if not self._session.enabled.utf8:
            bodies = list(map(octets_for_ascii, bodies))
        if any(b"\0" in octets for octets in bodies):
            bodies = [octets.translate(_NO_NUL) for octets in bodies]
        return [b"{%d}\r\n%b" % (len(octets), octets) if octets else b'""' for octets in bodies]

    async def _make_missing(self, uids: Sequence[int]) -> None:
        """What is gone meanwhile is left out."""
        mailbox = self._session.mailbox
        missing: dict[int, list[Kind]] = {}
        for kind in self._kinds.values():
            values = mailbox.kept_of(kind.name, uids)
            for uid in (uid for uid, value in zip(uids, values, strict=True) if value is None):
                missing.setdefault(uid, []).append(kind)
        for number, (uid, kinds) in enumerate(missing.items(), 1):
            self._make(uid, kinds)
            if number % _OPENED_MESSAGES == 0:
                await self._session.pause()

    def _make(self, uid: int, kinds: Iterable[Kind]) -> None:
        columns, mailbox = self._session.mailbox.columns, self._session.mailbox
        if columns.position(uid) is None:
            return
        try:
            if columns.size(uid) <= _WHOLE_OCTETS:
                self._keep(uid, kinds, Whole(mailbox.octets(uid)))
                return
            with closing(mailbox.content(uid)) as content:
                self._keep(uid, kinds, content)
        except MailError as failure:
            if failure.condition is not Condition.NO_SUCH_MESSAGE:
                raise

    def _keep(self, uid: int, kinds: Iterable[Kind], source: Source) -> None:
        for kind in kinds:
            self._session.mailbox.keep(kind.name, uid, kind.make(source))
