"""Flags in their three forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError
from mailstack.store import flags

WORDS = ("todo", "", "$Junk")


@pytest.mark.parametrize(
    ("bits", "names", "letters"),
    [
        (0, (), ""),
        (flags.SEEN, ("\\Seen",), "S"),
        (31, ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"), "DFRST"),
        (32 | flags.SEEN | 128, ("\\Seen", "$Junk", "todo"), "Sac"),
        (64, (), "b"),
    ],
)
def test_forms(bits, names, letters):
    assert flags.names_of(bits, WORDS) == names
    assert flags.letters_of(bits) == letters
    assert flags.read_letters(letters) == bits
    assert flags.bits_of(names, WORDS) == bits & ~64


@pytest.mark.parametrize("name", ["\\Recent", "\\Unheard", "other", ""])
def test_names_without_a_bit(name):
    assert flags.bits_of([name], WORDS) == 0


def test_names_are_compared_without_case():
    assert flags.bits_of(["\\sEEN", "$JUNK"], WORDS) == flags.SEEN | 128
    assert flags.with_keywords(["$JUNK", "TODO", "\\Seen"], WORDS, ()) == WORDS


def test_letters_of_others_are_kept():
    assert flags.merged(flags.SEEN, "PT") == "PS"
    assert flags.merged(32, "PbZ") == "PZa"


def test_a_free_slot_is_given_first():
    assert flags.with_keywords(["new", "NEW", "second"], WORDS, ()) == ("todo", "NEW", "$Junk", "second")


@pytest.mark.parametrize("name", ["a b", "", "ü", "a\x00", "x" * 256])
def test_what_cannot_be_a_keyword(name):
    with pytest.raises(MailError) as caught:
        flags.with_keywords([name], (), ())
    assert caught.value.condition is Condition.NOT_ALLOWED


def test_the_27th_takes_the_place_of_one_that_nobody_uses():
    full = tuple(f"k{number}" for number in range(26))
    in_use = set(range(26)) - {4}
    assert flags.with_keywords(["new"], full, in_use)[4] == "new"
    with pytest.raises(MailError) as caught:
        flags.with_keywords(["new"], full, range(26))
    assert caught.value.condition is Condition.LIMIT
    with pytest.raises(MailError):
        flags.with_keywords(["new", "k4"], full, in_use)


@given(st.integers(0, (1 << 31) - 1), st.text("PRSTDFabz", max_size=6))
def test_letters_come_back(bits, disk):
    assert flags.read_letters(flags.letters_of(bits)) == bits
    assert flags.read_letters(flags.merged(bits, disk)) == bits
