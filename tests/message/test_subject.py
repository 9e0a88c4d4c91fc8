"""The base subject.  RFC 5256 §2.1"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message.subject import base_subject

TABLE = [
    ("", "", False),
    ("Hello", "Hello", False),
    ("  Hello \t world  ", "Hello world", False),
    ("Re: Hello", "Hello", True),
    ("RE : re:fw: FWD: Hello", "Hello", True),
    ("Re[2]: Hello", "Hello", True),
    ("Re [2] : Hello", "Hello", True),
    ("Fwd: [list] Re: Hello", "Hello", True),
    ("[list] Hello", "Hello", False),
    ("[list] [other] Hello", "Hello", False),
    ("[list] [other]", "[other]", False),
    ("[list]", "[list]", False),
    ("[a][b] Re: [c] x", "x", True),
    ("Re: [list]", "[list]", True),
    ("Hello (fwd)", "Hello", True),
    ("Hello (FWD) (fwd) ", "Hello", True),
    ("(fwd)", "", True),
    ("[fwd: Hello]", "Hello", True),
    ("[Fwd: Re: Hello (fwd)]", "Hello", True),
    ("[fwd: [fwd: Hello]]", "Hello", True),
    ("[fwd: Hello] more", "more", False),  # a blob
    ("Re:", "", True),
    ("Re", "Re", False),
    ("Reply: x", "Reply: x", False),
    ("Ré: x", "Ré: x", False),
    ("[unclosed x", "[unclosed x", False),
    ("[a] ]", "]", False),
    ("AW: x", "AW: x", False),
]


@pytest.mark.parametrize(("text", "base", "reply"), TABLE)
def test_base(text, base, reply):
    assert base_subject(text) == (base, reply)


@given(st.lists(st.sampled_from(["re", "fwd", ":", "[", "]", "a", " ", "(fwd)", "[fwd:", "[x]"]), max_size=12))
def test_the_base_of_a_base_is_itself(words):
    base, _ = base_subject("".join(words))
    assert base_subject(base) == (base, False)


@pytest.mark.parametrize(
    "text",
    ["[a]", "[a] ", "[fwd:", "re:", "re ", "(fwd)", "[", "]", "re[a", " ", "fwd [a] [b]: "],
)
def test_hostile_subjects_cost_little(text):
    text = text * 50_000 + "re"
    start = time.perf_counter()
    base_subject(text)
    base_subject(text + "]" * 50_000)
    assert time.perf_counter() - start < 1
