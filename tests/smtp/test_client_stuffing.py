from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.smtp.stuffing import DotStuffer

octets = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"a", b"..", b"\r\n.\r\n"]), max_size=20).map(
    b"".join
)


def stuffed(*chunks):
    stuffer = DotStuffer()
    return b"".join(stuffer.stuff(chunk) for chunk in chunks) + stuffer.end()


def unstuffed(data):
    """By the letter of RFC 5321 §4.5.2, line by line; the message, without a CRLF that was added at its end."""
    lines = data.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert all(line != b"." for line in lines[:-2])
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n.b", b"a\r\n..\r\n..b\r\n.\r\n"),
        (b"\r\n\r\n.", b"\r\n\r\n..\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
        (b"a\n.b\r\n", b"a\n.b\r\n.\r\n"),  # a lone LF ends no line
    ],
)
def test_table(message, expected):
    assert stuffed(message) == expected


@given(octets, st.lists(st.integers(0, 60), max_size=8))
def test_cuts_never_matter_and_the_other_side_gets_the_message(message, cuts):
    edges = sorted({0, len(message), *(cut for cut in cuts if cut < len(message))})
    chunks = [message[a:b] for a, b in pairwise(edges)]
    sent = stuffed(*chunks)
    assert sent == stuffed(message)
    got = unstuffed(sent)
    assert got in {message, message + b"\r\n"}
    assert got == message or not message.endswith(b"\r\n")
