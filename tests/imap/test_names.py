import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import MailError, ParseFault
from mailstack.imap.names import checked, decode_name, decode_pattern, encode_name, matcher, parents


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        (b"INBOX", "INBOX"),
        (b"inBox", "INBOX"),
        (b"inbox/Old", "INBOX/Old"),
        (b"inboxes", "inboxes"),
        (b"Trash", "Trash"),
        (b"R&-D", "R&D"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),  # RFC 3501 §5.1.3
        (b"&2D3eAA-", "\N{WAVING HAND SIGN}".replace("\N{WAVING HAND SIGN}", "\U0001f600")),
    ],
)
def test_decode(wire, name):
    assert decode_name(wire) == name


@pytest.mark.parametrize(
    "wire",
    [
        b"R&D",  # & without its -
        b"&AGE-",  # a plain letter in a shift: RFC 3501 §5.1.3
        b"&Jjo!",  # the RFC's bad example
        b"&2D0-",  # half a surrogate pair
        b"&A-",
        b"&AAA-",
        b"\xc3\xbc",
        b"a" * 1001,
    ],
)
def test_refused(wire):
    with pytest.raises(ParseFault):
        decode_name(wire)


def test_one_name_in_two_unicode_forms():
    assert decode_name(encode_name("Entwu\N{COMBINING DIAERESIS}rfe")) == "Entwürfe"


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_round_trip(name):
    wire = encode_name(name)
    assert wire.isascii()
    if not any(sign < " " or sign == "\x7f" for sign in name):
        assert decode_pattern(decode_to_wire(wire)) == decode_pattern(wire)


def decode_to_wire(wire):
    return encode_name(decode_pattern(wire))


@pytest.mark.parametrize("name", ["", "a//b", "/a", "a/", "a%b", "a*b", "a\nb", "a/../b", "."])
def test_names_that_no_mailbox_may_have(name):
    with pytest.raises(MailError):
        checked(name)


def test_parents():
    assert parents("a/b/c") == ["a", "a/b"]
    assert parents("a") == []


@pytest.mark.parametrize(
    ("reference", "pattern", "name", "accepted"),
    [
        ("", "*", "a/b/c", True),
        ("", "%", "a", True),
        ("", "%", "a/b", False),
        ("", "%/%", "a/b", True),
        ("a/", "%", "a/b", True),
        ("a/", "%", "a", False),
        ("", "inbox", "INBOX", True),
        ("", "InBox/%", "INBOX/x", True),
        ("", "I*", "INBOX", True),
        ("", "a*c", "a/b/c", True),
        ("", "a%c", "a/b/c", False),
        ("", "*%", "a/b", True),
        ("", "%*%", "a/b", True),
        ("", "a.b", "axb", False),
        ("", "*/b", "a/x/b", True),
        ("", "", "", True),
    ],
)
def test_matcher(reference, pattern, name, accepted):
    assert matcher(reference, pattern)(name) is accepted


@given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=8))
def test_matcher_against_a_regex(pattern, name):
    plain = re.compile("".join({"*": ".*", "%": "[^/]*"}.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)
    assert matcher("", pattern)(name) == bool(plain.fullmatch(name))


def test_hostile_pattern_costs_no_more():
    accepts = matcher("", "*a" * 300 + "b")
    start = time.process_time()
    assert not accepts("a" * 900)
    assert time.process_time() - start < 1
    assert fnmatch.fnmatchcase("aab", "*a*b")
