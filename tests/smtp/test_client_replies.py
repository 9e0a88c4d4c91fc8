import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import ParseFault
from mailstack.smtp.remote import RawReply, ReplyReader, read_offer


def read(*chunks, line_max=100, lines_max=5):
    reader, replies = ReplyReader(line_max, lines_max), []
    for chunk in chunks:
        reader.feed(chunk)
        while (reply := reader.next()) is not None:
            replies.append(reply)
    return replies


@pytest.mark.parametrize(
    ("octets", "code", "lines"),
    [
        (b"250 ok\r\n", 250, ("ok",)),
        (b"250\r\n", 250, ("",)),
        (b"250 \r\n", 250, ("",)),
        (b"250-a\r\n250-b\r\n250 c\r\n", 250, ("a", "b", "c")),
        (b"250-a\r\n550 c\r\n", 550, ("a", "c")),  # RFC 5321 §4.2.1 forbids it; the last line decides
        (b"550 \xc3\xa4 \xff \x1b[31m\x00\r\n", 550, ("\xe4 \\xff  [31m ",)),
    ],
)
def test_replies(octets, code, lines):
    assert read(octets) == [RawReply(code, lines)]
    assert read(*(octets[i : i + 1] for i in range(len(octets)))) == [RawReply(code, lines)]


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"650 ok\r\n",
        b"150 ok\r\n",
        b"250+ok\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250 a\rb\r\n",
        b"250-a\n250 b\r\n",
        b"250 " + b"x" * 100,
        b"250-x\r\n" * 5,
        b"\x16\x03\x01\x02\x00\r\n",
    ],
)
def test_what_is_no_reply(octets):
    with pytest.raises(ParseFault):
        read(octets)


@given(st.binary(max_size=200))
def test_garbage_is_a_reply_or_a_fault(octets):
    try:
        read(octets)
    except ParseFault as fault:
        assert str(fault).isprintable()


@pytest.mark.parametrize(
    ("code", "lines", "status", "text"),
    [
        (550, ("5.1.1 no such user",), "5.1.1", "no such user"),
        (550, ("5.1.1 no such user", "5.1.1 see https://x"), "5.1.1", "no such user see https://x"),
        (550, ("no such user",), "5.0.0", "no such user"),
        (451, ("5.1.1 what now",), "4.0.0", "5.1.1 what now"),
        (250, ("2.0.0",), "2.0.0", ""),
        (452, ("4.5.3x",), "4.0.0", "4.5.3x"),
    ],
)
def test_status(code, lines, status, text):
    reply = RawReply(code, lines).by("mx", "RCPT")
    assert (reply.host, reply.code, reply.status, reply.text, reply.command) == ("mx", code, status, text, "RCPT")


def test_offer():
    reply = RawReply(
        250, ("mx hello STARTTLS", "size 1000", "AUTH=LOGIN plain", "AUTH XOAUTH2", "8bitmime", "", "X-Y z")
    )
    offer = read_offer(reply)
    assert "STARTTLS" not in offer
    assert "8BITMIME" in offer
    assert offer.size_max == 1000
    assert offer.mechanisms == {"LOGIN", "PLAIN", "XOAUTH2"}


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE x", "SIZE \u0663", "SIZE -1", "SIZE " + "9" * 30])
def test_no_usable_size(size):
    assert read_offer(RawReply(250, ("mx", size))).size_max is None
