"""FLAGS of many messages: the client's poll, of whole mailboxes.  Tables and one join, no statement a message.

performance/prototypes.md §4
"""

from collections.abc import Iterable, Sequence
from typing import Final

from mailstack.imap.numset import Span
from mailstack.imap.responses import Raw, flag_list
from mailstack.imap.server.session import Session
from mailstack.imap.values import Sink
from mailstack.imap.view import View
from mailstack.store.api import Columns

__all__ = [
    "HEAD",
    "UID_HEAD",
    "_MESSAGES",
    "FlagLines",
    "_WithRecent",
    "flag_block",
    "heads",
    "place_of",
    "tell_flags",
    "with_recent",
]

_MESSAGES: Final = 500  # in one slice of answers
HEAD: Final = b"* %d FETCH ("
UID_HEAD: Final = b"* %d UIDFETCH ("  # RFC 9586 §3.3
_HEADS_KEPT: Final = 1 << 16  # 4 MB when all are made
_heads_made: list[bytes] = []


class _WithRecent(dict[tuple[str, ...], tuple[str, ...]]):
    """Flags → the same with \\Recent."""

    def __missing__(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        more = self[flags] = (*flags, "\\Recent")
        return more


class FlagLines(dict[tuple[str, ...], bytes]):
    """FLAGS of an answer for each set of flags, with what follows: made once, then looked up."""

    def __init__(self, end: bytes = b")\r\n") -> None:
        super().__init__()
        self.recent = _WithRecent()
        self._end = end

    def __missing__(self, flags: tuple[str, ...]) -> bytes:
        line = self[flags] = b"FLAGS %b%b" % (flag_list(flags), self._end)
        return line


async def tell_flags(session: Session, out: Sink, spans: Iterable[Span], *, with_uid: bool, with_modseq: bool) -> bool:
    """The flags of the view's messages at these indices; whether messages were missing."""
    lines = FlagLines()
    blocks: list[bytes] = []
    messages, missed = 0, False
    for first, last in spans:
        for start in range(first, last, _MESSAGES):
            stop = min(start + _MESSAGES, last)
            block, complete = flag_block(session, lines, start, stop, with_uid=with_uid, with_modseq=with_modseq)
            missed = missed or not complete
            blocks.append(block)
            messages += stop - start
            if messages >= _MESSAGES:
                await out(Raw(b"".join(blocks)))
                messages = 0
                blocks.clear()
    if blocks:
        await out(Raw(b"".join(blocks)))
    return missed


def flag_block(
    session: Session, lines: FlagLines, start: int, stop: int, *, with_uid: bool, with_modseq: bool
) -> tuple[bytes, bool]:
    """The answers for the messages at `[start, stop)` of the view, and whether none was gone.

    No Python statement runs a message: tables and one join (performance/prototypes.md §4).
    """
    view = session.view
    uids: Sequence[int] = view.uids[start:stop]
    numbers: Sequence[int] = range(start + 1, stop + 1)
    columns = session.mailbox.columns
    place = place_of(columns, uids)
    complete = place is not None
    if place is not None:
        flags, modseqs = columns.flags_between(*place), columns.modseqs_between(*place) if with_modseq else ()
    else:
        numbers, uids = _remaining(columns, numbers, uids)
        flags, modseqs = list(map(columns.flags, uids)), list(map(columns.modseq, uids))
    flags = with_recent(view, lines, uids, flags)
    view.told(uids)
    step = 2 + with_uid + with_modseq
    parts: list[bytes] = [b""] * (step * len(flags))
    if session.enabled.uidonly:
        parts[::step] = map(UID_HEAD.__mod__, uids)
    else:
        parts[::step] = heads(start, stop) if complete else map(HEAD.__mod__, numbers)
    if with_uid:
        parts[1::step] = map(b"UID %d ".__mod__, uids)
    if with_modseq:
        parts[step - 2 :: step] = map(b"MODSEQ (%d) ".__mod__, modseqs)
    parts[step - 1 :: step] = map(lines.__getitem__, flags)
    return b"".join(parts), complete


def with_recent(
    view: View, lines: FlagLines, uids: Sequence[int], flags: Sequence[tuple[str, ...]]
) -> Sequence[tuple[str, ...]]:
    """The flags of these messages as this session sees them."""
    recent = view.recent_among(uids)
    if not recent:
        return flags
    more = lines.recent
    if recent.issuperset(uids):
        return list(map(more.__getitem__, flags))
    return [more[each] if uid in recent else each for uid, each in zip(uids, flags, strict=True)]


def heads(start: int, stop: int) -> Iterable[bytes]:
    """The beginnings of answers for these indices: one table for the process, grown as mailboxes are polled."""
    if stop > _HEADS_KEPT:
        return map(HEAD.__mod__, range(start + 1, stop + 1))
    if stop > len(_heads_made):
        _heads_made.extend(map(HEAD.__mod__, range(len(_heads_made) + 1, stop + 1)))
    return _heads_made[start:stop]


def place_of(columns: Columns, uids: Sequence[int]) -> Span | None:
    """Where all these messages stand in the columns, None when one is gone.

    What is not gone stands in the columns as it does in the view: new ones come behind.
    """
    first, last = columns.position(uids[0]), columns.position(uids[-1])
    if first is None or last is None or last - first != len(uids) - 1:
        return None
    return first, last + 1


def _remaining(columns: Columns, numbers: Sequence[int], uids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Those that are not gone."""
    kept = [(n, uid) for n, uid in zip(numbers, uids, strict=True) if columns.position(uid) is not None]
    return [n for n, _ in kept], [uid for _, uid in kept]
