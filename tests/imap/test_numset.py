from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import ParseFault
from mailstack.imap.numset import NUMSET, STAR, NumSet, compact, merged

UIDS = [3, 5, 9, 20]


@pytest.mark.parametrize(
    ("text", "by_uid", "spans"),
    [
        (b"1", False, [(0, 1)]),
        (b"*", False, [(3, 4)]),
        (b"2:*", False, [(1, 4)]),
        (b"9:*", False, [(3, 4)]),  # `*` is 4, and there is no 9: what Dovecot answers
        (b"*:9", False, [(3, 4)]),
        (b"*:2", False, [(1, 4)]),  # RFC 9051 §9: the order of the ends does not matter
        (b"4,1", False, [(0, 1), (3, 4)]),
        (b"1:2,2:3", False, [(0, 3)]),
        (b"5", True, [(1, 2)]),
        (b"4", True, []),
        (b"1:6", True, [(0, 2)]),
        (b"100:*", True, [(3, 4)]),  # `*` is 20, and 20:100 holds it
        (b"*", True, [(3, 4)]),
        (b"1:*", True, [(0, 4)]),
    ],
)
def test_spans(text, by_uid, spans):
    assert NumSet.parse(text, by_uid=by_uid).spans(UIDS) == spans


@pytest.mark.parametrize("text", [b"5", b"1:5", b"1,9"])
def test_sequence_number_that_does_not_exist(text):
    with pytest.raises(ParseFault):
        NumSet.parse(text).spans(UIDS)


def test_empty_mailbox():
    """quirk: Outlook asks `UID FETCH 1:*` of an empty mailbox and fails on anything but OK."""
    assert NumSet.parse(b"1:*", by_uid=True).spans([]) == []
    assert NumSet.parse(b"1:*").spans([]) == []
    with pytest.raises(ParseFault):
        NumSet.parse(b"1").spans([])


@pytest.mark.parametrize("text", [b"0", b"0:3", b"4294967296", b"99999999999999999999"])
def test_numbers_out_of_range(text):
    with pytest.raises(ParseFault):
        NumSet.parse(text)


@pytest.mark.parametrize(
    ("numbers", "text"), [([], b""), ([4], b"4"), ([1, 2, 3, 7, 9, 10], b"1:3,7,9:10"), ([3, 1, 2], b"3,1:2")]
)
def test_compact(numbers, text):
    assert compact(numbers) == text


bounds = st.one_of(st.integers(1, STAR - 1), st.just(STAR))


@given(st.lists(st.tuples(bounds, bounds), min_size=1, max_size=6))
def test_encode_and_parse(ranges):
    numbers = NumSet(tuple(ranges))
    assert NUMSET.fullmatch(numbers.encode())
    assert NumSet.parse(numbers.encode()) == numbers


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))))
def test_merged_spans_hold_the_same_indices(spans):
    result = merged(spans)
    assert {i for a, b in spans for i in range(a, b)} == {i for a, b in result for i in range(a, b)}
    assert all(a[1] < b[0] for a, b in pairwise(result))


@given(st.sets(st.integers(1, 60)), st.lists(st.tuples(st.integers(1, 70), st.integers(1, 70)), min_size=1))
def test_uid_spans_against_the_plain_meaning(uids, ranges):
    uids = sorted(uids)
    wanted = {uid for uid in uids for a, b in ranges if min(a, b) <= uid <= max(a, b)}
    spans = NumSet(tuple(ranges), by_uid=True).spans(uids)
    assert {uids[i] for start, stop in spans for i in range(start, stop)} == wanted
