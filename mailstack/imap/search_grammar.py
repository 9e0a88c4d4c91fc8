"""The grammar of SEARCH.  RFC 3501 §6.4.4, §9"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.objectid import objectid
from mailstack.imap.search import (
    FLAG_KEYS,
    All,
    And,
    Dated,
    Flagged,
    Identified,
    InBody,
    InHeader,
    InText,
    Key,
    ModifiedSince,
    Not,
    Numbered,
    Or,
    Recent,
    Saved,
    Sent,
    Sized,
    When,
    Within,
)
from mailstack.imap.search_return import Returned, parse_return
from mailstack.imap.search_text import fold
from mailstack.imap.values import Command
from mailstack.message.words import codec

__all__ = ["Search", "parse", "parse_charset", "parse_keys"]

NESTING: Final = 100
KEYS: Final = 1_000

_NAME: Final = re.compile(rb"[A-Za-z]+")
_FIELD: Final = re.compile(rb"[!-9;-~]+")
_NEW: Final = And.of((Recent(), Not(Flagged("\\seen"))))


@dataclass(frozen=True, slots=True)
class Search(Command):
    """`key` None: the charset is one that this server does not know.

    `returned` None: the answer is SEARCH's (or SORT's) own, not ESEARCH.  `by_modseq`: MODSEQ is among the keys.
    `said_charset`: with CHARSET.
    """

    key: Key | None
    by_uid: bool = False
    returned: Returned | None = None
    by_modseq: bool = False
    said_charset: bool = False


class _Reading:
    """One command's reading: its charset ("" for an unknown one), and how deep and long it may still be."""

    __slots__ = ("by_modseq", "charset", "cur", "depth", "keys")

    def __init__(self, cur: Cursor, charset: str) -> None:
        self.cur = cur
        self.charset = charset
        self.by_modseq = False
        self.depth = 0
        self.keys = KEYS

    def needle(self) -> str:
        """astring, folded"""
        self.cur.space()
        octets = self.cur.astring()
        try:
            text = octets.decode("utf-8" if self.charset == "ascii" else self.charset or "latin-1")
        except (UnicodeError, ValueError):
            raise ParseFault("a string does not fit its charset") from None
        return fold(text)

    def field_needle(self) -> str:
        return " ".join(self.needle().split())

    def number(self) -> int:
        self.cur.space()
        return self.cur.number64()

    def date(self) -> date:
        self.cur.space()
        return self.cur.date()


def parse(cur: Cursor) -> Search:
    """search = "SEARCH" [search-return-opts] [SP "CHARSET" SP astring] 1*(SP search-key)   RFC 3501 §9, RFC 4466 §6"""
    returned = parse_return(cur)
    charset = "utf-8"  # quirk: UTF-8 without saying so, which US-ASCII leaves room for
    said = cur.took(b"CHARSET ")
    if said:
        charset = parse_charset(cur)
    key, by_modseq = parse_keys(cur, charset)
    return Search(key, cur.by_uid, returned, by_modseq, said)


def parse_charset(cur: Cursor) -> str:
    """charset SP: the codec's name; "" for one that nobody knows"""
    label = cur.astring().decode("latin-1")
    cur.space()
    found = codec(label)
    return found.name if found else ""


def parse_keys(cur: Cursor, charset: str) -> tuple[Key | None, bool]:
    """search-key *(SP search-key): the key, None for an unknown charset; and whether MODSEQ was among them"""
    reading = _Reading(cur, charset)
    keys = [_key(reading)]
    while cur.spaced():
        keys.append(_key(reading))
    return (And.of(keys) if charset else None), reading.by_modseq


def _key(reading: _Reading) -> Key:
    """search-key = "ALL" / … / sequence-set / "(" search-key *(SP search-key) ")"   RFC 3501 §9"""
    reading.keys -= 1
    if reading.keys < 0:
        raise ParseFault("too many search keys")
    cur = reading.cur
    if cur.peek() == b"(":
        return _deeper(reading, lambda: And.of(cur.listed(lambda _: _key(reading))))
    if not cur.looks(_NAME):
        return Numbered(cur.seq_set())
    name = cur.match(_NAME, "a search key")[0].upper()
    if name in FLAG_KEYS:
        return Flagged(FLAG_KEYS[name])
    if name.removeprefix(b"UN") in FLAG_KEYS:
        return Not(Flagged(FLAG_KEYS[name.removeprefix(b"UN")]))
    read = _KEYS.get(name)
    if read is None:
        raise ParseFault("unknown search key")
    return read(reading)


def _deeper(reading: _Reading, read: Callable[[], Key]) -> Key:
    reading.depth += 1
    if reading.depth > NESTING:
        raise ParseFault("search keys are nested too deeply")
    key = read()
    reading.depth -= 1
    return key


def _spaced_key(reading: _Reading) -> Key:
    reading.cur.space()
    return _key(reading)


def _not(reading: _Reading) -> Key:
    return _deeper(reading, lambda: Not(_spaced_key(reading)))


def _or(reading: _Reading) -> Key:
    return _deeper(reading, lambda: Or.of(_spaced_key(reading), _spaced_key(reading)))


def _keyword(reading: _Reading) -> Key:
    reading.cur.space()
    return Flagged(reading.cur.flag().decode("ascii").lower())


def _uids(reading: _Reading) -> Key:
    reading.cur.space()
    return Numbered(reading.cur.uid_set())


def _within(reading: _Reading, *, younger: bool) -> Key:
    """("OLDER" / "YOUNGER") SP nz-number, in seconds   RFC 5032 §3"""
    reading.cur.space()
    return Within(reading.cur.nz_number(), younger=younger)


def _modseq(reading: _Reading) -> Key:
    """search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer   RFC 7162 §7

    All flags of a message have one modseq here, so it is the same for every entry.
    """
    cur = reading.cur
    cur.space()
    if cur.peek() == b'"':
        cur.string()
        cur.space()
        if cur.word() not in {b"ALL", b"PRIV", b"SHARED"}:
            raise ParseFault("expected all, priv or shared")
        cur.space()
    reading.by_modseq = True
    return ModifiedSince(cur.number64())


def _header(reading: _Reading) -> Key:
    """ "HEADER" SP header-fld-name SP astring"""
    reading.cur.space()
    name = reading.cur.astring()
    if not _FIELD.fullmatch(name):
        raise ParseFault("no such header field can be")
    return InHeader(name.lower(), reading.field_needle())


def _in_field(name: bytes) -> Callable[[_Reading], Key]:
    return lambda reading: InHeader(name, reading.field_needle())


def _email_id(reading: _Reading) -> Key:
    """ "EMAILID" SP objectid   RFC 8474 §7"""
    reading.cur.space()
    return Identified(objectid(reading.cur))


def _thread_id(reading: _Reading) -> Key:
    """ "THREADID" SP objectid: threads have none, so nothing is found.  RFC 8474 §5.2"""
    reading.cur.space()
    objectid(reading.cur)
    return Not(All())


_KEYS: Final[Mapping[bytes, Callable[[_Reading], Key]]] = {
    b"ALL": lambda _: All(),
    b"EMAILID": _email_id,
    b"THREADID": _thread_id,
    b"NEW": lambda _: _NEW,
    b"OLD": lambda _: Not(Recent()),
    b"RECENT": lambda _: Recent(),
    b"KEYWORD": _keyword,
    b"UNKEYWORD": lambda reading: Not(_keyword(reading)),
    b"UID": _uids,
    b"NOT": _not,
    b"OR": _or,
    b"LARGER": lambda reading: Sized(reading.number(), larger=True),
    b"SMALLER": lambda reading: Sized(reading.number(), larger=False),
    b"BEFORE": lambda reading: Dated(When.BEFORE, reading.date()),
    b"ON": lambda reading: Dated(When.ON, reading.date()),
    b"SINCE": lambda reading: Dated(When.SINCE, reading.date()),
    b"SAVEDATESUPPORTED": lambda _: All(),
    b"SAVEDBEFORE": lambda reading: Saved(When.BEFORE, reading.date()),
    b"SAVEDON": lambda reading: Saved(When.ON, reading.date()),
    b"SAVEDSINCE": lambda reading: Saved(When.SINCE, reading.date()),
    b"SENTBEFORE": lambda reading: Sent(When.BEFORE, reading.date()),
    b"SENTON": lambda reading: Sent(When.ON, reading.date()),
    b"SENTSINCE": lambda reading: Sent(When.SINCE, reading.date()),
    b"BCC": _in_field(b"bcc"),
    b"CC": _in_field(b"cc"),
    b"FROM": _in_field(b"from"),
    b"SUBJECT": _in_field(b"subject"),
    b"TO": _in_field(b"to"),
    b"HEADER": _header,
    b"MODSEQ": _modseq,
    b"OLDER": lambda reading: _within(reading, younger=False),
    b"YOUNGER": lambda reading: _within(reading, younger=True),
    b"BODY": lambda reading: InBody(reading.needle()),
    b"TEXT": lambda reading: InText(reading.needle()),
}
