"""SORT: its criteria, and the order they make.  RFC 5256 §3, RFC 5957"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.search_kept import Searched, Window

__all__ = ["Criterion", "SortKey", "column", "criteria", "sort"]

_WINDOW = 2048  # messages looked at before others may have their turn
_CRITERIA = 50


class SortKey(Enum):
    """The value is the column that is compared."""

    ARRIVAL = "seconds"
    CC = "cc"
    DATE = "sent"
    DISPLAYFROM = "display_sender"
    DISPLAYTO = "display_to"
    FROM = "sender"
    SIZE = "sizes"
    SUBJECT = "subject"
    TO = "to"


_NAMES = {key.name.encode(): key for key in SortKey}
_OF_WINDOW = frozenset({"seconds", "sizes"})


@dataclass(frozen=True, slots=True)
class Criterion:
    key: SortKey
    reverse: bool = False


def criteria(cur: Cursor) -> tuple[Criterion, ...]:
    """sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"   RFC 5256 §5"""
    found = cur.listed(_criterion)
    if len(found) > _CRITERIA:
        raise ParseFault("too many sort criteria")
    return found


def _criterion(cur: Cursor) -> Criterion:
    """sort-criterion = ["REVERSE" SP] sort-key"""
    name = cur.word()
    reverse = name == b"REVERSE"
    if reverse:
        cur.space()
        name = cur.word()
    if name not in _NAMES:
        raise ParseFault("unknown sort criterion")
    return Criterion(_NAMES[name], reverse)


async def sort(by: Sequence[Criterion], mail: Searched, indices: Sequence[int]) -> list[int]:
    """The indices in order; those that are alike stay in the order of the mailbox, also under REVERSE."""
    order = list(range(len(indices)))
    for criterion in reversed(by):
        values = await column(mail, criterion.key.value, indices)
        order.sort(key=values.__getitem__, reverse=criterion.reverse)
        await mail.pause()
    return [indices[place] for place in order]


async def column(mail: Searched, name: str, indices: Sequence[int]) -> list[Any]:
    """A column of these messages (ascending indices of the view).

    "seconds" (received), "sizes", or one of `sort_record.Order`.  What was sent at no readable time was sent when
    it arrived: RFC 5256 §2.2.  A message that is gone meanwhile has an empty string.
    """
    values: list[Any] = []
    at = 0
    while at < len(indices):
        start = indices[at]
        window = Window(mail, start, min(start + _WINDOW, mail.view.count))
        behind = _behind(indices, at, start + _WINDOW)
        places = [index - start for index in indices[at:behind]]
        if name in _OF_WINDOW:
            held = getattr(window, name)
            values += held if len(places) == len(held) else [held[place] for place in places]
        else:
            values += await _recorded(window, name, places)
        at = behind
        await mail.pause()
    return values


def _behind(indices: Sequence[int], at: int, limit: int) -> int:
    """Behind the last index that is below the limit."""
    if indices[-1] < limit:
        return len(indices)
    return bisect_left(indices, limit, at)


async def _recorded(window: Window, name: str, places: Sequence[int]) -> list[Any]:
    values = await window.orders(name, places)
    if None not in values:
        return values
    if name != "sent":
        return [b"" if value is None else value for value in values]
    received = window.seconds
    return [received[place] if value is None else value for place, value in zip(places, values, strict=True)]
