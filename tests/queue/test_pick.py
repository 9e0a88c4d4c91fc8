from hypothesis import given
from hypothesis import strategies as st

from mailstack.queue.pick import Agenda, Due, Lane, Limits, Parcel, by_domain, make_parcels, together

A, B = Lane("mx", "a.test"), Lane("mx", "b.test")


def parcel(row, lane=A, due=0.0):
    return Parcel(f"m{row}", lane, (row,), due)


def taken(agenda, now=0.0):
    rows = []
    while (each := agenda.take(now)) is not None:
        rows.append(each.rows[0])
    return rows


def test_parcels_are_a_message_a_lane_and_a_time():
    due = [
        Due(1, "m", "a.test", 5.0),
        Due(2, "m", "b.test", 5.0),
        Due(3, "m", "A.test", 5.0),
        Due(4, "m", "a.test", 9.0),
    ]
    due.append(Due(5, "n", "a.test", 5.0))
    made = [(p.message_id, p.lane, p.rows, p.due) for p in make_parcels(due, by_domain(), 100)]
    assert made == [("m", A, (1, 3), 5.0), ("m", B, (2,), 5.0), ("m", A, (4,), 9.0), ("n", A, (5,), 5.0)]
    assert [p.rows for p in make_parcels(due[:3], together(), 2)] == [(1, 2), (3,)]


def test_lanes_take_turns_and_keep_to_their_limit():
    agenda = Agenda(Limits(running=10, running_a_lane=2))
    for row in (1, 2, 3, 4):
        agenda.add(parcel(row))
    agenda.add(parcel(5, B))
    assert taken(agenda) == [1, 5, 2]
    agenda.done(parcel(1))
    assert taken(agenda) == [3]


def test_the_limit_of_all():
    agenda = Agenda(Limits(running=1, running_a_lane=5))
    agenda.add(parcel(1))
    agenda.add(parcel(2, B))
    assert taken(agenda) == [1]
    assert agenda.take(0.0) is None
    agenda.done(parcel(1))
    assert taken(agenda) == [2]


def test_nothing_before_its_time():
    agenda = Agenda(Limits())
    agenda.add(parcel(1, due=10.0))
    assert agenda.take(9.9) is None
    assert agenda.next_due() == 10.0
    assert taken(agenda, 10.0) == [1]
    assert agenda.next_due() is None


def test_a_lane_rests_until_its_time_or_until_it_is_woken():
    agenda = Agenda(Limits())
    agenda.rest(A, 60.0)
    for row in (1, 2):
        agenda.add(parcel(row))
    agenda.add(parcel(3, B))
    assert taken(agenda) == [3]
    assert agenda.next_due() == 60.0
    agenda.rest(A, 90.0)  # longer
    assert taken(agenda, 60.0) == []
    agenda.awake(A)
    assert taken(agenda, 60.0) == [1, 2]
    agenda.rest(B, 100.0)
    agenda.add(parcel(4, B))
    assert taken(agenda, 100.0) == [4]


def test_forget_waiting_leaves_what_runs():
    agenda = Agenda(Limits())
    agenda.add(Parcel("m", A, (1, 2, 3), 0.0))
    agenda.add(Parcel("n", A, (4,), 50.0))
    running = agenda.take(0.0)
    agenda.add(Parcel("o", B, (5, 6), 0.0))
    assert set(agenda.forget_waiting()) == {1, 2, 3}
    assert agenda.take(99.0) is None
    assert agenda.is_running(2)
    agenda.done(running)
    agenda.add(Parcel("o", A, (5, 6), 0.0))
    assert agenda.take(99.0).rows == (5, 6)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=30),
    st.integers(1, 4),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_everything_runs_once_and_the_limits_hold(entries, running, running_a_lane, dice):
    agenda = Agenda(Limits(running, running_a_lane))
    parcels = [Parcel(str(i), Lane("mx", str(lane)), (i,), float(due)) for i, (lane, due) in enumerate(entries)]
    for each in parcels:
        agenda.add(each)
    now, under_way, seen = 0.0, [], []
    while len(seen) < len(parcels) or under_way:
        got = agenda.take(now)
        if got is not None:
            assert got.due <= now
            under_way.append(got)
            seen.append(got.rows[0])
        elif under_way:
            agenda.done(under_way.pop(dice.randrange(len(under_way))))
        else:
            now = agenda.next_due()
        assert len(under_way) <= running
        assert all(count <= running_a_lane for count in agenda.running.values())
    assert sorted(seen) == list(range(len(parcels)))
    assert not agenda.running
