"""Conversions keep what a reader gets, and change nothing that need not or may not be changed."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message import recode
from mailstack.message.recode import Unfit, to_eight_bit, to_seven_bit


class Bytes:
    def __init__(self, octets):
        self.octets, self.size = octets, len(octets)

    def read(self, offset, length):
        return self.octets[offset : offset + length]


def crlf(text):
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def seven(message):
    return b"".join(to_seven_bit(Bytes(message)))


def eight(message):
    return b"".join(to_eight_bit(Bytes(message)))


def leaves(message):
    parsed = email.message_from_bytes(message, policy=email.policy.compat32)
    return [part.get_payload(decode=True) for part in parsed.walk() if not part.is_multipart()]


MIXED = crlf(
    "From: a@b.test\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n\n"
    "préamble\n--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße = \n.\nFrom me\n"
    "--x\nContent-Type: application/pdf\nContent-Transfer-Encoding: 8bit\n\npäf\n"
    "--x\n\nascii\n"
    "--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n"
    "Subject: innen\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<p>ü</p>\n\n--x--\n"
)


def test_what_is_ascii_stays_to_the_octet():
    message = crlf("Subject: x\nContent-Transfer-Encoding: 7bit\n\nhello\n.\nno end")
    assert seven(message) == eight(message) == message


def test_each_part_is_encoded_as_suits_it():
    made = seven(MIXED)
    assert made.isascii()
    assert leaves(made) == leaves(MIXED)
    labels = [line.split()[1] for line in made.split(b"\r\n") if line.startswith(b"Content-Transfer-Encoding")]
    assert labels == [b"7bit", b"quoted-printable", b"base64", b"7bit", b"quoted-printable"]
    assert max(map(len, made.split(b"\r\n"))) <= 76 + 2
    assert seven(made) == made


def test_a_message_without_labels_gets_them():
    """RFC 1428 §3"""
    made = seven(crlf("Subject: x\n\nGrüße\n"))
    assert made == (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
    )


@pytest.mark.parametrize("subtype", ["signed", "encrypted"])
def test_what_is_sealed_is_not_touched(subtype):
    """RFC 1847 §2.1"""
    sealed = "Content-Type: multipart/{}; boundary=x\n\n--x\nContent-Transfer-Encoding: 8bit\n\n{}\n--x--\n"
    with pytest.raises(Unfit, match="signed or encrypted"):
        seven(crlf(sealed.format(subtype, "ü")))
    clean = crlf(sealed.format(subtype, "u"))
    assert seven(clean) == clean


@pytest.mark.parametrize("kind", ["message/partial", "message/delivery-status", "message/external-body"])
def test_messages_that_may_not_be_encoded(kind):
    """RFC 2046 §5.2"""
    with pytest.raises(Unfit):
        seven(crlf(f"Content-Type: {kind}\nContent-Transfer-Encoding: 8bit\n\nü\n"))


def test_an_unknown_encoding_is_not_guessed_at():
    with pytest.raises(Unfit, match="x-uue"):
        seven(crlf("Content-Transfer-Encoding: x-uue\n\nü\n"))


def test_stray_octets_in_what_is_encoded_already():
    qp = crlf("Content-Transfer-Encoding: quoted-printable\n\na=20ü\n")
    assert seven(qp).endswith(b"\r\n\r\na=20=C3=BC\r\n")
    b64 = crlf("Content-Transfer-Encoding: base64\n\naGVsüsbw==\n")
    assert seven(b64).endswith(b"\r\n\r\naGVssbw==\r\n")


def test_binary_parts_become_base64_and_binary_text_that_is_text_a_label():
    message = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\r\n\xc3\xa4\r\n"
        b"--x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nold\nunix\n"
        b"\r\n--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\r\xff\n--y\r\n--x--\r\n"
    )
    made = eight(message)
    assert leaves(made) == ["ä".encode(), b"old\nunix\n", b"\x00\r\xff\n--y"]
    labels = [line.split()[1] for line in made.split(b"\r\n") if line.startswith(b"Content-Transfer-Encoding")]
    assert labels == [b"8bit", b"8bit", b"base64", b"base64"]
    assert b"\0" not in made
    assert made.replace(b"\r\n", b"").count(b"\n") == 0


@pytest.mark.parametrize(
    "head", [b"Subject: x\nBcc: y\r\n\r\n", b"Subject: \0\r\n\r\n", b"A: b\r\n" + b"x" * 2_000_000]
)
def test_headers_with_bare_line_ends_are_not_passed_on(head):
    with pytest.raises(Unfit):
        eight(head + b"body\r\n")


@pytest.mark.parametrize("piece", [57, 114])
def test_wherever_the_pieces_are_cut(piece, monkeypatch):
    monkeypatch.setattr(recode, "_PIECE", piece)
    made = seven(MIXED)
    assert leaves(made) == leaves(MIXED)
    text = "ü" * 30 + "\r\n" + "x" * 56 + "\r\n" + "ä" * 100
    message = ("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text).encode()
    assert leaves(seven(message)) == [text.encode()]


@given(
    st.binary(max_size=300),
    st.sampled_from(["text/plain", "application/x"]),
    st.sampled_from(["7bit", "8bit", "binary"]),
)
def test_any_body_comes_back(body, kind, label):
    head = f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {label}\r\n\r\n".encode()
    made = seven(head + body)
    assert made.isascii()
    assert b"\0" not in made
    encoding = email.message_from_bytes(made)["Content-Transfer-Encoding"]
    payload = made.partition(b"\r\n\r\n")[2]
    if encoding == "base64":
        import base64

        assert base64.b64decode(payload) == body
    elif encoding == "quoted-printable":
        import quopri

        assert quopri.decodestring(payload) == body
    else:
        assert payload == body
