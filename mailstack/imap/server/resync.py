"""What has happened to a mailbox since a modseq: CHANGEDSINCE, VANISHED, and QRESYNC's arguments.  RFC 7162 §3.2"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import STAR, NumSet, Span, merged
from mailstack.imap.view import View
from mailstack.store.api import Mailbox

__all__ = ["Resync", "changed", "expunged", "vanished_earlier"]

_RANGES = 500  # in one VANISHED


# --- the arguments ---


@dataclass(frozen=True, slots=True)
class Resync:
    """`known`: the UIDs that matter, None for all; `matches`: numbers and their UIDs as the client had them."""

    uidvalidity: int
    modseq: int
    known: NumSet | None = None
    matches: tuple[NumSet, NumSet] | None = None

    @classmethod
    def parse(cls, cur: Cursor) -> "Resync":
        """ "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"   RFC 7162 §7"""
        cur.take(b"(")
        uidvalidity = cur.nz_number()
        cur.space()
        modseq = cur.number64()
        known = matches = None
        more = cur.spaced()
        if more and cur.peek() != b"(":
            known = _plain(cur.uid_set())
            more = cur.spaced()
        if more:
            matches = _matches(cur)
        cur.take(b")")
        return cls(uidvalidity, modseq, known, matches)

    def expunged(self, mailbox: Mailbox, view: View) -> list[Span]:
        """What VANISHED (EARLIER) tells."""
        known = self.known or NumSet(((1, STAR),), by_uid=True)
        return expunged(mailbox, view, known, self.modseq, above=self._known_up_to(view))

    def _known_up_to(self, view: View) -> int:
        """The highest UID that still has its number: the client knows all that went below it.  RFC 7162 §3.2.5.2"""
        highest = 0
        if self.matches is not None:
            for number, uid in zip(*map(_each, self.matches), strict=False):
                if number > view.count:
                    break
                if view.uids[number - 1] == uid:
                    highest = uid
        return highest


def _matches(cur: Cursor) -> tuple[NumSet, NumSet]:
    """seq-match-data = "(" known-sequence-set SP known-uid-set ")", both ascending   RFC 7162 §7"""
    cur.take(b"(")
    numbers = _plain(cur.seq_set())
    cur.space()
    uids = _plain(cur.uid_set())
    cur.take(b")")
    if not (_ascends(numbers) and _ascends(uids)) or _length(numbers) != _length(uids):
        raise ParseFault("numbers and their UIDs are ascending, and as many")
    return numbers, uids


def _plain(which: NumSet) -> NumSet:
    if which.saved or any(STAR in ends for ends in which.ranges):
        raise ParseFault("only numbers are allowed here")
    return which


def _ascends(which: NumSet) -> bool:
    return all(one <= other for one, other in which.ranges) and all(
        before[1] < after[0] for before, after in pairwise(which.ranges)
    )


def _length(which: NumSet) -> int:
    return sum(other - one + 1 for one, other in which.ranges)


def _each(which: NumSet) -> Iterator[int]:
    return chain.from_iterable(range(one, other + 1) for one, other in which.ranges)


# --- the answers ---


def changed(mailbox: Mailbox, view: View, spans: Sequence[Span], since: int) -> list[Span]:
    """Of the view's messages in these spans, those whose modseq is greater."""
    if since >= mailbox.highest_modseq:
        return []
    uids = mailbox.columns.changed_since(since)
    indices = (number - 1 for uid in uids if (number := view.number(uid)))
    return _common(merged((index, index + 1) for index in indices), spans)


def expunged(mailbox: Mailbox, view: View, which: NumSet, since: int, *, above: int = 0) -> list[Span]:
    """UIDs of the set that went after `since`, or all that are missing when nobody remembers: `[first, behind)`.

    `*` is the highest UID that was ever given.  What the client counts still is left to VANISHED without (EARLIER).
    """
    last = mailbox.uidnext - 1
    asked = merged((max(low, above + 1), min(high, last) + 1) for low, high in which.settled(last))
    gone = mailbox.expunged_since(since)
    if gone is None:
        return _common(_missing(view.uids, last), asked)
    return _common(merged((uid, uid + 1) for uid in gone if view.number(uid) is None), asked)


def _missing(uids: Iterable[int], last: int) -> list[Span]:
    spans = []
    behind = 1
    for uid in uids:
        if behind < uid:
            spans.append((behind, uid))
        behind = uid + 1
    spans.append((behind, last + 1))
    return spans


def _common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What is in both; each is in order, and its spans do not touch."""
    found = []
    place = 0
    for start, stop in some:
        while place < len(others) and others[place][1] <= start:
            place += 1
        at = place
        while at < len(others) and others[at][0] < stop:
            found.append((max(start, others[at][0]), min(stop, others[at][1])))
            at += 1
    return found


def vanished_earlier(spans: Sequence[Span]) -> Iterator[bytes]:
    """expunged-resp = "VANISHED" SP "(EARLIER)" SP known-uids; lines that are not too long   RFC 7162 §7"""
    for start in range(0, len(spans), _RANGES):
        some = spans[start : start + _RANGES]
        ranges = (b"%d" % low if low + 1 == behind else b"%d:%d" % (low, behind - 1) for low, behind in some)
        yield b"* VANISHED (EARLIER) %b\r\n" % b",".join(ranges)
