"""What we compose is read back, by the standard library too, and may travel over any transport."""

import email
import email.message
import email.policy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message import compose
from mailstack.message.compose import Mailbox, Part

MOMENT = datetime(2026, 11, 23, 20, 16, 8, tzinfo=UTC)


def read(octets: bytes) -> email.message.EmailMessage:
    found = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    assert not found.defects
    return found


def send(content: Part, subject: str = "Hello", display: str = "") -> bytes:
    return compose.message(
        sender=Mailbox("alice@demo.test", display),
        to=[Mailbox("bob@demo.test", "Bob"), Mailbox("b b@demo.test")],
        subject=subject,
        moment=MOMENT,
        message_id="1@demo.test",
        content=content,
    )


def test_a_plain_message() -> None:
    assert send(compose.text_part("Dear Bob,\nhello\n")) == (
        b"Date: Mon, 23 Nov 2026 20:16:08 +0000\r\n"
        b"From: alice@demo.test\r\n"
        b'To: Bob <bob@demo.test>, "b b"@demo.test\r\n'
        b"Subject: Hello\r\n"
        b"Message-ID: <1@demo.test>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Dear Bob,\r\nhello\r\n"
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("Grüße, und noch viel mehr Text ohne Umlaute", "quoted-printable"),
        ("Привет", "base64"),
    ],
)
def test_the_mildest_encoding(text: str, encoding: str) -> None:
    part = compose.text_part(text)
    assert dict(part.fields)["Content-Transfer-Encoding"] == encoding
    assert read(part.encode()).get_content().rstrip("\n") == text


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


@given(TEXT, TEXT)
def test_text_and_subject_come_back(text: str, subject: str) -> None:
    octets = send(compose.text_part(text), subject)
    octets.decode("ascii")
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    found = read(octets)
    assert found.get_content().replace("\r\n", "\n").rstrip("\r\n") == text.rstrip("\n")
    if not subject.isascii():
        cleaned = compose._CONTROLS.sub(" ", subject)
        assert found["subject"].split() == cleaned.split()


@given(st.text())
def test_a_display_name_cannot_forge_a_field(display: str) -> None:
    head, _, body = send(compose.text_part("x"), display=display).partition(b"\r\n\r\n")
    assert body == b"x"
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert names[:6] == [b"Date", b"From", b"To", b"Subject", b"Message-ID", b"MIME-Version"]


def test_quotes_are_put_once() -> None:
    assert Mailbox('"b b"@x').encode() == Mailbox("b b@x").encode() == '"b b"@x'
    assert Mailbox('"@x').encode() == '"\\""@x'


@pytest.mark.parametrize(
    ("display", "written"),
    [
        ("Bob", "Bob <b@x>"),
        ("Bob B. Baum", '"Bob B. Baum" <b@x>'),
        ('A "q" \\', '"A \\"q\\" \\\\" <b@x>'),
        ("Jürgen", "=?UTF-8?Q?J=C3=BCrgen?= <b@x>"),
        ("=?fake?=", "=?UTF-8?B?PT9mYWtlPz0=?= <b@x>"),
    ],
)
def test_display_names(display: str, written: str) -> None:
    assert Mailbox("b@x", display).encode() == written


@pytest.mark.parametrize("name", ["a.bin", 'we"ird\\.txt', "Übersicht 2026.pdf"])
def test_attachments(name: str) -> None:
    data = bytes(range(256)) * 5
    parts = [compose.text_part("see"), compose.attachment(name, "application/octet-stream", data)]
    found = read(send(compose.multipart("mixed", parts, "7")))
    (attached,) = found.iter_attachments()
    assert attached.get_filename() == name
    assert attached.get_content() == data


def test_a_boundary_occurs_in_no_part() -> None:
    inner = compose.multipart("mixed", [compose.text_part("x")], "7")
    outer = compose.multipart("mixed", [inner, compose.text_part("--=_7.1\n")], "7")
    assert b'boundary="=_7.2"' in outer.encode()
    assert [part.get_content_type() for part in read(outer.encode()).walk()] == [
        "multipart/mixed",
        "multipart/mixed",
        "text/plain",
        "text/plain",
    ]


def test_long_fields_are_folded_between_words() -> None:
    line = compose.field("To", ", ".join(["somebody@demo.test"] * 20))
    assert all(len(part) <= 78 for part in line.split(b"\r\n"))
    assert line.replace(b"\r\n", b"") == b"To: " + b", ".join([b"somebody@demo.test"] * 20)
