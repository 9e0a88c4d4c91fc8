"""Sections and partials: RFC 3501 §6.4.5, exact to the octet."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.imap.cursor import Cursor
from mailstack.imap.fetch import items
from mailstack.imap.sections import Message, find
from mailstack.message.mime import Whole, parse
from tests.imap.test_envelope import Source

DATA = Path(__file__).parent.parent / "data" / "mime"
FILES = sorted(DATA.glob("*.eml"))


def load(name):
    return (DATA / f"{name}.eml").read_bytes()


def section(text):
    (item,) = items(Cursor([b"BODY[%b]" % text.encode()]))
    return item.section


def octets(data, text):
    found = Message(Source(data)).find(section(text))
    return None if found is None else found.read(Source(data), 0, found.size)


MIXED = [
    ("1.1", [b"Caf=C3=A9 and a very long line that goes =", b"on."]),
    ("1.2", [b"<p>Zebra</p>"]),
    ("1.2.MIME", [b"Content-Type: text/html; charset=utf-8", b"", b""]),
    ("2", [b"JVBERi0xLjQKJQo=", b""]),
    ("3.1", [b"first"]),
    ("3.2", [b"YmFzZTY0IPxiZXIgdGV4dA=="]),
    (
        "3.2.MIME",
        [b"Content-Type: text/plain; charset=iso-8859-1", b"Content-Transfer-Encoding: base64", b"", b""],
    ),
    ("3.MIME", [b"Content-Type: message/rfc822", b"Content-Disposition: inline", b"", b""]),
    ("3.HEADER.FIELDS (subject)", [b"Subject: forwarded okapi", b"", b""]),
    (
        "3.HEADER",
        [
            b"From: inner@demo.test",
            b"Subject: forwarded okapi",
            b"Date: Mon, 2 Nov 2026 09:00:00 +0000",
            b"Content-Type: multipart/mixed; boundary=deep",
            b"",
            b"",
        ],
    ),
    (
        "HEADER.FIELDS (To SUBJECT)",
        [
            b'To: Bob <bob@demo.test>, "Doe, Jane" <jane@demo.test>',
            b"Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?UTF-8?Q?_K=C3=B6ln?=",
            b"",
            b"",
        ],
    ),
    (
        "HEADER.FIELDS.NOT (from to subject date content-type)",
        [b"Message-ID: <1@demo.test>", b"MIME-Version: 1.0", b"", b""],
    ),
    ("HEADER.FIELDS (X-None)", [b"", b""]),
]
ABSENT = ["4", "1.3", "2.1", "2.HEADER", "1.TEXT", "3.1.HEADER", "3.3", "1.1.1", "3.1.1"]


@pytest.mark.parametrize(("text", "expected"), MIXED, ids=[text for text, _ in MIXED])
def test_sections_of_a_multipart(text, expected):
    assert octets(load("mixed"), text) == b"\r\n".join(expected)


@pytest.mark.parametrize("text", ABSENT)
def test_parts_that_are_not_there(text):
    assert octets(load("mixed"), text) is None


def test_whole_header_and_text_are_the_message():
    for path in FILES:
        data = path.read_bytes()
        plain = data.replace(b"\0", b"\x80")
        assert octets(data, "") == plain
        assert octets(data, "HEADER") + octets(data, "TEXT") == plain


def test_a_message_that_is_no_multipart_has_one_part():
    data = load("plain")
    assert octets(data, "1") == octets(data, "TEXT")
    assert octets(data, "1.MIME") == octets(data, "HEADER")
    assert octets(data, "2") is None
    assert octets(data, "1.1") is None
    assert octets(data, "1.HEADER") is None


def test_messages_in_messages():
    data = load("message-in-message")
    assert octets(data, "1.HEADER.FIELDS (subject)") == b"Subject: level 1\r\n\r\n"
    assert octets(data, "1.1.HEADER") == b"Subject: level 2\r\n\r\n"
    assert octets(data, "1.1.1") == b"deepest\r\n"
    assert octets(data, "1.1.TEXT") == b"deepest\r\n"
    assert octets(data, "1.1.1.1") is None
    assert octets(load("mixed"), "3") == octets(load("mixed"), "3.HEADER") + octets(load("mixed"), "3.TEXT")


def test_header_without_blank_line_gets_none():
    """RFC 3501 §6.4.5: except in the case of a message which has no body and no blank line"""
    assert octets(load("only-header"), "HEADER.FIELDS (subject)") == b"Subject: nothing follows\r\n"
    assert octets(b"Subject: cut", "HEADER.FIELDS (subject)") == b"Subject: cut\r\n"
    assert octets(b"Subject: x\r\n\r\n", "HEADER.FIELDS (subject)") == b"Subject: x\r\n\r\n"
    assert octets(b"\r\n", "HEADER.FIELDS (subject)") == b"\r\n"
    assert octets(b"", "HEADER.FIELDS (subject)") == b""


def test_nul_is_replaced_and_the_size_stays():
    data = load("nul")
    assert octets(data, "TEXT") == b"nul \x80 here\r\n"
    assert len(octets(data, "")) == len(data)


def test_large_header_is_exact():
    data = b"X: y\r\n" * 100_000 + b"\r\nbody"
    assert octets(data, "HEADER") == data[:-4]
    assert octets(data, "TEXT") == b"body"


PARTIALS = ["", "HEADER", "TEXT", "1", "3", "1.MIME", "HEADER.FIELDS (From To)"]


@given(st.sampled_from(FILES), st.sampled_from(PARTIALS), st.integers(1, 400))
def test_pieces_joined_are_the_whole(path, text, count):
    data = path.read_bytes()
    found = find(parse(Whole(data)), section(text))
    if found is None:
        return
    source = Source(data)
    pieces = []
    for offset in range(0, found.size + count, count):
        piece = found.partial(offset, count)
        pieces.append(piece.read(source, 0, piece.size))
        assert len(pieces[-1]) == piece.size <= count
    assert b"".join(pieces) == found.read(source, 0, found.size)
    assert found.partial(found.size + 10, 5).size == 0


@given(
    st.sampled_from(FILES), st.sampled_from(["HEADER", "TEXT", "HEADER.FIELDS (From To)", "HEADER.FIELDS.NOT (From)"])
)
def test_the_short_way_finds_the_same(path, text):
    data = path.read_bytes()
    short = Message(Source(data)).find(section(text))
    whole = find(parse(Whole(data)), section(text))
    assert short == whole
