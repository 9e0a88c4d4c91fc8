import sqlite3
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.queue import table
from mailstack.queue.pick import Agenda, Due, Limits, by_domain, together
from mailstack.queue.table import Waits
from mailstack.queue.window import Window, WindowLimits

NOW = 1_000_000.0


class Rows:
    """The tables with rows of our making, and a window on them."""

    def __init__(self, limits=None, lane_of=None, running=1000):
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        table.migrate(self.db)
        self.agenda = Agenda(Limits(running, running))
        self.window = Window(self.agenda, lane_of or by_domain(), lambda work: work(self.db), limits)

    def add(self, domain, at, count=1):
        self.db.execute("BEGIN")
        self.db.executemany(
            "INSERT INTO queue_recipient (message_id, address, domain, orcpt, notify, next_try)"
            " VALUES (?, ?, ?, '', '', ?)",
            ((f"m{i}-{domain}", f"x@{domain}", domain, at) for i in range(count)),
        )
        self.db.execute("COMMIT")

    def look(self, now=NOW):
        """Until the window wants no more of the same moment."""
        for _ in range(10_000):
            self.window.look(now)
            if self.window.next_look(now) != now:
                return
        raise AssertionError("the window looks for ever")

    def finish(self, parcel, again=()):
        self.agenda.done(parcel)
        self.db.executemany("DELETE FROM queue_recipient WHERE id = ?", [(row,) for row in parcel.rows if not again])
        self.window.ended(parcel.rows, again, NOW)


def test_only_what_is_due_soon():
    rows = Rows()
    rows.add("now.test", NOW - 5)
    rows.add("soon.test", NOW + 100)
    rows.add("later.test", NOW + 5000)
    rows.look()
    assert len(rows.window) == 2
    assert rows.window.next_look(NOW) == NOW + 5000 - 150
    rows.look(NOW + 4900)
    assert len(rows.window) == 3
    assert rows.window.next_look(NOW + 4900) is None


def test_a_destination_with_many_rows_leaves_room_for_others():
    """Also when it is dead, and nothing of it ever leaves the window."""
    rows = Rows(WindowLimits(rows=1000, rows_a_lane=400, rows_a_look=100))
    rows.add("huge.test", NOW - 50, 20_000)
    for number in range(100):
        rows.add(f"small{number}.test", NOW - 1)
    rows.look()
    assert len(rows.window) <= 500
    lanes = {parcel.lane.domain for parcel in iter(lambda: rows.agenda.take(NOW), None)}
    assert len(lanes) == 101


def test_many_dead_destinations_leave_room_for_others():
    rows = Rows(WindowLimits(rows=1000, rows_a_lane=400, rows_a_look=100))
    for number in range(30):
        rows.add(f"dead{number}.test", NOW - 50, 500)
    rows.look()
    rows.add("alive.test", NOW)
    rows.window.arrived([Due(30 * 500 + 1, "m", "alive.test", NOW)])
    rows.look()
    assert len(rows.window) < 1000
    assert "alive.test" in {parcel.lane.domain for parcel in iter(lambda: rows.agenda.take(NOW), None)}


def test_urgent_mail_does_not_wait_for_its_lanes_share():
    rows = Rows(WindowLimits(rows=1000, rows_a_lane=10, rows_a_look=100))
    rows.add("huge.test", NOW - 50, 500)
    rows.look()
    rows.add("huge.test", NOW, 2)
    rows.window.arrived([Due(501, "usual", "huge.test", NOW, 0), Due(502, "urgent", "huge.test", NOW, 3)])
    taken = [parcel.message_id for parcel in iter(lambda: rows.agenda.take(NOW), None)]
    assert taken[0] == "urgent"
    assert "usual" not in taken
    rows.look()
    assert rows.agenda.take(NOW) is None


def test_held_rows_stay_out():
    rows = Rows()
    rows.add("t.test", NOW)
    rows.db.execute("UPDATE queue_recipient SET held = 1")
    rows.look()
    assert len(rows.window) == 0
    rows.db.execute("UPDATE queue_recipient SET held = 0")
    rows.window.restart()
    rows.look()
    assert len(rows.window) == 1


def test_what_comes_again_soon_stays_and_what_comes_later_goes():
    rows = Rows()
    rows.add("t.test", NOW, 2)
    rows.look()
    first, second = rows.agenda.take(NOW), rows.agenda.take(NOW)
    rows.finish(first, [Due(first.rows[0], first.message_id, "t.test", NOW + 10)])
    waits = [Waits(second.rows[0], 1, NOW + 9000, None)]
    rows.db.execute("UPDATE queue_recipient SET next_try = ? WHERE id = ?", (waits[0].next_try, second.rows[0]))
    rows.finish(second, [Due(second.rows[0], second.message_id, "t.test", NOW + 9000)])
    assert len(rows.window) == 1
    assert rows.agenda.next_due() == NOW + 10
    assert rows.window.next_look(NOW) == NOW + 9000 - 150


def test_a_million_with_the_same_time_are_found_without_going_over_them_again():
    """The steps that SQLite takes for one look do not grow with how far along the line the front is."""
    rows = Rows(WindowLimits(rows=200, rows_a_lane=50, rows_a_look=500))
    rows.add("huge.test", NOW, 20_000)
    steps = []
    rows.db.set_progress_handler(lambda: steps.append(1) or 0, 1000)
    costs = []
    while rows.window.next_look(NOW) == NOW:
        before = len(steps)
        rows.window.look(NOW)
        costs.append(len(steps) - before)
    assert len(costs) > 30
    assert max(costs) <= 15


def test_memory_is_bounded_whatever_waits():
    rows = Rows()
    for number in range(20):
        rows.add(f"d{number}.test", NOW - number, 5000)
    for number in range(5000):
        rows.add(f"single{number}.test", NOW)
    tracemalloc.start()
    rows.look()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 5000 < len(rows.window) < 30_000
    assert peak < 24 << 20


@pytest.mark.parametrize("lane_of", [by_domain(), together()], ids=["by domain", "smarthost"])
@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    limit=st.integers(4, 60),
    a_lane=st.integers(1, 20),
    a_look=st.integers(1, 10),
    dice=st.randoms(use_true_random=False),
)
def test_everything_gets_its_turn_once(lane_of, counts, limit, a_lane, a_look, dice):
    limits = WindowLimits(rows=limit, rows_a_lane=a_lane, rows_a_look=a_look, domains_behind=3, domains_a_look=2)
    rows = Rows(limits, lane_of, running=3)
    for number, count in enumerate(counts):
        rows.add(f"d{number}.test", NOW - dice.randrange(3), count)
    seen, running = [], []
    for _ in range(20_000):
        rows.window.look(NOW)
        while (parcel := rows.agenda.take(NOW)) is not None:
            running.append(parcel)
            seen.extend(parcel.rows)
        assert len(rows.window) <= limit
        if running:
            rows.finish(running.pop(dice.randrange(len(running))))
        elif rows.window.next_look(NOW) is None:
            break
    assert sorted(seen) == list(range(1, sum(counts) + 1))
