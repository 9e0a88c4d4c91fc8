"""Which rows of the queue are in memory: what is due soon, and of each lane no more than a share.

All rows stand in one line by (next try, row).  The *front* is how far along it the window has
looked: each row before it is in memory, or its domain is noted as *behind* and is asked for again
when its lane has worked off what it has.  The fuller the window, the less a lane may
hold, at last one row: however many rows one destination has, and though thousands of
destinations are dead, there is room for the next one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mailstack.queue import table
from mailstack.queue.pick import Agenda, Due, Lane, LaneOf, make_parcels

__all__ = ["Window", "WindowLimits"]

T = TypeVar("T")
Read = Callable[[Callable[[Any], T]], T]

_START = (float("-inf"), 0)
_LAST_ROW = 1 << 62


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """`ahead_seconds`: what is due that soon is in memory.  The others bound memory and the length of one look."""

    ahead_seconds: float = 300.0
    rows: int = 30_000  # in memory, about 500 octets each
    rows_a_lane: int = 2_000
    rows_a_look: int = 1_000  # a few milliseconds
    domains_behind: int = 20_000
    domains_a_look: int = 50


class Window:
    """Feeds the agenda.  `read` runs a query over what is committed (`store.api.Ledger.read`)."""

    def __init__(
        self, agenda: Agenda, lane_of: LaneOf, read: Callable[..., Any], limits: WindowLimits | None = None
    ) -> None:
        self._agenda, self._lane_of, self._read = agenda, lane_of, read
        self._limits = limits or WindowLimits()
        self._loaded: dict[int, Lane] = {}
        self._lanes: dict[str, Lane] = {}  # of the domains of this look; they may change
        self._of_lane: Counter[Lane] = Counter()
        self._behind: dict[Lane, dict[str, None]] = {}  # domains, the one longest not asked for first
        self._domains_behind = 0
        self._front: tuple[float, int] = _START
        self._next: float | None = _START[0]  # no row beyond the front is due before; None: there is none

    def __len__(self) -> int:
        return len(self._loaded)

    # --- what happens to rows --------------------------------------------------------------------------

    def arrived(self, new: Sequence[Due]) -> None:
        """Rows that have just been committed.  Urgent ones do not wait for their lane's share: RFC 6710 §4.1"""
        self._lanes.clear()
        taken: list[Due] = []
        for due in new:
            if (due.at, due.row) > self._front:
                self._note_later(due.at)
            elif due.priority > 0 and self._room:
                self._take(due, taken)
            else:
                self._offer(due, taken)
        self._plan(taken)

    def ended(self, rows: Iterable[int], again: Sequence[Due], now: float) -> None:
        """A parcel is done; `again`: those of its rows that go on waiting.

        What comes again soon stays in memory, whatever the table says: it may be there
        with the time of the try that has just been.
        """
        self._lanes.clear()
        for row in rows:
            self._release(row)
        taken: list[Due] = []
        for due in again:
            if due.at <= now + self._limits.ahead_seconds:
                self._take(due, taken)
            else:
                self._note_later(due.at)
        self._plan(taken)

    def restart(self) -> None:
        """Rows were changed from outside: forget all that does not run, and look from the start."""
        running = self._agenda.forget_waiting()
        self._loaded = {row: lane for row, lane in self._loaded.items() if row in running}
        self._of_lane = Counter(self._loaded.values())
        self._behind.clear()
        self._domains_behind = 0
        self._front, self._next = _START, _START[0]

    # --- looking ---------------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Bring in some of what is missing.  Milliseconds; `next_look` tells when to look again."""
        self._lanes.clear()
        if self._may_sweep(now):
            self._sweep(now + self._limits.ahead_seconds)
        self._catch_up()

    def next_look(self, now: float) -> float | None:
        """When there is more to bring in; None: not before a parcel ends or a row arrives."""
        if self._may_sweep(now) or any(self._has_room(lane) for lane in self._behind):
            return now
        if self._next is None or not self._room:
            return None
        return max(self._next - self._limits.ahead_seconds / 2, now)

    def _may_sweep(self, now: float) -> bool:
        """In steps of half the horizon: else each row would ask for a look of its own."""
        soon = self._next is not None and self._next <= now + self._limits.ahead_seconds / 2
        return soon and self._room > 0

    @property
    def _room(self) -> int:
        if self._domains_behind >= self._limits.domains_behind:
            return 0
        return max(self._limits.rows - 1 - len(self._loaded), 0)

    def _sweep(self, until: float) -> None:
        found = self._read(lambda db: table.due_after(db, self._front, until, self._limits.rows_a_look))
        taken: list[Due] = []
        for due in found:
            if not self._room:
                break
            self._offer(due, taken)
            self._front = due.at, due.row
        else:
            if len(found) < self._limits.rows_a_look:
                self._front = max(self._front, (until, _LAST_ROW))
                self._next = self._read(lambda db: table.first_after(db, until))
        self._plan(taken)

    def _catch_up(self) -> None:
        """Rows before the front of lanes that have worked off half of their share."""
        asked = 0
        for lane in list(self._behind):
            while lane in self._behind and self._has_room(lane) and asked < self._limits.domains_a_look:
                self._refill(lane, next(iter(self._behind[lane])))
                asked += 1

    def _has_room(self, lane: Lane) -> bool:
        return self._of_lane[lane] <= self._share // 2 and len(self._loaded) < self._limits.rows - 1

    def _refill(self, lane: Lane, domain: str) -> None:
        wanted = self._of_lane[lane] + self._share  # those that are here already are found again
        found = self._read(lambda db: table.due_of_domain(db, domain, self._front[0], wanted))
        self._leave_behind(lane, domain)
        taken: list[Due] = []
        for due in found:
            self._offer(due, taken)
        if len(found) == wanted:
            self._fall_behind(lane, domain)
        self._plan(taken)

    # --- inside ----------------------------------------------------------------------------------------

    @property
    def _share(self) -> int:
        """What one lane may hold just now: its limit in an empty window, a sixteenth of that in one half full."""
        free = self._limits.rows - len(self._loaded)
        return max(1, int(self._limits.rows_a_lane * (free / self._limits.rows) ** 4)) if free > 1 else 0

    def _lane(self, domain: str) -> Lane:
        lane = self._lanes.get(domain)
        if lane is None:
            lane = self._lanes[domain] = self._lane_of(domain)
        return lane

    def _offer(self, due: Due, taken: list[Due]) -> None:
        if due.row in self._loaded:
            return
        lane = self._lane(due.domain)
        if self._of_lane[lane] < self._share:
            self._take(due, taken)
        else:
            self._fall_behind(lane, due.domain)

    def _take(self, due: Due, taken: list[Due]) -> None:
        lane = self._lane(due.domain)
        self._loaded[due.row] = lane
        self._of_lane[lane] += 1
        taken.append(due)

    def _release(self, row: int) -> None:
        lane = self._loaded.pop(row, None)
        if lane is not None:
            self._of_lane[lane] -= 1
            if not self._of_lane[lane]:
                del self._of_lane[lane]

    def _fall_behind(self, lane: Lane, domain: str) -> None:
        domains = self._behind.setdefault(lane, {})
        if domain not in domains:
            domains[domain] = None
            self._domains_behind += 1

    def _leave_behind(self, lane: Lane, domain: str) -> None:
        del self._behind[lane][domain]
        self._domains_behind -= 1
        if not self._behind[lane]:
            del self._behind[lane]

    def _note_later(self, at: float) -> None:
        self._next = at if self._next is None else min(self._next, at)

    def _plan(self, taken: Sequence[Due]) -> None:
        for parcel in make_parcels(taken, self._lane, self._agenda.limits.recipients_a_parcel):
            self._agenda.add(parcel)
