"""BODY and BODYSTRUCTURE: RFC 3501 §7.4.2, read back by another reader."""

from pathlib import Path

import pytest

from mailstack.imap.structure import make_body, make_bodystructure
from tests.imap.reader import read
from tests.imap.test_envelope import Source

DATA = Path(__file__).parent.parent / "data" / "mime"
FILES = sorted(DATA.glob("*.eml"))


def body(name):
    return read(make_body(Source((DATA / f"{name}.eml").read_bytes())))


def bodystructure(name):
    return read(make_bodystructure(Source((DATA / f"{name}.eml").read_bytes())))


def text(subtype, size, lines, charset=b"us-ascii", encoding=b"7bit"):
    return [b"text", subtype, [b"charset", charset], None, None, encoding, b"%d" % size, b"%d" % lines]


def test_plain():
    assert body("plain") == text(b"plain", 55, 1, b"US-ASCII")
    assert bodystructure("plain") == [*text(b"plain", 55, 1, b"US-ASCII"), None, None, None, None]


def test_mixed_body():
    alternative, paper, forwarded, subtype = body("mixed")
    assert subtype == b"mixed"
    assert alternative == [
        text(b"plain", 47, 2, b"utf-8", b"quoted-printable"),
        text(b"html", 12, 1, b"utf-8"),
        b"alternative",
    ]
    assert paper == [
        b"application",
        b"pdf",
        [b"name*", b"utf-8''R%C3%A9sum%C3%A9.pdf"],
        b"<part2@demo.test>",
        b"the paper",
        b"base64",
        b"18",
    ]
    assert forwarded[:7] == [b"message", b"rfc822", None, None, None, b"7bit", b"303"]
    envelope, inner, lines = forwarded[7:]
    assert envelope[1] == b"forwarded okapi"
    assert inner == [text(b"plain", 5, 1), text(b"plain", 24, 1, b"iso-8859-1", b"base64"), b"mixed"]
    assert lines == b"15"


def test_mixed_extension_data():
    alternative, paper, forwarded, subtype, parameters, disposition, language, location = bodystructure("mixed")
    assert (subtype, parameters) == (b"mixed", [b"boundary", b"outer"])
    assert (disposition, language, location) == (None, None, None)
    assert alternative[-4:] == [[b"boundary", b"inner"], None, None, None]
    assert paper[7:] == [
        b"Q2hlY2sgSW50ZWdyaXR5IQ==",
        [b"attachment", [b"filename", b"resume.pdf", b"size", b"12"]],
        [b"de", b"en-GB"],
        b"http://demo.test/resume.pdf",
    ]
    assert forwarded[10:] == [None, [b"inline", None], None, None]


def test_broken_multiparts_are_texts():
    assert body("no-boundary-parameter")[:2] == [b"text", b"plain"]
    assert body("boundary-never-used")[:2] == [b"text", b"plain"]


def test_digests_hold_messages():
    first, second, subtype = body("digest")
    assert (first[:2], second[:2], subtype) == ([b"message", b"rfc822"], [b"text", b"plain"], b"digest")


def test_embedded_message_with_another_in_it():
    found = body("message-in-message")
    assert found[7][1] == b"level 1"
    assert found[8][7][1] == b"level 2"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
@pytest.mark.parametrize("make", [make_body, make_bodystructure])
def test_everything_is_ascii_and_read_back(path, make):
    octets = make(Source(path.read_bytes()))
    assert octets.isascii()
    assert isinstance(read(octets), list)
