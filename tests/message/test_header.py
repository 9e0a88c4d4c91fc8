"""The header scanner: tables, broken input, and what it never does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message.header import header_end, message_id_of, scan, unfold

MESSAGE = (
    b"Received: from a\r\n\tby b\r\nReceived: by c\r\nSubject:  Hello\r\n  there \r\nX-Empty:\r\n"
    b"From : old@style.test\r\n\r\nSubject: not me\r\n"
)


def test_fields_by_name() -> None:
    header = scan(MESSAGE)
    assert header.first(b"subject") == b"Hello  there"
    assert header.all(b"received") == [b"from a\tby b", b"by c"]
    assert header.first(b"x-empty") == b""
    assert header.first(b"from") == b"old@style.test"
    assert header.first(b"date") is None
    assert header.named(b"date") == []
    assert b"from" in header and b"date" not in header


def test_offsets() -> None:
    header = scan(MESSAGE)
    assert header.raw(header.fields[0]) == b"Received: from a\r\n\tby b\r\n"
    assert header.name(header.fields[4]) == b"From"
    assert b"".join(header.raw(field) for field in header) + b"\r\n" == MESSAGE[: header.end]
    assert MESSAGE[header.end :] == b"Subject: not me\r\n"


@pytest.mark.parametrize(
    ("data", "fields", "body"),
    [
        (b"", [], b""),
        (b"\r\n", [], b""),
        (b"\r\nbody", [], b"body"),
        (b"\nA: x\n", [], b"A: x\n"),
        (b"A: 1", [b"A: 1"], b""),
        (b"A: 1\r\n", [b"A: 1\r\n"], b""),
        (b"A: 1\n\nx", [b"A: 1\n"], b"x"),
        (b"A: 1\n\r\nx", [b"A: 1\n"], b"x"),
        (b"A: 1\r\n\nx", [b"A: 1\r\n"], b"x"),
        (b"A: 1\r\n \r\nB: 2\r\n\r\nx", [b"A: 1\r\n \r\n", b"B: 2\r\n"], b"x"),
        # an mbox line, a line without colon with its continuation, 8-bit and empty names
        (b"From a@b Mon Nov 23\r\nA: 1\r\n\r\n", [b"A: 1\r\n"], b""),
        (b" lost\r\nA: 1\r\nrubbish\r\n more: rubbish\r\nB: 2\r\n\r\n", [b"A: 1\r\n", b"B: 2\r\n"], b""),
        (b"\xe4: 1\r\n: 2\r\nA b: 3\r\nB: \xff\0\r\n\r\n", [b"B: \xff\0\r\n"], b""),
        (b"A: 1\r2\r\n\r\n", [b"A: 1\r2\r\n"], b""),
    ],
)
def test_ends_and_broken_lines(data: bytes, fields: list[bytes], body: bytes) -> None:
    header = scan(data)
    assert [header.raw(field) for field in header] == fields
    assert data[header.end :] == body


def test_starts_anywhere() -> None:
    data = b"A: 1\r\n\r\n--x\r\nB: 2\r\n\r\nbody"
    start = data.index(b"B:")
    header = scan(data, start)
    assert header.all(b"b") == [b"2"]
    assert header.first(b"a") is None
    assert data[header.end :] == b"body"


def test_unfold_leaves_no_line_end() -> None:
    assert unfold(b" a\r\n b\n\tc\rd \r\n") == b"a b\tcd"


@given(st.lists(st.sampled_from([b"A", b":", b" ", b"\t", b"\r\n", b"\n", b"\r", b"\xff", b"xy"]), max_size=40))
def test_anything_is_scanned_in_order(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    header = scan(data)
    assert header.end == header_end(data) <= len(data)
    edge = 0
    for field in header:
        assert edge <= field.start < field.value <= field.end <= header.end
        assert data[field.value - 1 : field.value] == b":"
        edge = field.end


def test_a_huge_header_takes_linear_time() -> None:
    header = scan(b"A: 1\r\n" * 50_000 + b"x" * 500_000 + b"\r\n" + b"B:" + b"\r\n y" * 100_000)
    assert len(header.fields) == 50_001


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"From: a\r\nMessage-ID: <x.1@y.test>\r\n\r\n", "<x.1@y.test>"),
        (b"message-id:\r\n <folded@y.test>\r\n\r\n", "<folded@y.test>"),
        (b"MESSAGE-ID : <obs@y.test>\n\n", "<obs@y.test>"),
        (b"Message-ID: <\xc3\xa9@y.test>\r\n\r\n", "<é@y.test>"),
        (b"Message-ID: <first@y.test>\r\nMessage-ID: <second@y.test>\r\n\r\n", "<first@y.test>"),
        (b"X: 1\r\n\r\nMessage-ID: <in.the.body@y.test>\r\n", ""),
        (b"Message-ID: none\r\nTo: <a@b.test>\r\n\r\n", ""),
        (b"Message-ID:\r\nTo: <a@b.test>\r\n\r\n", ""),
        (b"", ""),
    ],
)
def test_message_id(head, found):
    assert message_id_of(head) == found


REFERENCE = re.compile(rb"(?m)^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)\n?")
LINES = [b"A: x", b"bc-d : y", b" folded", b"\tx: y", b"no field", b":", b"", b"\xc3\xb6: x", b"E\x00: z", b"F:", b"\r"]


@given(
    st.lists(st.sampled_from(LINES), max_size=8),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([b"", b"\n", b"\r\nbody: x\n", b"half"]),
)
def test_fields_are_those_of_the_grammar(lines: list[bytes], ending: bytes, rest: bytes) -> None:
    data = b"".join(line + ending for line in lines) + rest
    expected = [
        (found[1].lower(), found.start(), found.start(2), found.end())
        for found in REFERENCE.finditer(data, 0, header_end(data))
    ]
    assert scan(data).fields == expected
    moved = [(key, *(number + 3 for number in numbers)) for key, *numbers in expected]
    assert scan(b"\n\n\n" + data, 3).fields == moved
