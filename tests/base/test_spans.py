import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.spans import read, spelled


def test_spelled():
    assert spelled([1, 2, 3, 7, 9, 10]) == "1:3,7,9:10"
    assert spelled([]) == ""


@given(st.sets(st.integers(1, 1000)))
def test_comes_back(numbers):
    assert list(read(spelled(sorted(numbers)))) == sorted(numbers)


def test_nothing_else():
    with pytest.raises(ValueError):
        list(read("1:x"))
