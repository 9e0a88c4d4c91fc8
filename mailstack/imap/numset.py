"""Sets of message numbers as clients write them, and as we write them back.

`*` is only known to the mailbox, so a `NumSet` keeps its ranges as written and is
resolved late, against the ascending UIDs of a view: to *spans*, pairs of indices
`[start, stop)`.  A span of 100,000 messages costs as much as one of two.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mailstack.base.errors import ParseFault

__all__ = ["NUMSET", "STAR", "NumSet", "Span", "compact", "merged"]

STAR: Final = 1 << 32  # `*`, greater than every number (nz-number is below 2**32)
NUMSET: Final = re.compile(rb"\$|(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NumSet:
    """sequence-set: its ranges as written (ends in any order, `*` as STAR).  RFC 9051 §9

    `by_uid` tells what the numbers are: UIDs, or sequence numbers.  `saved`: it is `$`, the messages of the
    last search that was saved; only the view knows them.  RFC 5182 §2.1
    """

    ranges: tuple[Span, ...]
    by_uid: bool = False
    saved: bool = False

    @classmethod
    def parse(cls, text: bytes, *, by_uid: bool = False) -> "NumSet":
        """Of octets that match NUMSET.  ParseFault for 0 and for 2**32 and more."""
        if text == b"$":
            return cls((), by_uid, saved=True)
        return cls(tuple(_range(part) for part in text.split(b",")), by_uid)

    def spans(self, uids: Sequence[int]) -> list[Span]:
        """Index spans over the ascending `uids`, merged and in order.

        UIDs that do not exist are passed over (RFC 9051 §6.4.9); a sequence number that does
        not exist is a ParseFault (RFC 9051 §9, seq-number), except beside `*`: `2:*` of one message is that
        message, as it is with UIDs (and in Dovecot), and nothing in an empty mailbox.
        """
        return merged(self._uid_spans(uids) if self.by_uid else self._seq_spans(len(uids)))

    def _uid_spans(self, uids: Sequence[int]) -> list[Span]:
        if not uids:
            return []
        return [(bisect_left(uids, low), bisect_right(uids, high)) for low, high in self.settled(uids[-1])]

    def _seq_spans(self, count: int) -> list[Span]:
        if not count and all(STAR in ends for ends in self.ranges):
            return []
        ranges = [
            (min(one, count), count) if other == STAR else (one, other) for one, other in map(sorted, self.ranges)
        ]
        spans = [(low - 1, high) for low, high in ranges]
        if any(low < 0 or high > count for low, high in spans):
            raise ParseFault(f"no such message: the mailbox has {count}")
        return spans

    def settled(self, highest: int) -> list[Span]:
        """Ranges `(low, high)`, both included, with `*` = `highest` and the ends in order."""
        ranges = []
        for one, other in self.ranges:
            low = highest if one == STAR else one
            high = highest if other == STAR else other
            ranges.append((low, high) if low <= high else (high, low))
        return ranges

    def clamped(self, uids: Sequence[int]) -> list[Span]:
        """The same, but sequence numbers that do not exist are passed over: for searches.  RFC 7377 §2"""
        if self.by_uid:
            return self.spans(uids)
        count = len(uids)
        spans = [(low - 1, min(high, count)) for low, high in self.settled(count)]
        return merged((max(low, 0), high) for low, high in spans)

    def encode(self) -> bytes:
        if self.saved:
            return b"$"
        return b",".join(
            _number(one) if one == other else b"%b:%b" % (_number(one), _number(other)) for one, other in self.ranges
        )


def _range(text: bytes) -> Span:
    one, colon, other = text.partition(b":")
    first = _bound(one)
    return first, (_bound(other) if colon else first)


def _bound(text: bytes) -> int:
    """seq-number = nz-number / "*"   RFC 9051 §9"""
    if text == b"*":
        return STAR
    if len(text) > 10 or not 0 < int(text) < STAR:
        raise ParseFault("a message number is between 1 and 4294967295")
    return int(text)


def _number(bound: int) -> bytes:
    return b"*" if bound == STAR else b"%d" % bound


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same indices as spans in order that do not touch; empty ones are left out."""
    result: list[Span] = []
    for start, stop in sorted(spans):
        if start >= stop:
            continue
        if result and start <= result[-1][1]:
            result[-1] = result[-1][0], max(stop, result[-1][1])
        else:
            result.append((start, stop))
    return result


def compact(numbers: Iterable[int]) -> bytes:
    """uid-set for UIDPLUS codes and ESEARCH: `[1, 2, 3, 7]` → `1:3,7`, in the order given.  RFC 4315 §3"""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in runs)
