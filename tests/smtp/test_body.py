"""Where a message ends, and what it may hold.  Every trick that was ever published to smuggle a second message."""

import pytest

from mailstack.smtp.body import BareLineEnd, BodyTooBig, DataDecoder, TextCheck, TextLineTooLong
from mailstack.smtp.values import BareLineEnds
from tests.smtp.world import Talk, codes


def decode(stream):
    decoder = DataDecoder()
    message = decoder.feed(stream)
    return (message, decoder.rest) if decoder.ended else (message, None)


@pytest.mark.parametrize(
    ("stream", "message", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n", b""),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
        (b"a\r\n.\r\n.\r\n", b"a\r\n", b".\r\n"),
        (b"a\r\n.\r\n\r\n.\r\n.", b"a\r\n", b"\r\n.\r\n."),
        (b"a\r\n.\r\n.x\r\n.y", b"a\r\n", b".x\r\n.y"),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b".a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n", b""),
        (b"a.\r\n.\r\n", b"a.\r\n", b""),
        (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n", b""),
    ],
)
def test_the_end_and_the_dots(stream, message, rest):
    assert decode(stream) == (message, rest)


# what other servers took for an end of data: CVE-2023-51764, -51765, -51766 and what followed
NO_ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\n.\r",
    b"\r.\n",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n.\r\x00\n",
    b"\x00\r\n.\r\x00\n",
    b"\r\n. \r\n",
    b"\r\n .\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r",
    b"\n\n.\r\n",
    b"\r\x00\n.\r\n",
    b"\x0b.\x0b",
    b"\xc2\x85.\xc2\x85",
    b"\xe2\x80\xa8.\xe2\x80\xa8",
    b"\r\n.\x85",
]
SMUGGLED = b"MAIL FROM:<admin@demo.test>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\nsmuggled\r\n"


@pytest.mark.parametrize("sequence", NO_ENDS, ids=repr)
@pytest.mark.parametrize("authenticated", [False, True])
def test_nothing_but_crlf_dot_crlf_ends_the_data(sequence, authenticated):
    """One reply to one message, whatever stands in it; and never a second message."""
    talk = Talk(submission=authenticated, tls=authenticated)
    if authenticated:
        talk.say("EHLO x", "AUTH PLAIN AGFsaWNlQGRlbW8udGVzdABhbGljZS1zZWNyZXQ=")
    talk.say("EHLO x", "MAIL FROM:<alice@demo.test>", "RCPT TO:<c@demo.test>", "DATA")
    said = talk.say(raw=b"Subject: x\r\n\r\nfirst" + sequence + SMUGGLED + b".\r\nQUIT\r\n")
    assert len(said) == 2
    assert codes(said)[1] == "221"
    bare = b"\n" in sequence.replace(b"\r\n", b"") or b"\r" in sequence.replace(b"\r\n", b"")
    if authenticated or not bare:
        [(_mail, message)] = talk.flow.taken
        assert message.endswith(SMUGGLED)
        assert b"\n" not in message.replace(b"\r\n", b"")
        assert b"\r" not in message.replace(b"\r\n", b"")
    else:
        assert said[0].startswith("550 5.6.11 ")
        assert not talk.flow.taken


def check(*chunks, size=1000, line=100, bare=BareLineEnds.REFUSE):
    layer = TextCheck(size_limit=size, line_limit=line, bare=bare)
    return b"".join([*map(layer.feed, chunks), layer.finish()])


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([b"a\nb"], b"a\r\nb"),
        ([b"a\rb"], b"a\r\nb"),
        ([b"a\r\r\nb"], b"a\r\nb"),
        ([b"a\r", b"\nb"], b"a\r\nb"),
        ([b"a\r", b"\r", b"", b"\nb"], b"a\r\nb"),
        ([b"a\r"], b"a\r\n"),
        ([b"a\n\nb"], b"a\r\n\r\nb"),
        ([b"a\r\n\nb"], b"a\r\n\r\nb"),
    ],
)
def test_line_ends_are_made_right(chunks, message):
    assert check(*chunks, bare=BareLineEnds.NORMALISE) == message


@pytest.mark.parametrize(
    "chunks", [[b"a\nb"], [b"a\rb"], [b"a\r\r\nb"], [b"a\r", b"\r\nb"], [b"a\r"], [b"\n"], [b"a\r\n\nb"]]
)
def test_bare_line_ends_are_refused(chunks):
    with pytest.raises(BareLineEnd):
        check(*chunks)


def test_a_cr_and_its_lf_may_come_apart():
    assert check(b"a\r", b"\nb\r", b"\n") == b"a\r\nb\r\n"


def test_size_is_counted_as_stored():
    assert check(b"12345678\r\n", size=10) == b"12345678\r\n"
    with pytest.raises(BodyTooBig):
        check(b"12345678\r\n", b"x", size=10)


@pytest.mark.parametrize(
    "chunks",
    [
        [b"x" * 101],
        [b"x" * 60, b"x" * 41],
        [b"x" * 101 + b"\r\n"],
        [b"a\r\n" + b"x" * 101 + b"\r\nb\r\n"],
        [b"a\r\n" + b"x" * 60, b"x" * 41 + b"\r\n"],
        [b"a\r\nb\r\n" + b"x" * 101],
        [b"\r\n" + b"x" * 99 + b"\r\n" + b"x" * 101 + b"\r\n" + b"x" * 99 + b"\r\n"],
    ],
)
def test_a_line_too_long_is_seen_wherever_it_is_cut(chunks):
    with pytest.raises(TextLineTooLong):
        check(*chunks)


@pytest.mark.parametrize("chunks", [[(b"x" * 100 + b"\r\n") * 5], [b"x" * 60, b"x" * 40 + b"\r\n"], [b"\r\n" * 400]])
def test_lines_at_the_limit_pass(chunks):
    assert check(*chunks) == b"".join(chunks)
