from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.queue.schedule import GIVE_UP_AFTER, next_attempt

MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("tries", "minutes"), [(1, 5), (2, 15), (3, 30), (4, 60), (5, 120), (6, 240), (7, 240), (99, 240)]
)
def test_the_table(tries, minutes):
    assert next_attempt(timedelta(hours=1), tries, 0.0) == minutes * MINUTES


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 50))
def test_jitter_adds_up_to_a_fifth(jitter, tries):
    plain = next_attempt(timedelta(0), tries, 0.0)
    assert plain <= next_attempt(timedelta(0), tries, jitter) <= plain * 1.2


def test_a_try_just_when_the_delay_is_told():
    hours = timedelta(hours=1)
    notice = 4 * hours
    assert next_attempt(3.5 * hours, 5, 0.0, delay_notice_after=notice) == 30 * MINUTES
    assert next_attempt(4 * hours, 6, 0.0, delay_notice_after=notice) == 240 * MINUTES
    assert next_attempt(1 * hours, 3, 0.0, delay_notice_after=notice) == 30 * MINUTES


def test_gives_up_after_five_days_and_tries_once_more_just_then():
    assert next_attempt(GIVE_UP_AFTER - 3 * MINUTES, 20, 0.0) == 3 * MINUTES
    assert next_attempt(GIVE_UP_AFTER, 20, 0.0) is None
    assert next_attempt(timedelta(days=9), 1, 0.5) is None
    assert next_attempt(timedelta(hours=1), 1, 0.0, give_up_after=timedelta(hours=1)) is None
