"""Dot-stuffing: whatever the pieces, a client gets the message back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.pop3.stuffing import DotStuffer


def stuffed(pieces) -> bytes:
    stuffer = DotStuffer()
    return b"".join([*[stuffer.feed(piece) for piece in pieces], stuffer.finish()])


def received(octets: bytes) -> bytes:
    """What a client makes of it.  RFC 1939 §3"""
    lines = octets.split(b"\r\n")
    end = lines.index(b".")
    assert lines[end + 1 :] == [b""]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n..b\r\n", b"a\r\n..\r\n...b\r\n.\r\n"),
        (b"a\n.b\r.c", b"a\n.b\r.c\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
    ],
)
def test_table(message: bytes, expected: bytes) -> None:
    assert stuffed([message]) == expected
    assert stuffed(message[i : i + 1] for i in range(len(message))) == expected


PIECES = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"x", b"\r\n.\r\n", b"\r\n..", b""]), max_size=30)


@given(PIECES, st.lists(st.integers(0, 80), max_size=8))
def test_cuts_never_matter_and_the_message_comes_back(pieces: list[bytes], cuts: list[int]) -> None:
    message = b"".join(pieces)
    edges = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
    octets = stuffed(message[a:b] for a, b in pairwise(edges))
    assert octets == stuffed([message])
    whole = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
    assert received(octets) == whole
