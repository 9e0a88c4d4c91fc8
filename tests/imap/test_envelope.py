"""ENVELOPE: RFC 3501 §7.4.2, §8, and addresses as people send them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.imap.envelope import envelope, make_envelope, safe_string
from mailstack.message.header import scan
from tests.imap.reader import read

DATA = Path(__file__).parent.parent / "data" / "mime"
FIELDS = ("date", "subject", "from", "sender", "reply_to", "to", "cc", "bcc", "in_reply_to", "message_id")
FRED = [[b"Fred Foobar", None, b"foobar", b"Blurdybloop.example"]]


class Source:
    def __init__(self, data):
        self.data, self.size = data, len(data)

    def read(self, offset, length):
        return self.data[offset : offset + length]


def of(octets):
    return dict(zip(FIELDS, read(make_envelope(Source(octets))), strict=True))


def load(name):
    return of((DATA / f"{name}.eml").read_bytes())


def test_plain_message():
    assert load("plain") == {
        "date": b"Mon, 7 Feb 1994 21:52:25 -0800 (PST)",
        "subject": b"afternoon meeting",
        "from": FRED,
        "sender": FRED,
        "reply_to": FRED,
        "to": [[None, None, b"mooch", b"owatagu.siam.edu.example"]],
        "cc": None,
        "bcc": None,
        "in_reply_to": None,
        "message_id": b"<B27397-0100000@Blurdybloop.example>",
    }


def test_octets_of_the_rfc_example():
    """RFC 3501 §8"""
    header = scan(
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nSubject: IMAP4rev1 WG mtg summary and minutes\r\n"
        b'From: "Terry Gray" <gray@cac.washington.edu>\r\nTo: imap@cac.washington.edu\r\n'
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n"
    )
    assert envelope(header, safe_string) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes"'
        b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
        b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
        b' (("Terry Gray" NIL "gray" "cac.washington.edu"))'
        b' ((NIL NIL "imap" "cac.washington.edu"))'
        b' ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU"))'
        b' NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )


def test_groups_comments_and_broken_addresses():
    found = load("groups")
    assert found["from"] == [[b'Giant; "Big" Box', None, b"sysservices", b"example.net"]]
    assert found["sender"][0][2:] == [b"pete", b"silly.test"]
    assert found["reply_to"] == found["from"], "an empty Reply-To is none"
    assert found["to"] == [
        [None, None, b"A Group", None],
        [b"Chris Jones", None, b"c", b"public.example"],
        [None, None, b"joe", b"example.org"],
        [b"John", None, b"jdoe", b"one.test"],
        [None, None, None, None],
    ]
    assert found["cc"] == [[None, None, b"Undisclosed recipients", None], [None, None, None, None]]
    hidden, nobody, null = found["bcc"]
    assert hidden == [None, b"@node.test", b"hidden", b"demo.test"]
    assert nobody == [None, None, b"nobody", b"MISSING_DOMAIN"], "a host of NIL would begin a group"
    assert null == [None, None, b"MISSING_MAILBOX", b"MISSING_DOMAIN"]
    assert found["subject"] == b""
    assert found["in_reply_to"] == b"<0@demo.test>"


def test_encoded_words_stay_as_they_are():
    assert load("mixed")["subject"] == b"=?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?UTF-8?Q?_K=C3=B6ln?="


@pytest.mark.parametrize("name", ["raw-8bit", "latin-8bit"])
def test_nothing_8_bit_in_envelopes(name):
    octets = make_envelope(Source((DATA / f"{name}.eml").read_bytes()))
    assert octets.isascii()
    assert b"=?UTF-8?" in octets


def test_nul_falls_out():
    assert load("nul")["subject"] == b"ab"


def test_no_header_at_all():
    assert set(load("no-header").values()) == {None}


def test_several_to_fields_are_one_list():
    assert [each[2] for each in of(b"To: a@x\r\nTo: b@x\r\n\r\n")["to"]] == [b"a", b"b"]


def test_folded_values_are_one_line():
    assert of(b"Subject: one\r\n two\r\n\tthree\r\n\r\n")["subject"] == b"one two\tthree"


def test_long_values_are_literals():
    assert of(b"Subject: " + b"x" * 5000 + b"\r\n\r\n")["subject"] == b"x" * 5000


TOKENS = b'From: To: Subject: ( ) " \\ < > @ , : ; a \xc3\xa4 \xff \0 =?utf-8?q?x?='.split(b" ")


@given(st.lists(st.sampled_from([*TOKENS, b"\r\n ", b"\r\n"]), max_size=60))
def test_any_header_renders_readably(tokens):
    octets = make_envelope(Source(b"".join(tokens)))
    assert octets.isascii()
    assert b"\0" not in octets
    assert len(read(octets)) == 10
