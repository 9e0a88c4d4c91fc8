"""TOP's cut, wherever the pieces of a message end."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.pop3.server import body


def content(data: bytes, piece: int = 1 << 20):
    return SimpleNamespace(size=len(data), read=lambda offset, length: data[offset : offset + min(length, piece)])


def naive_top(data: bytes, lines: int) -> bytes:
    padded = b"\r\n" + data
    found = padded.find(b"\r\n\r\n")
    if found < 0:
        return data
    end = found + 2
    kept = data[end:].split(b"\n")
    return data[:end] + b"\n".join(kept[:lines]) + (b"\n" if 0 < lines < len(kept) else b"")


@pytest.mark.parametrize(
    ("data", "lines", "top"),
    [
        (b"A: 1\r\n\r\nx\r\ny\r\n", 0, b"A: 1\r\n\r\n"),
        (b"A: 1\r\n\r\nx\r\ny\r\n", 1, b"A: 1\r\n\r\nx\r\n"),
        (b"A: 1\r\n\r\nx\r\ny\r\n", 2, b"A: 1\r\n\r\nx\r\ny\r\n"),
        (b"A: 1\r\n\r\nx\r\ny", 5, b"A: 1\r\n\r\nx\r\ny"),
        (b"\r\nx\r\ny\r\n", 1, b"\r\nx\r\n"),
        (b"A: 1\r\nB: 2", 0, b"A: 1\r\nB: 2"),
        (b"", 3, b""),
        (b"A: 1\r\n\r\n\r\n\r\nz", 1, b"A: 1\r\n\r\n\r\n"),
    ],
)
def test_top(data, lines, top):
    for piece in (1, 2, 3, 5, 100):
        assert b"".join(body.first_lines(content(data, piece), lines)) == top
    assert naive_top(data, lines) == top


@given(
    st.lists(st.sampled_from([b"\r\n", b"a", b"\r", b"A: b"]), max_size=30).map(b"".join),
    st.integers(0, 6),
    st.integers(1, 9),
)
def test_pieces_never_matter(data, lines, piece):
    assert b"".join(body.first_lines(content(data, piece), lines)) == naive_top(data, lines)


def test_a_short_file_is_an_error():
    short = SimpleNamespace(size=10, read=lambda offset, length: b"" if offset else b"abc")
    with pytest.raises(OSError, match="ends at octet 3 of 10"):
        list(body.whole(short))
