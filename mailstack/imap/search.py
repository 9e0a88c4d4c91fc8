"""What SEARCH can ask, and which messages are that.  RFC 3501 §6.4.4

A key takes the messages of a window that are still in question and leaves those that match.
It has a `cost`: flags, dates and sizes come from the columns, words from kept records
(`imap.search_kept`).  Within an AND the cheap keys go first, so most messages are never opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, IntEnum
from itertools import compress
from operator import not_
from typing import Final, Protocol

from mailstack.imap.numset import NumSet
from mailstack.imap.search_kept import Place, Searched, Window, find_records
from mailstack.imap.search_text import BODY, FIELD, RECORDED

__all__ = [
    "All",
    "And",
    "Cost",
    "Dated",
    "Flagged",
    "Identified",
    "InBody",
    "InHeader",
    "InText",
    "Key",
    "ModifiedSince",
    "Not",
    "Numbered",
    "Or",
    "Recent",
    "Saved",
    "Sent",
    "Sized",
    "When",
    "Within",
    "by_number",
    "search",
]

_WINDOW: Final = 2048  # messages looked at before others may have their turn
_DAY_SECONDS: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Cost(IntEnum):
    """Roughly, in units of the cheapest."""

    COLUMNS = 1
    HEADER = 50
    TEXT = 200


class Key(Protocol):
    """One search-key."""

    @property
    def cost(self) -> int: ...

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        """Those of the ascending `places` that match, in order."""


class _FromColumns:
    __slots__ = ()
    cost: int = Cost.COLUMNS


@dataclass(frozen=True, slots=True)
class All(_FromColumns):
    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:  # noqa: ARG002
        return places


class _Having(dict[tuple[str, ...], bool]):
    """Whether flags hold one, by the flags: mailboxes have few combinations."""

    def __init__(self, flag: str) -> None:
        super().__init__()
        self._flag = flag

    def __missing__(self, flags: tuple[str, ...]) -> bool:
        has = self[flags] = any(flag.lower() == self._flag for flag in flags)
        return has


@dataclass(frozen=True, slots=True)
class Flagged(_FromColumns):
    """A flag or keyword, in lower case."""

    flag: str
    wanted: bool = True

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        flags = window.flags
        if len(places) < len(flags):
            flags = [flags[place] for place in places]
        has = map(_Having(self.flag).__getitem__, flags)
        return list(compress(places, has if self.wanted else map(not_, has)))


@dataclass(frozen=True, slots=True)
class Recent(_FromColumns):
    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        view, uids = window.mail.view, window.uids
        return [place for place in places if view.is_recent(uids[place])] if view.recent_count else []


@dataclass(frozen=True, slots=True)
class Numbered(_FromColumns):
    numbers: NumSet

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        inside = window.inside(self.numbers)
        if inside is None:
            return places
        if isinstance(inside, range) and isinstance(places, range):
            return range(max(places.start, inside.start), min(places.stop, inside.stop))
        return [place for place in places if place in inside]


@dataclass(frozen=True, slots=True)
class Sized(_FromColumns):
    """LARGER or SMALLER than so many octets; neither when it is equal."""

    octets: int
    larger: bool

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        sizes, octets = window.sizes, self.octets
        if self.larger:
            return [place for place in places if sizes[place] > octets]
        return [place for place in places if sizes[place] < octets]


@dataclass(frozen=True, slots=True)
class ModifiedSince(_FromColumns):
    """MODSEQ: changed at or after it.  RFC 7162 §3.1.5"""

    modseq: int

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        modseqs, least = window.modseqs, self.modseq
        return [place for place in places if modseqs[place] >= least]


@dataclass(frozen=True, slots=True)
class Within(_FromColumns):
    """YOUNGER: INTERNALDATE is at most so many seconds ago; OLDER: at least.  RFC 5032 §2"""

    seconds: int
    younger: bool

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        dates, border = window.seconds, window.mail.now.timestamp() - self.seconds
        if self.younger:
            return [place for place in places if dates[place] >= border]
        return [place for place in places if dates[place] <= border]


class When(Enum):
    BEFORE = "before"
    ON = "on"
    SINCE = "since"

    def days(self, asked: date) -> tuple[float, float]:
        """The day numbers `[first, behind)`: SINCE includes the day, BEFORE does not."""
        day = asked.toordinal()
        if self is When.ON:
            return day, day + 1
        return (float("-inf"), day) if self is When.BEFORE else (day, float("inf"))


@dataclass(frozen=True, slots=True)
class Dated(_FromColumns):
    """By INTERNALDATE; the time is disregarded."""

    when: When
    day: date

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        first, behind = ((day - _EPOCH) * _DAY_SECONDS for day in self.when.days(self.day))
        dates = window.seconds
        return [place for place in places if first <= dates[place] < behind]


@dataclass(frozen=True, slots=True)
class Saved:
    """By the day on which the message came into this mailbox.  RFC 8514 §4.3"""

    when: When
    day: date
    cost: int = Cost.COLUMNS + 1

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        first, behind = ((day - _EPOCH) * _DAY_SECONDS for day in self.when.days(self.day))
        saved = window.mail.mailbox.saved([window.uids[place] for place in places])
        return [place for place, at in zip(places, saved, strict=True) if at is not None and first <= at < behind]


@dataclass(frozen=True, slots=True)
class Sent:
    """By the Date field, time and zone disregarded; a message without a readable one is never found."""

    when: When
    day: date
    cost: int = Cost.HEADER

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        first, behind = self.when.days(self.day)
        days = await window.orders("day", places)
        return [place for place, day in zip(places, days, strict=True) if day is not None and first <= day < behind]


@dataclass(frozen=True, slots=True)
class InHeader:
    """A field (in lower case) that has the folded `needle`; an empty one asks whether the field is there."""

    field: bytes
    needle: str

    @property
    def cost(self) -> int:
        return Cost.HEADER

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        item = "fields" if self.field in RECORDED else "header"
        needle, name = self.needle.encode("utf-8", "replace"), b"\xfe%b: " % self.field.upper()

        def in_field(record: bytes) -> bool:
            header = record.partition(BODY)[0]
            at = header.find(name)
            while at >= 0:
                end = header.find(FIELD, at + 1)
                if header.find(needle, at + len(name), end if end >= 0 else len(header)) >= 0:
                    return True
                at = header.find(name, at + 1)
            return False

        return await find_records(window, places, item, needle or name, in_field)


@dataclass(frozen=True, slots=True)
class InBody:
    needle: str
    cost: int = Cost.TEXT

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        needle = self.needle.encode("utf-8", "replace")

        def in_body(record: bytes) -> bool:
            return record.find(needle, record.find(BODY)) >= 0

        return await find_records(window, places, "text", needle, in_body)


@dataclass(frozen=True, slots=True)
class InText:
    needle: str
    cost: int = Cost.TEXT

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        return await find_records(window, places, "text", self.needle.encode("utf-8", "replace"), None)


@dataclass(frozen=True, slots=True)
class Identified:
    """EMAILID.  RFC 8474 §6"""

    objectid: bytes
    cost: int = Cost.TEXT

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        found = []
        for place in places:
            if window.mail.email_id(window.uids[place]) == self.objectid:
                found.append(place)
            await window.mail.pause()
        return found


@dataclass(frozen=True, slots=True)
class Not:
    key: Key

    @property
    def cost(self) -> int:
        return self.key.cost

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        if isinstance(self.key, Flagged):
            return await Flagged(self.key.flag, wanted=not self.key.wanted).among(window, places)
        matching = set(await self.key.among(window, places))
        return [place for place in places if place not in matching] if matching else places


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

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        for key in self.keys:
            if not places:
                break
            places = await key.among(window, places)
        return places


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

    async def among(self, window: Window, places: Sequence[Place]) -> Sequence[Place]:
        matching = set(await self.keys[0].among(window, places))
        left = [place for place in places if place not in matching]
        if left:
            matching.update(await self.keys[1].among(window, left))
        return [place for place in places if place in matching]


def by_number(key: Key) -> bool:
    """Whether sequence numbers are among the keys."""
    match key:
        case Numbered(numbers):
            return not numbers.by_uid and not numbers.saved
        case Not(inner):
            return by_number(inner)
        case And(keys) | Or(keys):
            return any(map(by_number, keys))
    return False


def _cost(key: Key) -> int:
    return key.cost


async def search(key: Key, mail: Searched) -> list[int]:
    """Indices of the view's messages that match, ascending.  A message that is gone matches nothing.

    Others have their turn between windows, and within those when much has to be read.
    """
    found: list[int] = []
    count = mail.view.count
    for start in range(0, count, _WINDOW):
        window = Window(mail, start, min(start + _WINDOW, count))
        places = await key.among(window, window.present(range(len(window.uids))))
        found += [start + place for place in window.present(places)]
        await mail.pause()
    return found


FLAG_KEYS: Final[Mapping[bytes, str]] = {
    b"ANSWERED": "\\answered",
    b"DELETED": "\\deleted",
    b"DRAFT": "\\draft",
    b"FLAGGED": "\\flagged",
    b"SEEN": "\\seen",
}
