"""RFC 6376 §3.4: the examples, and dkimpy's as the second opinion on everything else."""

import hashlib

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import example, given
from hypothesis import strategies as st

from mailstack.dkim.canon import RelaxedBody, body_hash, relaxed_field

# what bodies are made of, and what may go wrong in between
_PIECES = st.lists(
    st.sampled_from(
        [b"a", b"bc", b" ", b"\t", b"  \t ", b"\r\n", b"\r\n\r\n", b"\r\n" * 40, b" \r\n", b"\xe4\xff", b"."]
    ),
    max_size=40,
).map(b"".join)


@pytest.mark.parametrize(
    ("field", "relaxed"),
    [
        (b"A: X\r\n", b"a:X"),  # RFC 6376 §3.4.5
        (b"B : Y\t\r\n\tZ  \r\n", b"b:Y Z"),
        (b"Subject:\r\n\r\n", b"subject:"),
        (b"SUBJect: \t  a   b\t\r\n   c", b"subject:a b c"),
        (b"To:\xc3\xa9  x\r\n", b"to:\xc3\xa9 x"),
    ],
)
def test_field(field, relaxed):
    assert relaxed_field(field) == relaxed


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" \t\r\n \r\n", b""),
        (b"x", b"x\r\n"),
        (b"x \t", b"x\r\n"),
        (b"x\r\n \r\ny", b"x\r\n\r\ny\r\n"),
    ],
)
def test_body(body, relaxed):
    assert body_hash([body]) == hashlib.sha256(relaxed).digest()


@given(_PIECES, st.data())
@example(b"a \r\n \r\nb", None)
def test_any_pieces_give_the_same_and_dkimpy_agrees(body, data):
    pieces = []
    rest = body
    while rest:
        size = data.draw(st.integers(1, max(1, len(rest)))) if data is not None else 1
        pieces.append(rest[:size])
        rest = rest[size:]
    sent = body if body.endswith(b"\r\n") or not body else body + b"\r\n"  # as SMTP brings it
    assert body_hash(pieces) == hashlib.sha256(Relaxed.canonicalize_body(sent)).digest()


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r", b"\n", b"\r\n"]), max_size=30).map(b"".join), st.data())
def test_lone_line_ends_depend_on_no_pieces(body, data):
    """They cannot be in a queued message; if they are, the hash is still of the octets and not of the pieces."""
    cut = data.draw(st.integers(0, len(body)))
    assert body_hash([body[:cut], body[cut:]]) == body_hash([body])


@pytest.mark.parametrize("body", [b"\r" * 200_000, b"\n" * 200_000, b" " * 200_000 + b"\n", (b" " * 500 + b"\n") * 400])
def test_no_body_takes_long(body):
    relaxed = RelaxedBody()
    relaxed.feed(body)
    relaxed.feed(b"x")
    assert relaxed.digest()


def test_nothing_grows():
    relaxed = RelaxedBody()
    for _ in range(1000):
        relaxed.feed(b" \r\n" * 100 + b" " * 100)
    assert len(relaxed._rest) <= 2
    relaxed.feed(b"end")
    whole = b" \r\n" * 100 + b" " * 100
    assert relaxed.digest() == body_hash([whole * 1000 + b"end"])
