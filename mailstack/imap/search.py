"""What SEARCH can ask, and whether a message is that.  RFC 3501 §6.4.4

A key is a value with a `cost`: flags, dates and sizes come from the columns, the
header from a small read, text from the whole message.  Within an AND the cheap
keys go first, so most messages are never opened.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final, Protocol

from mailstack.base.errors import Condition, MailError
from mailstack.imap.numset import NumSet, Span
from mailstack.imap.search_text import SearchedMessage, fold_header
from mailstack.imap.view import View
from mailstack.message.date import parse_date
from mailstack.message.header import Header
from mailstack.message.mime import outline
from mailstack.store.api import Columns, Content

__all__ = [
    "All",
    "And",
    "Candidate",
    "Cost",
    "Dated",
    "Flagged",
    "InBody",
    "InHeader",
    "InText",
    "Key",
    "Not",
    "Numbered",
    "Or",
    "Recent",
    "Sent",
    "Sized",
    "When",
    "search",
]

_SLICE_COST: Final = 2000  # roughly microseconds, between two pauses


class Cost(IntEnum):
    """Roughly microseconds."""

    COLUMNS = 1
    HEADER = 50
    TEXT = 200


class Candidate:
    """The message that is being looked at; one object is moved along all of them."""

    __slots__ = (
        "_columns",
        "_content",
        "_header",
        "_index",
        "_open",
        "_sets",
        "_text",
        "_view",
        "flags",
        "spent",
        "uid",
    )

    def __init__(self, view: View, columns: Columns, open_content: Callable[[int], Content]) -> None:
        self._view = view
        self._columns = columns
        self._open = open_content
        self._sets: dict[NumSet, list[Span]] = {}
        self._content: Content | None = None
        self._header: Header | None = None
        self._text: SearchedMessage | None = None
        self._index = 0
        self.flags: tuple[str, ...] = ()
        self.uid = 0
        self.spent = 0

    def move(self, index: int) -> bool:
        """Look at the message at this index of the view; False when it is gone."""
        self.close()
        self._index = index
        self.uid = self._view.uids[index]
        self.spent += Cost.COLUMNS
        try:
            self.flags = self._columns.flags(self.uid)
        except KeyError:
            return False
        return True

    def close(self) -> None:
        if self._content is not None:
            self._content.close()
        self._content = self._header = self._text = None

    @property
    def recent(self) -> bool:
        return self._view.is_recent(self.uid)

    @property
    def size(self) -> int:
        return self._columns.size(self.uid)

    @property
    def received(self) -> date:
        return self._columns.internal_date(self.uid).date()

    @property
    def _octets(self) -> Content:
        if self._content is None:
            self._content = self._open(self.uid)
        return self._content

    @property
    def header(self) -> Header:
        if self._header is None:
            self.spent += Cost.HEADER
            self._header = outline(self._octets).header
        return self._header

    @property
    def text(self) -> SearchedMessage:
        if self._text is None:
            self.spent += Cost.TEXT + self._octets.size // 100
            self._text = SearchedMessage(self._octets)
        return self._text

    def within(self, numbers: NumSet) -> bool:
        """ParseFault for a sequence number that does not exist."""
        spans = self._sets.get(numbers)
        if spans is None:
            spans = self._sets[numbers] = self._view.spans(numbers)
        place = bisect_right(spans, self._index, key=_start)
        return place > 0 and self._index < spans[place - 1][1]


def _start(span: Span) -> int:
    return span[0]


class Key(Protocol):
    """One search-key."""

    @property
    def cost(self) -> int: ...

    def matches(self, mail: Candidate) -> bool: ...


class _FromColumns:
    __slots__ = ()
    cost: int = Cost.COLUMNS


class _FromHeader:
    __slots__ = ()
    cost: int = Cost.HEADER


class _FromText:
    __slots__ = ()
    cost: int = Cost.TEXT


@dataclass(frozen=True, slots=True)
class All(_FromColumns):
    def matches(self, mail: Candidate) -> bool:  # noqa: ARG002
        return True


@lru_cache(maxsize=1024)
def _folded(flags: tuple[str, ...]) -> frozenset[str]:
    return frozenset(flag.lower() for flag in flags)


@dataclass(frozen=True, slots=True)
class Flagged(_FromColumns):
    """A flag or keyword, in lower case."""

    flag: str

    def matches(self, mail: Candidate) -> bool:
        return self.flag in _folded(mail.flags)


@dataclass(frozen=True, slots=True)
class Recent(_FromColumns):
    def matches(self, mail: Candidate) -> bool:
        return mail.recent


@dataclass(frozen=True, slots=True)
class Numbered(_FromColumns):
    numbers: NumSet

    def matches(self, mail: Candidate) -> bool:
        return mail.within(self.numbers)


@dataclass(frozen=True, slots=True)
class Sized(_FromColumns):
    """LARGER or SMALLER than so many octets; neither when it is equal."""

    octets: int
    larger: bool

    def matches(self, mail: Candidate) -> bool:
        return mail.size > self.octets if self.larger else mail.size < self.octets


class When(Enum):
    BEFORE = "before"
    ON = "on"
    SINCE = "since"

    def holds(self, found: date, asked: date) -> bool:
        """SINCE includes the day, BEFORE does not; times and zones are disregarded."""
        if self is When.ON:
            return found == asked
        return found < asked if self is When.BEFORE else found >= asked


@dataclass(frozen=True, slots=True)
class Dated(_FromColumns):
    """By INTERNALDATE."""

    when: When
    day: date

    def matches(self, mail: Candidate) -> bool:
        return self.when.holds(mail.received, self.day)


@dataclass(frozen=True, slots=True)
class Sent(_FromHeader):
    """By the Date field; a message without a readable one is never found."""

    when: When
    day: date

    def matches(self, mail: Candidate) -> bool:
        value = mail.header.first(b"date")
        sent = parse_date(value) if value else None
        return sent is not None and self.when.holds(sent.date(), self.day)


@dataclass(frozen=True, slots=True)
class InHeader(_FromHeader):
    """A field that has the folded `needle`; an empty one asks whether the field is there."""

    field: bytes
    needle: str

    def matches(self, mail: Candidate) -> bool:
        if not self.needle:
            return self.field in mail.header
        return any(self.needle in fold_header(value) for value in mail.header.all(self.field))


@dataclass(frozen=True, slots=True)
class InBody(_FromText):
    needle: str

    def matches(self, mail: Candidate) -> bool:
        return mail.text.in_body(self.needle)


@dataclass(frozen=True, slots=True)
class InText(_FromText):
    needle: str

    def matches(self, mail: Candidate) -> bool:
        return mail.text.in_text(self.needle)


@dataclass(frozen=True, slots=True)
class Not:
    key: Key

    @property
    def cost(self) -> int:
        return self.key.cost

    def matches(self, mail: Candidate) -> bool:
        return not self.key.matches(mail)


@dataclass(frozen=True, slots=True)
class And:
    """All of them; `of` puts the cheap ones first."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, keys: Iterable[Key]) -> Key:
        ordered = tuple(sorted(keys, key=_cost))
        return ordered[0] if len(ordered) == 1 else cls(ordered)

    @property
    def cost(self) -> int:
        return max(map(_cost, self.keys))

    def matches(self, mail: Candidate) -> bool:
        return all(key.matches(mail) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Or:
    """Either; `of` puts the cheap one first."""

    keys: tuple[Key, Key]

    @classmethod
    def of(cls, one: Key, other: Key) -> "Or":
        return cls((one, other) if one.cost <= other.cost else (other, one))

    @property
    def cost(self) -> int:
        return max(map(_cost, self.keys))

    def matches(self, mail: Candidate) -> bool:
        return self.keys[0].matches(mail) or self.keys[1].matches(mail)


def _cost(key: Key) -> int:
    return key.cost


async def search(key: Key, mail: Candidate, count: int, pause: Callable[[], Awaitable[None]]) -> list[int]:
    """Indices of the `count` messages of the view that match, ascending.  A message that is gone matches nothing.

    `pause` is awaited every few milliseconds of work, so that nobody waits behind a large search.
    """
    found: list[int] = []
    weight = _weight(key) // 4
    try:
        for index in range(count):
            if mail.move(index) and _matches(key, mail):
                found.append(index)
            mail.spent += weight
            if mail.spent >= _SLICE_COST:
                mail.spent = 0
                mail.close()
                await pause()
    finally:
        mail.close()
    return found


def _weight(key: Key) -> int:
    """How many keys there are."""
    match key:
        case And(keys) | Or(keys):
            return sum(map(_weight, keys))
        case Not(inner):
            return _weight(inner)
    return 1


def _matches(key: Key, mail: Candidate) -> bool:
    try:
        return key.matches(mail)
    except KeyError:
        return False
    except MailError as failure:
        if failure.condition is Condition.NO_SUCH_MESSAGE:
            return False
        raise


FLAG_KEYS: Final[Mapping[bytes, str]] = {
    b"ANSWERED": "\\answered",
    b"DELETED": "\\deleted",
    b"DRAFT": "\\draft",
    b"FLAGGED": "\\flagged",
    b"SEEN": "\\seen",
}
