"""Mailbox names between the wire (modified UTF-7, RFC 3501 §5.1.3; UTF-8, RFC 9051 §5.1) and the server's own form.

The server's own form is text, `/` between the levels, `INBOX` in capitals, NFC (see
`store.api`).  On the wire IMAP4rev1 has ASCII only; a name with 8-bit octets or with
broken modified UTF-7 is refused, never guessed at.  Which of the two a session speaks is
settled by ENABLE: `utf8` says that it is UTF-8, and then `&` is a sign like any other.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.store.values import INBOX, SEPARATOR

__all__ = ["checked", "decode_given", "decode_name", "decode_pattern", "encode_name", "matcher", "parents"]

_SHIFTED: Final = re.compile(rb"&([^-]*)-")
_UNSAFE: Final = re.compile("&|[^ -~]+")
_PLAIN_IN_SHIFT: Final = re.compile("[\x00 -~]")
NAME_OCTETS: Final = 1000  # of the wire form; a component has to fit a file name too, which the store checks


@lru_cache(1024)
def decode_name(wire: bytes, *, utf8: bool = False) -> str:
    """mailbox = "INBOX" / astring: the server's own form of it.  ParseFault.  RFC 3501 §5.1.3

    `INBOX` is found in any case, also as the first level (`inbox/old`).
    """
    return _with_inbox(decode_pattern(wire, utf8=utf8))


def decode_given(wire: bytes, *, utf8: bool = False) -> str:
    """The same before it is normalised: what an answer calls OLDNAME.  RFC 9051 §6.3.9.7"""
    return _with_inbox(_from_utf8(wire) if utf8 else _from_utf7(wire))


def decode_pattern(wire: bytes, *, utf8: bool = False) -> str:
    """A LIST pattern, with its `%` and `*`; `INBOX` is left to the matcher."""
    return unicodedata.normalize("NFC", _from_utf8(wire) if utf8 else _from_utf7(wire))


@lru_cache(1024)
def encode_name(name: str, *, utf8: bool = False) -> bytes:
    """The wire form, before quoting."""
    return name.encode("utf-8", "replace") if utf8 else _UNSAFE.sub(_to_shift, name).encode("ascii")


def _with_inbox(name: str) -> str:
    first, separator, rest = name.partition(SEPARATOR)
    return INBOX + separator + rest if first.upper() == INBOX else name


def _from_utf8(wire: bytes) -> str:
    """RFC 9051 §5.1, RFC 6855 §3"""
    if len(wire) > NAME_OCTETS:
        raise ParseFault("a mailbox name has at most 1000 octets")
    try:
        return wire.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseFault("a mailbox name is UTF-8") from None


def _from_utf7(wire: bytes) -> str:
    if not wire.isascii() or len(wire) > NAME_OCTETS:
        raise ParseFault("a mailbox name is modified UTF-7, at most 1000 octets")
    if b"&" not in wire:
        return wire.decode("ascii")
    parts = _SHIFTED.split(wire)  # plain, shifted, plain, …
    if any(b"&" in plain for plain in parts[::2]):
        raise ParseFault("a mailbox name has & without its -")
    return "".join(_from_shift(part) if index % 2 else part.decode("ascii") for index, part in enumerate(parts))


def _from_shift(shifted: bytes) -> str:
    """What stands between `&` and `-`; what could have been written plainly is refused, as two names would be one."""
    if not shifted:
        return "&"
    if shifted.strip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"):
        raise ParseFault("a mailbox name has bad modified UTF-7")
    padded = shifted.replace(b",", b"/") + b"=" * (-len(shifted) % 4)
    try:
        text = base64.b64decode(padded, validate=True).decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        raise ParseFault("a mailbox name has bad modified UTF-7") from None
    if not text or _PLAIN_IN_SHIFT.search(text):
        raise ParseFault("a mailbox name has bad modified UTF-7")
    return text


def _to_shift(unsafe: re.Match[str]) -> str:
    if unsafe[0] == "&":
        return "&-"
    encoded = base64.b64encode(unsafe[0].encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
    return f"&{encoded.decode('ascii')}-"


def checked(name: str) -> str:
    """A name that may be given to a new mailbox.  MailError(BAD_MAILBOX_NAME).  RFC 9051 §5.1"""
    levels = name.split(SEPARATOR)
    if not all(levels) or any(level in {".", ".."} for level in levels):
        raise MailError(Condition.BAD_MAILBOX_NAME, "Mailbox name has an empty level")
    if any(sign in "%*" or unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in name):
        raise MailError(Condition.BAD_MAILBOX_NAME, "Mailbox name has characters that are not allowed")
    return name


def parents(name: str) -> list[str]:
    """`a/b/c` → `a`, `a/b`."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels))]


def matcher(reference: str, pattern: str) -> Callable[[str], bool]:
    """What LIST's reference and pattern accept: `*` anything, `%` anything within a level.  RFC 9051 §6.3.9

    A pattern that is `INBOX` or starts with it as a level, in whatever case, means the INBOX.
    Every place in the pattern is a bit, and all are followed at once: a hostile
    pattern (`*a*a*a*a*b`) costs no more than another.
    """
    places = re.sub(r"[%*]*\*[%*]*", "*", re.sub("%+", "%", _with_inbox(reference + pattern)))
    anything = within = 0
    moves: dict[str, int] = {}
    for place, sign in enumerate(places):
        if sign in "%*":
            anything |= (sign == "*") << place
            within |= (sign == "%") << place
        else:
            moves[sign] = moves.get(sign, 0) | 1 << place
    wild, end = anything | within, 1 << len(places)

    def accepts(name: str) -> bool:
        here = 1 | (wild & 1) << 1
        for sign in name:
            stay = anything if sign == SEPARATOR else wild
            here = (here & moves.get(sign, 0)) << 1 | here & stay
            here |= (here & wild) << 1
            if not here:
                return False
        return bool(here & end)

    return accepts
