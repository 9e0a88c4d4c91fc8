"""One message of a source, and what the header of an mbox message says of its state."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from mailstack.message.date import parse_date
from mailstack.message.header import scan

__all__ = ["Bad", "Found", "Head", "date_in", "key_of", "read_head", "with_crlf"]

_STATE_FIELDS: Final = frozenset(
    b"status x-status x-keywords x-uid x-imap x-imapbase x-mozilla-status x-mozilla-status2 x-mozilla-keys".split()
)
_LENGTH_FIELDS: Final = frozenset((b"content-length", b"lines"))
# Status and X-Status, as mutt, Pine and Dovecot write them
_LETTERS: Mapping[str, str] = MappingProxyType(
    {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "T": "\\Draft", "D": "\\Deleted"}
)
_MOZILLA: Final = ((0x1, "\\Seen"), (0x2, "\\Answered"), (0x4, "\\Flagged"), (0x1000, "$Forwarded"))
_MOZILLA_EXPUNGED: Final = 0x8
_KEYWORD: Final = re.compile(r"[!#$&'+,\-.0-9:;<=>?@A-Z^_`a-z|~]+")


@dataclass(frozen=True, slots=True)
class Found:
    """`chunks` are the octets, with CRLF; they must be drawn before the next message is.  `date` is UNIX seconds.

    `key` is the same whenever the source is read again; `where` tells people which one it is.
    """

    folder: str
    where: str
    key: int
    flags: tuple[str, ...]
    date: int
    chunks: Iterable[bytes] = field(repr=False)
    path: str = ""  # of the file, where it has one of its own


@dataclass(frozen=True, slots=True)
class Bad:
    """What could not be read."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Head:
    """A header block without the fields that only its mbox needs, and what those have said."""

    octets: bytes
    flags: tuple[str, ...]
    length: int | None  # octets of the body
    expunged: bool  # the program that wrote it shows it no more


def read_head(block: bytes, *, drops_length: bool = False) -> Head:
    """`block` ends behind the empty line."""
    header = scan(block)
    dropped = _STATE_FIELDS | _LENGTH_FIELDS if drops_length else _STATE_FIELDS
    said: dict[bytes, str] = {}
    kept, done = bytearray(), 0
    for each in header:
        if each.key in _STATE_FIELDS | _LENGTH_FIELDS:
            said.setdefault(each.key, header.value(each).strip().decode("latin-1"))
        if each.key in dropped:
            kept += block[done : each.start]
            done = each.end
    kept += block[done:]
    mozilla = _number(said.get(b"x-mozilla-status", ""), 16)
    length = said.get(b"content-length", "")
    return Head(
        bytes(kept),
        tuple(dict.fromkeys(_flags(said, mozilla))),
        int(length) if length.isdecimal() else None,
        bool(mozilla & _MOZILLA_EXPUNGED) or b"x-imap" in said or _is_pine_data(block),
    )


def _flags(said: Mapping[bytes, str], mozilla: int) -> Iterator[str]:
    for letter in said.get(b"status", "") + said.get(b"x-status", ""):
        if letter in _LETTERS:
            yield _LETTERS[letter]
    yield from (name for bit, name in _MOZILLA if mozilla & bit)
    for word in (said.get(b"x-keywords", "") + " " + said.get(b"x-mozilla-keys", "")).split():
        if _KEYWORD.fullmatch(word):
            yield word


def _is_pine_data(block: bytes) -> bool:
    """The pseudo message in which Pine, UW-IMAP and Dovecot keep what concerns the whole mbox."""
    return b"FOLDER INTERNAL DATA" in block


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        return 0


def date_in(block: bytes) -> int | None:
    """UNIX seconds: when the last server got the message, else what its author says."""
    header = scan(block)
    received = header.first(b"received")
    for text in ((received or b"").rpartition(b";")[2], header.first(b"date") or b""):
        moment = parse_date(text.strip()) if text.strip() else None
        if moment is not None and moment.timestamp() > 0:
            return int(moment.timestamp())
    return None


def key_of(*parts: object) -> int:
    """63 bits."""
    told = "\0".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "big") >> 1


_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


def with_crlf(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """CRLF for each bare LF, however the octets are cut."""
    after_cr = False
    for chunk in chunks:
        split = after_cr and chunk.startswith(b"\n")
        after_cr = chunk.endswith(b"\r")
        yield b"\n" + _BARE_LF.sub(b"\r\n", chunk[1:]) if split else _BARE_LF.sub(b"\r\n", chunk)
