"""Dates: what people send, and the one form that we write."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message.date import format_date, parse_date


def at(*numbers: int, zone: float = 0) -> datetime:
    return datetime(*numbers, tzinfo=timezone(timedelta(hours=zone)))  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"Fri, 21 Nov 1997 09:55:06 -0600", at(1997, 11, 21, 9, 55, 6, zone=-6)),  # RFC 5322 §A.1.1
        (b"21 Nov 97 09:55:06 GMT", at(1997, 11, 21, 9, 55, 6)),  # §A.6.2
        (b"Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)", at(1969, 2, 13, 23, 32, zone=-3.5)),  # §A.5
        (b"Tue, 1 Jul 2003 10:52:37 +0200", at(2003, 7, 1, 10, 52, 37, zone=2)),
        (b"  mon ,(x (y)) 1 jul 2024 1:02", at(2024, 7, 1, 1, 2)),
        (b"1 Jul 49 10:00 EST", at(2049, 7, 1, 10, 0, zone=-5)),
        (b"1 Jul 101 10:00 A", at(2001, 7, 1, 10, 0)),
        (b"1 July 2024 10:00:60 Z", at(2024, 7, 1, 10, 0, 59)),
        (b"23-Nov-2026 20:12:55 +0530", at(2026, 11, 23, 20, 12, 55, zone=5.5)),
        (b"Mon Nov 23 20:12:55 2026", at(2026, 11, 23, 20, 12, 55)),
        (b"Mon, Nov 23 20:12:55 2026 +0100", at(2026, 11, 23, 20, 12, 55, zone=1)),
        (b"2026-11-23T20:12:55.123Z", at(2026, 11, 23, 20, 12, 55)),
        (b"2026-11-23 20:12:55+01:00", at(2026, 11, 23, 20, 12, 55, zone=1)),
        (b"2026-11-23", at(2026, 11, 23)),
        (b"23 Nov 2026", at(2026, 11, 23)),
        (b"23 Nov 2026 20:12:55 +9999", at(2026, 11, 23, 20, 12, 55)),
        (b"", None),
        (b"tomorrow", None),
        (b"31 Feb 2024 10:00:00 +0000", None),
        (b"1 Foo 2024 10:00:00 +0000", None),
        (b"1 Jul 2024 25:00:00 +0000", None),
        (b"1 Jul 0000 10:00:00 +0000", None),
        (b"(" * 500, None),
    ],
)
def test_parse(value: bytes, expected: datetime | None) -> None:
    found = parse_date(value)
    assert found == expected
    if found and expected:
        assert found.utcoffset() == expected.utcoffset()


def test_format() -> None:
    assert format_date(datetime(2026, 11, 3, 2, 1, 5, tzinfo=UTC)) == "Tue, 03 Nov 2026 02:01:05 +0000"
    assert format_date(at(1969, 2, 13, 23, 32, zone=-3.5)) == "Thu, 13 Feb 1969 23:32:00 -0330"


@given(
    st.datetimes(min_value=datetime(1000, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_written_dates_are_read_back(moment: datetime, minutes: int) -> None:
    moment = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    again = parse_date(format_date(moment).encode())
    assert again == moment
    assert again.utcoffset() == moment.utcoffset()


@given(st.binary(max_size=60))
def test_never_raises(value: bytes) -> None:
    parse_date(value)


def test_one_moment_in_two_zones_is_written_twice():
    here = datetime(2026, 11, 23, 20, 12, 55, tzinfo=UTC)
    there = here.astimezone(timezone(timedelta(hours=-5)))
    assert here == there
    assert format_date(here) == "Mon, 23 Nov 2026 20:12:55 +0000"
    assert format_date(there) == "Mon, 23 Nov 2026 15:12:55 -0500"
