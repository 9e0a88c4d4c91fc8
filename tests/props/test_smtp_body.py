"""The bulk decoder against a naive one that has all octets at once, however they are cut."""

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from mailstack.smtp.body import BodyFault, DataDecoder, TextCheck
from mailstack.smtp.stuffing import DotStuffer
from mailstack.smtp.values import BareLineEnds

PIECES = st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"\r\n.", b"\r\n.\r\n", b"xyz"]), max_size=30)
STREAMS = PIECES.map(b"".join)
CUTS = st.lists(st.integers(0, 60), max_size=12)


def pieces(stream, cuts):
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


def naive_decode(stream):
    """(message, rest), None while it is not ended: lines are what CRLF ends."""
    message = b""
    while True:
        line, crlf, stream = stream.partition(b"\r\n")
        if not crlf:
            return None
        if line == b".":
            return message, stream
        message += line.removeprefix(b".") + b"\r\n"


@given(STREAMS, CUTS)
@example(b"a\r\n.\r\n.", [])
@example(b"\r\n.\r\r\n.\r\n", [1, 2, 3, 4, 5, 6])
def test_decoder_is_exact(stream, cuts):
    decoder, message, rest = DataDecoder(), b"", b""
    for piece in pieces(stream, cuts):
        if decoder.ended:
            rest += piece
        else:
            message += decoder.feed(piece)
    expected = naive_decode(stream)
    if expected is None:
        assert not decoder.ended
    else:
        assert (message, decoder.rest + rest) == expected


def naive_check(message, size, line, bare):
    """The message, or None when it is refused."""
    if bare is BareLineEnds.KEEP:
        return None if len(message) > size else message
    out, at = bytearray(), 0
    while at < len(message):
        octet = message[at : at + 1]
        end = at
        while message[end : end + 1] == b"\r":
            end += 1
        end += message[end : end + 1] == b"\n"
        if octet in b"\r\n":
            if message[at:end] != b"\r\n" and bare is BareLineEnds.REFUSE:
                return None
            out += b"\r\n"
            at = end
        else:
            out += octet
            at += 1
    too_long = any(len(text) > line for text in bytes(out).split(b"\r\n"))
    return None if too_long or len(out) > size else bytes(out)


@given(STREAMS, CUTS, st.sampled_from(BareLineEnds), st.integers(1, 40), st.integers(1, 80))
def test_check_is_exact(message, cuts, bare, line, size):
    layer, out = TextCheck(size_limit=size, line_limit=line, bare=bare), b""
    try:
        for piece in pieces(message, cuts):
            out += layer.feed(piece)
        out += layer.finish()
    except BodyFault:
        out = None
    assert out == naive_check(message, size, line, bare)


@given(STREAMS, CUTS, CUTS)
def test_what_is_stuffed_comes_out_again(message, cuts, more_cuts):
    stuffer = DotStuffer()
    wire = b"".join(map(stuffer.stuff, pieces(message, cuts))) + stuffer.end()
    decoder = DataDecoder()
    came = b"".join(decoder.feed(piece) for piece in pieces(wire, more_cuts))
    assert decoder.ended
    assert decoder.rest == b""
    assert came == (message if not message or message.endswith(b"\r\n") else message + b"\r\n")
