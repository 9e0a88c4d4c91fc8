"""What a search is to return: RETURN options, and the ESEARCH response they ask for.  RFC 4731, RFC 5182, RFC 9394"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.fetch import Item, items
from mailstack.imap.numset import Span, compact

__all__ = ["Partial", "Returned", "parse_partial", "parse_return"]

_OPTIONS: Final = frozenset({b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE", b"CONTEXT", b"UPDATE"})
_PARTIAL: Final = re.compile(rb"(-?)([0-9]{1,10}):(-?)([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class Partial:
    """The results from `low` to `high`, counted from 1; `from_end`: from the last one backwards.  RFC 9394 §3.1"""

    text: bytes  # as the client wrote it, which the answer repeats
    low: int
    high: int
    from_end: bool

    def of(self, numbers: Sequence[int]) -> Sequence[int]:
        start, stop = self._range(len(numbers))
        return numbers[start:stop]

    def of_spans(self, spans: Sequence[Span]) -> list[Span]:
        """The same of the indices that spans hold."""
        start, stop = self._range(sum(high - low for low, high in spans))
        chosen = []
        passed = 0
        for low, high in spans:
            chosen.append((low + max(start - passed, 0), min(high, low + stop - passed)))
            passed += high - low
        return [(low, high) for low, high in chosen if low < high]

    def _range(self, count: int) -> Span:
        if not self.from_end:
            return self.low - 1, self.high
        return max(count - self.high, 0), max(count - self.low + 1, 0)


@dataclass(frozen=True, slots=True)
class Returned:
    """The options of one RETURN.  `fetched`: what UPDATE is to tell of messages that are new.  RFC 5465 §7"""

    options: frozenset[bytes]
    partial: Partial | None = None
    fetched: tuple[Item, ...] | None = None

    @property
    def updates(self) -> bool:
        """The search goes on.  CONTEXT is a hint that nobody needs here.  RFC 5267 §4.2, §4.3"""
        return b"UPDATE" in self.options

    @property
    def saves(self) -> bool:
        return b"SAVE" in self.options

    @property
    def answers(self) -> bool:
        """SAVE alone is silent.  RFC 5182 §2.1"""
        return self.partial is not None or bool(self.options - {b"SAVE"})

    def saved(self, found: Sequence[int]) -> Iterable[int]:
        """What `$` is, of all that was found in its order.  RFC 5182 §2.4, RFC 9394 §3.2"""
        ends = self.options & {b"MIN", b"MAX"}
        if b"COUNT" in self.options or b"ALL" in self.options or not (ends or self.partial):
            return found
        chosen = set(self.partial.of(found)) if self.partial else set()
        if b"MIN" in ends:
            chosen.update(found[:1])
        if b"MAX" in ends:
            chosen.update(found[-1:])
        return chosen

    def data(self, numbers: Sequence[int]) -> bytes:
        """*(SP search-return-data); MIN, MAX and ALL only when something was found.  RFC 4731 §3.1"""
        data = b""
        if numbers and b"MIN" in self.options:
            data += b" MIN %d" % numbers[0]
        if numbers and b"MAX" in self.options:
            data += b" MAX %d" % numbers[-1]
        if b"COUNT" in self.options:
            data += b" COUNT %d" % len(numbers)
        if numbers and b"ALL" in self.options:
            data += b" ALL " + compact(numbers)
        if self.partial is not None:
            data += b" PARTIAL (%b %b)" % (self.partial.text, compact(self.partial.of(numbers)) or b"NIL")
        return data


def parse_return(cur: Cursor) -> Returned | None:
    """ "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP   RFC 4466 §6; None when it is not there"""
    if not cur.took(b"RETURN ("):
        return None
    options: set[bytes] = set()
    partial: Partial | None = None
    fetched: tuple[Item, ...] | None = None
    while not cur.took(b")"):
        name = cur.word()
        if name == b"PARTIAL" and partial is None:
            cur.space()
            partial = parse_partial(cur)
        elif name in _OPTIONS:
            options.add(name)
            if name == b"UPDATE" and cur.took(b" ("):
                cur.back(1)
                fetched = items(cur)
        else:
            raise ParseFault("unknown or repeated return option")
        if not cur.spaced():
            cur.take(b")")
            break
    if partial and b"ALL" in options:
        raise ParseFault("ALL and PARTIAL exclude each other")
    cur.space()
    return Returned(frozenset(options) if options or partial else frozenset({b"ALL"}), partial, fetched)


def parse_partial(cur: Cursor) -> Partial:
    """partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number   RFC 9394 §4"""
    found = cur.match(_PARTIAL, "a range such as 1:500 or -1:-100")
    first, last = int(found[2]), int(found[4])
    if found[1] != found[3] or not first or not last:
        raise ParseFault("a partial range has two numbers from 1, both counted from the same end")
    return Partial(found[0], min(first, last), max(first, last), bool(found[1]))
