"""What a POP3 server says.

    response = single-line / multi-line     RFC 2449 §3

A body is sent as `Opening`, any number of `Piece`s, `Closing`: raw octets of a
message, CRLF line ends; dots and the last line end are the engine's business.
"""

import binascii
from dataclasses import dataclass

__all__ = ["Challenge", "Closing", "Err", "Listing", "Ok", "Opening", "Piece", "Response", "Whole", "single_line"]

_TEXT = 450  # octets; the line may have 512 (RFC 2449 §4)


@dataclass(frozen=True, slots=True)
class Ok:
    text: str


@dataclass(frozen=True, slots=True)
class Err:
    """`code` is the response code without brackets: IN-USE, AUTH, SYS/TEMP, SYS/PERM.  RFC 2449 §8, RFC 3206"""

    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Challenge:
    """`+ ` and base64: the client's turn in a SASL exchange.  RFC 5034 §4"""

    data: bytes

    def encode(self) -> bytes:
        return b"+ " + binascii.b2a_base64(self.data, newline=False) + b"\r\n"


@dataclass(frozen=True, slots=True)
class Listing:
    """A short multi-line answer, whole.  `lines` end with CRLF, and none begins with a dot."""

    text: str
    lines: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """+OK and a body that is not long, all of it."""

    text: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """+OK, and a body follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    data: bytes


@dataclass(frozen=True, slots=True)
class Closing:
    """The body is whole."""


Response = Ok | Err | Challenge | Listing | Whole | Opening | Piece | Closing


def single_line(status: str, text: str, code: str = "") -> bytes:
    """status [SP [resp-code SP] text] CRLF: one line of printable ASCII, whatever `text` holds."""
    if not code and text and len(text) <= _TEXT and text.isascii() and text.isprintable():
        return f"{status} {text}\r\n".encode()
    shown = "".join(c if " " <= c <= "~" else "?" for c in text)[:_TEXT]
    return " ".join(part for part in (status, f"[{code}]" if code else "", shown) if part).encode() + b"\r\n"
