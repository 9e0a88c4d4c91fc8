import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.queue.api import Deferred, Delivered, Failed, RemoteReply
from mailstack.queue.pace import Pace, Sign, sign_of
from mailstack.queue.pick import Agenda, Lane, Limits
from tests.queue.test_pick import A, B, parcel, taken


def reply(code, status=""):
    return RemoteReply("mx.test", code, status or f"{code // 100}.0.0", "words")


OK, NO, LATER = Delivered(reply(250)), Failed(reply(550)), Deferred(reply(450))
BUSY = Deferred(reply(421))


@pytest.mark.parametrize(
    ("outcomes", "sign"),
    [
        ([OK], Sign.GOOD),
        ([NO], Sign.GOOD),
        ([LATER], Sign.NONE),
        ([Failed(reply(0, "5.1.2"))], Sign.NONE),  # our own word: no server has said a thing
        ([Deferred(reply(0, "4.4.1"))], Sign.NONE),  # not reached: the lane rests
        ([BUSY], Sign.PUSH_BACK),
        ([Deferred(reply(451))], Sign.PUSH_BACK),
        ([Deferred(reply(0, "4.4.2"))], Sign.PUSH_BACK),
        ([OK, BUSY, OK], Sign.PUSH_BACK),
        ([OK, LATER], Sign.GOOD),
        ([], Sign.NONE),
    ],
)
def test_signs(outcomes, sign):
    assert sign_of(outcomes) is sign


def test_up_by_one_a_window_and_down_by_half():
    pace = Pace()
    assert pace.allowed(A, 20) == 3
    for _ in range(4):
        pace.heard(A, Sign.GOOD, 3, 20)
    assert pace.allowed(A, 20) == 4
    for _ in range(500):
        pace.heard(A, Sign.GOOD, 3, 20)
    assert pace.allowed(A, 20) == 20
    for running in range(20, 0, -1):  # everything that runs is pushed back
        pace.heard(A, Sign.PUSH_BACK, running, 20)
    assert 1 <= pace.allowed(A, 20) <= 10
    for _ in range(10):
        pace.heard(A, Sign.PUSH_BACK, 1, 20)
    assert pace.allowed(A, 20) == 1
    assert pace.allowed(B, 20) == 3


def test_it_forgets_the_longest_unheard_of():
    pace = Pace()
    for n in range(10_001):
        pace.heard(n, Sign.GOOD, 1, 5)
    assert len(pace._windows) == 10_000
    assert 0 not in pace._windows


@given(st.lists(st.tuples(st.sampled_from(Sign), st.integers(1, 50), st.integers(1, 50)), max_size=200))
def test_the_window_never_leaves_its_bounds(news):
    pace = Pace()
    for sign, running, ceiling in news:
        pace.heard(A, sign, running, ceiling)
        assert 1 <= pace.allowed(A, ceiling) <= ceiling


def test_a_busy_lane_gets_less_and_the_others_do_not_notice():
    agenda = Agenda(Limits(running=100, running_a_lane=10))
    for row in range(20):
        agenda.add(parcel(row))
        agenda.add(parcel(100 + row, B))
    assert taken(agenda) == [0, 100, 1, 101, 2, 102]
    for row in (0, 1, 2):
        agenda.heard(A, Sign.PUSH_BACK)
        agenda.done(parcel(row))
    for row in (100, 101, 102):
        agenda.heard(B, Sign.GOOD)
        agenda.done(parcel(row, B))
    assert taken(agenda) == [3, 103, 104, 105]


def test_a_dead_destination_never_delays_the_others():
    """A lane whose every delivery hangs takes its own places, and no more."""
    agenda = Agenda(Limits(running=10, running_a_lane=5))
    dead = Lane("mx", "dead.test")
    for row in range(1000):
        agenda.add(parcel(row, dead))
    for row in range(1000, 1100):
        agenda.add(parcel(row))
    done = []
    while (each := agenda.take(0.0)) is not None:
        if each.lane == A:
            done.append(each)
            agenda.heard(A, Sign.GOOD)
            agenda.done(each)
    assert len(done) == 100
