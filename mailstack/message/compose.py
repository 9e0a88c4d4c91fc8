"""Messages that this server writes itself: the welcome message, reports.

A `Part` is a content type and octets that are already fit for 7-bit transport
(or say that they are not); `message` puts header and parts together.  Nothing
here reads a clock or draws a random number: date and Message-ID are given.
"""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailstack.message.address import quoted_local
from mailstack.message.date import format_date
from mailstack.message.words import encode_word

__all__ = [
    "Mailbox",
    "Part",
    "attachment",
    "encoded_part",
    "encoded_words",
    "field",
    "message",
    "multipart",
    "text_part",
]

_LINE = 78  # octets, RFC 5322 §2.1.1
_HARD_LINE = 998
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person or program with its address `local@domain`, as text."""

    address: str
    display: str = ""

    def encode(self) -> str:
        """`Display <local@domain>`, the display name as RFC 5322 §3.4 and RFC 2047 §5 want it."""
        local, _, domain = self.address.rpartition("@")
        if not _QUOTED.fullmatch(local):  # a path of SMTP may have it quoted already
            local = quoted_local(local.encode()).decode()
        spec = f"{local}@{domain}"
        return f"{_phrase(self.display)} <{spec}>" if self.display else spec


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME part: its Content-* fields in order, and its encoded body with CRLF line ends."""

    fields: tuple[tuple[str, str], ...]
    body: bytes

    def encode(self) -> bytes:
        return b"".join(field(name, value) for name, value in self.fields) + b"\r\n" + self.body


def text_part(text: str, subtype: str = "plain") -> Part:
    """text/… in UTF-8 with the mildest encoding that any transport lets through."""
    body = _crlf(text).encode()
    charset = "us-ascii" if body.isascii() else "utf-8"
    return encoded_part(f"text/{subtype}; charset={charset}", body)


def encoded_part(content_type: str, body: bytes) -> Part:
    """Lines of text in a charset that `content_type` names, with CRLF."""
    encoding, encoded = _encoded(body)
    return Part((("Content-Type", content_type), ("Content-Transfer-Encoding", encoding)), encoded)


def attachment(filename: str, content_type: str, data: bytes) -> Part:
    """A file to keep, base64.  A name beyond ASCII is written as RFC 2231 §4 says."""
    name = _parameter("filename", filename)
    fields = (
        ("Content-Type", content_type),
        ("Content-Disposition", f"attachment; {name}"),
        ("Content-Transfer-Encoding", "base64"),
    )
    return Part(fields, _base64_lines(data))


def multipart(subtype: str, parts: Sequence[Part], seed: str, parameters: str = "") -> Part:
    """multipart/…; the boundary is made from `seed` and occurs in no part.  RFC 2046 §5.1"""
    encoded = [part.encode() for part in parts]
    boundary = _boundary(seed, encoded)
    frame = b"--" + boundary.encode()
    body = b"".join(b"%b\r\n%b\r\n" % (frame, part) for part in encoded) + frame + b"--\r\n"
    return Part((("Content-Type", f'multipart/{subtype};{parameters} boundary="{boundary}"'),), body)


def message(
    *,
    sender: Mailbox,
    to: Sequence[Mailbox],
    subject: str,
    moment: datetime,
    message_id: str,
    content: Part,
    extra: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A whole message.  `message_id` is without angle brackets; `extra` fields are written as given, folded."""
    fields = [
        ("Date", format_date(moment)),
        ("From", sender.encode()),
        ("To", ", ".join(mailbox.encode() for mailbox in to)),
        ("Subject", encoded_words(subject)),
        ("Message-ID", f"<{message_id}>"),
        *extra,
        ("MIME-Version", "1.0"),
    ]
    return b"".join(field(name, value) for name, value in fields) + content.encode()


def encoded_words(text: str) -> str:
    """Unstructured text for a field: itself when it is ASCII, else encoded words.  RFC 2047 §5"""
    text = _CONTROLS.sub(" ", text)
    if text.isascii() and "=?" not in text:
        return text
    return encode_word(text).decode()


def field(name: str, value: str) -> bytes:
    """`Name: value` folded at blanks, as far as there are any.  No line end can come in with `value`."""
    lines, line = [], f"{name}:"
    for word in re.split(r"(?<=[^ \t])(?=[ \t])", _CONTROLS.sub(" ", value).strip()):
        token = word if word.startswith((" ", "\t")) else f" {word}"
        if len(line) + len(token.encode()) > _LINE and line.strip() != f"{name}:":
            lines.append(line)
            line = ""
        line += token
    return "\r\n".join([*lines, line, ""]).encode()


def _phrase(display: str) -> str:
    """display-name: atoms, quoted-string or encoded words."""
    display = _CONTROLS.sub(" ", display)
    if not display.isascii() or "=?" in display:
        return encoded_words(display)
    if _ATOMS.fullmatch(display):
        return display
    return '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parameter(name: str, value: str) -> str:
    """name="value", or name*=utf-8''percent-encoded.  RFC 2045 §5.1, RFC 2231 §4"""
    value = _CONTROLS.sub("_", value)
    if value.isascii():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{quoted}"'
    octets = value.encode("utf-8", "replace")
    escaped = "".join(
        chr(octet) if chr(octet).isascii() and chr(octet).isalnum() else f"%{octet:02X}" for octet in octets
    )
    return f"{name}*=utf-8''{escaped}"


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def _encoded(body: bytes) -> tuple[str, bytes]:
    """(Content-Transfer-Encoding, octets): 7bit, else the shorter of quoted-printable and base64."""
    longest = max((len(line) for line in body.split(b"\r\n")), default=0)
    if body.isascii() and b"\0" not in body and longest <= _HARD_LINE:
        return "7bit", body
    printable = binascii.b2a_qp(body, istext=True)
    encoded = _base64_lines(body)
    return ("quoted-printable", printable) if len(printable) <= len(encoded) else ("base64", encoded)


def _base64_lines(data: bytes) -> bytes:
    """76 characters a line.  RFC 2045 §6.8"""
    return b"".join(binascii.b2a_base64(data[i : i + 57], newline=False) + b"\r\n" for i in range(0, len(data), 57))


def _boundary(seed: str, parts: Sequence[bytes]) -> str:
    """`=_` occurs in no quoted-printable or base64; what came from elsewhere is searched."""
    safe = re.sub(r"[^A-Za-z0-9.-]", "", seed)[:50]
    number = 0
    while any(f"=_{safe}.{number}".encode() in part for part in parts):
        number += 1
    return f"=_{safe}.{number}"
