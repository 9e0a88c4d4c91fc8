"""The framer cuts the same lines however the octets come, and never ends a line at a lone CR or LF."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.framing import BareLineEnd, Framer, LineTooLong


def lines(chunks, limit=64):
    framer, found = Framer(), []
    for chunk in chunks:
        framer.feed(chunk)
        while True:
            try:
                line = framer.line(limit)
            except LineTooLong:
                found.append("too long")
                continue
            except BareLineEnd:
                found.append("bare")
                continue
            if line is None:
                break
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"NOOP", []),
        (b"NOOP\r\n", [b"NOOP"]),
        (b"\r\n\r\n", [b"", b""]),
        (b"a\nb\r\nc\r\n", ["bare", b"c"]),
        (b"a\rb\r\n", ["bare"]),
        (b"a\r\r\n", ["bare"]),
        (b"x" * 62 + b"\r\n", [b"x" * 62]),
        (b"x" * 63 + b"\r\nQUIT\r\n", ["too long", b"QUIT"]),
        (b"x" * 500 + b"\r\nQUIT\r\n", ["too long", b"QUIT"]),
        (b"x" * 500 + b"\rx\n" + b"y" * 99 + b"\r\nQUIT\r\n", ["too long", b"QUIT"]),
    ],
)
def test_lines(stream, expected):
    assert lines([stream]) == expected


@given(st.binary(max_size=300).map(lambda b: b.translate(bytes(b"ab\r\n"[i % 4] for i in range(256)))), st.data())
def test_chunking_never_matters(stream, data):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    edges = [0, *sorted(cuts), len(stream)]
    assert lines(stream[a:b] for a, b in pairwise(edges)) == lines([stream])


def test_a_long_line_takes_no_memory():
    framer = Framer()
    with pytest.raises(LineTooLong):
        for _ in range(1000):
            framer.feed(b"x" * 1000)
            framer.line(64)
    for _ in range(1000):
        framer.feed(b"x" * 1000)
        assert framer.line(64) is None
        assert len(framer) <= 1


def test_take_and_untake():
    framer = Framer()
    framer.feed(b"abc\r\ndef")
    assert framer.take(2) == b"ab"
    framer.untake(b"AB")
    assert framer.line(64) == b"ABc"
    assert framer.take(99) == b"def"
    assert framer.take(99) == b""
