"""What is due and may run now.  Pure: time comes as an argument, in UNIX seconds.

A *lane* is what limits count by.  A *parcel* is the unit of work: one message for
its recipients in one lane that are due together.  Lanes take turns; within a lane
the order is that of the priorities (RFC 6710 §5.1), then of the due times.  A lane whose first
parcel is above or below the usual priority 0 has its turn before or after all the others.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import NamedTuple

from mailstack.queue.pace import Pace, Sign
from mailstack.queue.turns import Turns

__all__ = ["Agenda", "Due", "Lane", "LaneOf", "Limits", "Parcel", "by_domain", "make_parcels", "together"]


class Lane(NamedTuple):
    """`route` names a courier; `domain` is "" when all domains of the route share one connection."""

    route: str
    domain: str = ""


LaneOf = Callable[[str], Lane]  # recipient domain → its lane


def by_domain(route: str = "mx") -> LaneOf:
    """Every domain is a lane of its own: mail goes by MX."""
    return lambda domain: Lane(route, domain.lower())


def together(route: str = "smarthost") -> LaneOf:
    """All domains are one lane: one server takes everything."""
    return lambda _domain: Lane(route)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may run at the same time; within `running_a_lane` each lane finds its own (`pace`).

    A smarthost's one lane counts as a lane.
    """

    running: int = 100
    running_a_lane: int = 10
    recipients_a_parcel: int = 100  # RFC 5321 §4.5.3.1.8: what every server must take


class Due(NamedTuple):
    """One waiting recipient, as far as picking is concerned."""

    row: int
    message_id: str
    domain: str
    at: float
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    message_id: str
    lane: Lane
    rows: tuple[int, ...]
    due: float
    priority: int = 0


def make_parcels(waiting: Iterable[Due], lane_of: LaneOf, recipients_max: int) -> Iterator[Parcel]:
    """Recipients of one message, one lane and one time belong together, up to `recipients_max`."""
    groups: dict[tuple[str, Lane, float, int], list[int]] = {}
    lane_of = cache(lane_of)  # there are fewer domains than recipients
    for due in waiting:
        groups.setdefault((due.message_id, lane_of(due.domain), due.at, due.priority), []).append(due.row)
    for (message_id, lane, at, priority), rows in groups.items():
        for start in range(0, len(rows), recipients_max):
            yield Parcel(message_id, lane, tuple(rows[start : start + recipients_max]), at, priority)


class Agenda:
    """All parcels that wait, and the count of those that run."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._order = count()  # ties in the heaps: first come, first served
        self._later: list[tuple[float, int, Parcel]] = []
        self._ready: dict[Lane, list[tuple[int, int, Parcel]]] = {}  # heaps: the highest priority first
        self._turns: Turns[Lane] = Turns()  # lanes with something ready, room to run and no rest
        self._rest_ends: dict[Lane, float] = {}
        self._rests: list[tuple[float, int, Lane]] = []
        self._running: dict[Lane, int] = {}
        self._running_rows: set[int] = set()
        self._pace: Pace[Lane] = Pace()

    def add(self, parcel: Parcel) -> None:
        heapq.heappush(self._later, (parcel.due, next(self._order), parcel))

    def take(self, now: float) -> Parcel | None:
        """The next parcel to run; it counts as running until `done`."""
        self._promote(now)
        if not self._turns or sum(self._running.values()) >= self.limits.running:
            return None
        lane = self._turns.take()
        _, _, parcel = heapq.heappop(self._ready[lane])
        self._running[lane] = self._running.get(lane, 0) + 1
        self._running_rows.update(parcel.rows)
        self._line_up(lane)
        return parcel

    def done(self, parcel: Parcel) -> None:
        """It runs no more.  What is left of it has been or will be added anew."""
        left = self._running[parcel.lane] - 1
        if left:
            self._running[parcel.lane] = left
        else:
            del self._running[parcel.lane]
        self._running_rows.difference_update(parcel.rows)
        self._line_up(parcel.lane)

    def heard(self, lane: Lane, sign: Sign) -> None:
        """What a delivery that still counts as running has told about its lane."""
        self._pace.heard(lane, sign, self._running.get(lane, 0), self.limits.running_a_lane)

    def rest(self, lane: Lane, until: float) -> None:
        """Start nothing in this lane before `until`: its servers could not be reached."""
        self._rest_ends[lane] = until
        heapq.heappush(self._rests, (until, next(self._order), lane))
        self._turns.leave(lane)

    def awake(self, lane: Lane) -> None:
        """End a rest: the operator asked, or a server was reached after all."""
        if self._rest_ends.pop(lane, None) is not None:
            self._line_up(lane)

    def forget_waiting(self) -> Collection[int]:
        """Only what runs is left; the rows of that."""
        self._later.clear()
        self._ready.clear()
        self._turns = Turns()
        return self._running_rows

    def next_due(self) -> float | None:
        """When `take` may give more than now, if nothing is added or done before."""
        times = [heap[0][0] for heap in (self._later, self._rests) if heap]
        return min(times, default=None)

    def is_running(self, row: int) -> bool:
        return row in self._running_rows

    @property
    def rows_running(self) -> int:
        return len(self._running_rows)

    @property
    def running(self) -> Mapping[Lane, int]:
        return self._running

    def _promote(self, now: float) -> None:
        while self._rests and self._rests[0][0] <= now:
            _, _, lane = heapq.heappop(self._rests)
            if self._rest_ends.get(lane, now + 1) <= now:
                self.awake(lane)
        while self._later and self._later[0][0] <= now:
            _, _, parcel = heapq.heappop(self._later)
            heapq.heappush(self._ready.setdefault(parcel.lane, []), (-parcel.priority, next(self._order), parcel))
            self._line_up(parcel.lane)

    def _line_up(self, lane: Lane) -> None:
        """Give the lane a turn, at the end of the line, if it has something to do and may."""
        if not self._ready.get(lane):
            self._ready.pop(lane, None)
        elif lane in self._rest_ends:
            return
        elif self._running.get(lane, 0) < self._pace.allowed(lane, self.limits.running_a_lane):
            self._turns.add(lane, self._ready[lane][0][2].priority)
