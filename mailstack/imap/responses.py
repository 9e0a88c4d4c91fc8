"""What the server says, as typed values, each with the octets it becomes.

IMAP4rev1 speaks ASCII: what is not ASCII in a text is replaced, in a string it goes
out as a literal's octets only where the message itself had them.  `utf8` is for clients
that have enabled it: then UTF-8 stands in quoted strings.  RFC 6855 §3, RFC 9051 §4.3
"""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from mailstack.imap.names import encode_name

__all__ = [
    "Bad",
    "Bye",
    "Continue",
    "Done",
    "No",
    "Ok",
    "Raw",
    "Response",
    "Untagged",
    "astring",
    "date_time",
    "flag_list",
    "literal",
    "mailbox",
    "nstring",
    "string",
]

_ATOM: Final = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_QUOTABLE: Final = re.compile(rb"[^\x00\r\n\x80-\xff]*")
_QUOTABLE_UTF8: Final = re.compile(rb"[^\x00\r\n]*")  # of octets that are UTF-8
_PLAIN: Final = re.compile(rb'[^\x00\r\n\x80-\xff"\\]*')  # nothing to escape
_QUOTED_OCTETS: Final = 1000  # a longer string is a literal
_ESCAPED: Final = re.compile(rb'["\\]')
_MONTHS: Final = tuple(name.encode() for name in calendar.month_abbr)


@dataclass(frozen=True, slots=True)
class Untagged:
    """`* text`, one line; `text` may hold literals."""

    text: bytes

    def encode(self) -> bytes:
        return b"* %b\r\n" % self.text


@dataclass(frozen=True, slots=True)
class Raw:
    """Whole untagged responses, ready octets: slices of a large FETCH."""

    data: bytes

    def encode(self) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class Ok:
    """Untagged `* OK [code] text`.  RFC 9051 §7.1"""

    text: str = "Done"
    code: bytes = b""

    def encode(self) -> bytes:
        return b"* OK " + _coded(self.code, self.text)


@dataclass(frozen=True, slots=True)
class No:
    """Untagged NO: a warning."""

    text: str
    code: bytes = b""

    def encode(self) -> bytes:
        return b"* NO " + _coded(self.code, self.text)


@dataclass(frozen=True, slots=True)
class Bad:
    """Untagged BAD: the tag could not be read."""

    text: str
    code: bytes = b""

    def encode(self) -> bytes:
        return b"* BAD " + _coded(self.code, self.text)


@dataclass(frozen=True, slots=True)
class Bye:
    """The last untagged response; the engine closes after it (with the answer to LOGOUT in between)."""

    text: str
    code: bytes = b""

    def encode(self) -> bytes:
        return b"* BYE " + _coded(self.code, self.text)


@dataclass(frozen=True, slots=True)
class Continue:
    """`+ text`: go on.  For a SASL challenge, text is base64 already.  RFC 9051 §7.6"""

    text: bytes = b""

    def encode(self) -> bytes:
        return b"+ %b\r\n" % self.text


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a command: `tag OK|NO|BAD [code] text`.  The engine knows the tag; only OK makes the command count.

    `deselected`: besides what the command's row says, no mailbox is open any more.
    `utf8`: names and quoted strings are UTF-8 from now on.
    `again`: the line that went on with the command is none of it, but a command of its own.
    """

    text: str
    code: bytes = b""
    result: bytes = b"OK"
    deselected: bool = False
    utf8: bool = False
    again: bool = False

    @classmethod
    def no(cls, text: str, code: bytes = b"") -> "Done":
        return cls(text, code, b"NO")

    @classmethod
    def bad(cls, text: str, code: bytes = b"") -> "Done":
        return cls(text, code, b"BAD")

    @property
    def positive(self) -> bool:
        return self.result == b"OK"

    def encode(self, tag: bytes) -> bytes:
        return b"%b %b %b" % (tag, self.result, _coded(self.code, self.text))


Response = Untagged | Raw | Ok | No | Bad | Bye | Continue | Done


@lru_cache(1024)
def _coded(code: bytes, text: str) -> bytes:
    words = (text or "Done").encode("ascii", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    return b"[%b] %b\r\n" % (code, words) if code else b"%b\r\n" % words


# --- the pieces that responses are made of ---


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(octets), octets)


def string(octets: bytes, *, utf8: bool = False) -> bytes:
    """Quoted when that is legal and short, else a literal.  RFC 9051 §4.3"""
    if len(octets) <= _QUOTED_OCTETS and _PLAIN.fullmatch(octets):
        return b'"%b"' % octets
    quotable = _QUOTABLE_UTF8 if utf8 else _QUOTABLE
    if len(octets) > _QUOTED_OCTETS or not quotable.fullmatch(octets):
        return literal(octets)
    return b'"%b"' % _ESCAPED.sub(rb"\\\g<0>", octets)


def nstring(octets: bytes | None) -> bytes:
    return b"NIL" if octets is None else string(octets)


def astring(octets: bytes, *, utf8: bool = False) -> bytes:
    return octets if _ATOM.fullmatch(octets) and octets.upper() != b"NIL" else string(octets, utf8=utf8)


def mailbox(name: str, *, utf8: bool = False) -> bytes:
    """A mailbox name of the server's own form on the wire.  RFC 3501 §5.1.3, RFC 9051 §5.1"""
    return astring(encode_name(name, utf8=utf8), utf8=utf8)


def flag_list(flags: Iterable[str]) -> bytes:
    return b"(%b)" % " ".join(flags).encode("ascii", "replace")


def date_time(moment: datetime) -> bytes:
    """date-time = date-day-fixed "-" date-month "-" date-year SP time SP zone   RFC 3501 §9"""
    return b"%2d-%b-%04d %02d:%02d:%02d %b" % (
        moment.day,
        _MONTHS[moment.month],
        moment.year,
        moment.hour,
        moment.minute,
        moment.second,
        f"{moment:%z}"[:5].encode(),
    )
