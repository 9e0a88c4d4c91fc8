"""The surrogate of an internationalised message.  RFC 6858"""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message.downgrade import Surrogate, for_ascii
from mailstack.message.mime import Whole

LINES = (
    "Return-Path: <jürgen@bücher.test>",
    "Message-ID: <ü@demo.test>",
    "Date: Fri, 15 Jan 2027 08:00:00 +0000",
    "From: José Núñez <josé@exämple.test>",
    "To: Tony <tony@demo.test>, Zoë <zoe@demo.test>, 用户@例子.test",
    "Cc: Männer: ä@b.test, b@b.test;",
    "Subject: Grüße aus 日本",
    "X-Note: naïve text",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "bödy stays",
    "--b",
    "Content-Type: application/pdf",
    'Content-Disposition: attachment; filename="Ärger.pdf"; size=5',
    "",
    "12345",
    "--b--",
    "",
)
MESSAGE = "\r\n".join(LINES).encode()


def whole(source):
    return source.read(0, source.size)


def test_headers_are_ascii_and_say_the_same():
    made = for_ascii(Whole(MESSAGE))
    octets = whole(made)
    assert len(octets) == made.size
    parsed = email.message_from_bytes(octets, policy=email.policy.default)
    assert all(block.isascii() for block in (octets[: octets.index(b"\r\n\r\n")], octets[octets.rindex(b"--b\r\n") :]))
    assert parsed["subject"] == "Grüße aus 日本"
    assert parsed["date"] == "Fri, 15 Jan 2027 08:00:00 +0000"
    assert parsed["x-note"] == "naïve text"
    assert parsed["message-id"] is None
    (author,) = parsed["from"].addresses
    assert author.addr_spec == "invalid@internationalized-address.invalid"
    assert author.display_name == "José Núñez <josé@exämple.test>"
    assert [each.addr_spec for each in parsed["to"].addresses] == [
        "tony@demo.test",
        "zoe@demo.test",
        "invalid@internationalized-address.invalid",
    ]
    assert parsed["to"].addresses[1].display_name == "Zoë"
    assert parsed["cc"].groups[0].display_name == "Männer"
    assert [each.domain for each in parsed["cc"].addresses] == ["internationalized-address.invalid", "b.test"]


def test_bodies_and_names_of_files_stay():
    parsed = email.message_from_bytes(whole(for_ascii(Whole(MESSAGE))), policy=email.policy.default)
    text, attached = parsed.iter_parts()
    assert text.get_content() == "bödy stays"
    assert attached.get_filename() == "Ärger.pdf"
    assert attached.get_content() == b"12345"


@pytest.mark.parametrize("message", [b"Subject: x\r\n\r\n\xc3\xbc\r\n", b"Subject: \xfc\r\n\r\n", b""])
def test_others_pass_as_they_are(message):
    """ASCII headers over an 8-bit body; a header that is not UTF-8"""
    source = Whole(message)
    assert for_ascii(source) is source


@given(st.integers(0, len(MESSAGE) * 2), st.integers(0, len(MESSAGE) * 2))
def test_any_piece_is_a_piece_of_the_whole(offset, length):
    made = Surrogate(Whole(MESSAGE))
    assert made.read(offset, length) == whole(made)[offset : offset + length]


@given(st.binary(max_size=200))
def test_never_fails(octets):
    made = for_ascii(Whole("Subject: ü\r\n".encode() + octets))
    assert len(whole(made)) == made.size
