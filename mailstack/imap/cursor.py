"""The grammar's primitives, over the pieces of one command.

A command arrives as pieces: its first line, and for each literal the octets and the
rest of the line behind them.  A `Cursor` walks them; each primitive is one anchored
regular expression.  A primitive that does not find its thing raises ParseFault, and
the engine answers the whole command with BAD: nothing is ever half done.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Final, TypeVar

from mailstack.base.errors import ParseFault
from mailstack.imap.names import decode_given, decode_name, decode_pattern
from mailstack.imap.numset import NUMSET, NumSet
from mailstack.imap.values import checked_flags

__all__ = ["LITERAL", "Cursor", "LiteralAwaited"]

T = TypeVar("T")

LITERAL: Final = re.compile(rb"\{(\d{1,20})(\+?)\}\Z")  # RFC 9051 §4.3, RFC 7888

_ATOM: Final = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_ASTRING: Final = re.compile(rb'[^\x00-\x20(){%*"\\\x7f-\xff]+')
_LIST_MAILBOX: Final = re.compile(rb'[^\x00-\x20(){"\\\x7f-\xff]+')
_QUOTED: Final = re.compile(rb'"([^"\\\x00\r\n]*(?:\\["\\][^"\\\x00\r\n]*)*)"')
_FLAG: Final = re.compile(rb'\\?[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_FLAG_LIST: Final = re.compile(rb"\(((?:%b(?: +%b)*)?) *\)" % ((_FLAG.pattern,) * 2))
_NUMBER: Final = re.compile(rb"\d{1,20}")
_SPACE: Final = re.compile(rb" +")
_REST: Final = re.compile(rb"[^\x00]*", re.DOTALL)
_DATE: Final = re.compile(rb'("?)(\d{1,2})-([A-Za-z]{3})-(\d{4})\1')
_DATETIME: Final = re.compile(
    rb'"([ \d]?\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"',
)
_MONTHS: Final = {
    month: number
    for number, month in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}


LISTED_MOST = 200


class LiteralAwaited(ParseFault):
    """The grammar is at a literal whose octets have not come: only APPEND's parser, which runs early, can meet it."""


class Cursor:
    """A place in one command.  `pieces` alternate: line, literal, line, literal, …, line.

    `by_uid` is set for the UID form of a command: `numset` then reads UIDs.  `utf8`: names and quoted strings
    are UTF-8, as ENABLE has settled.
    """

    __slots__ = ("_at", "_line", "_next", "_pieces", "by_uid", "utf8")

    def __init__(self, pieces: Sequence[bytes], start: int = 0, *, by_uid: bool = False, utf8: bool = False) -> None:
        self._pieces = pieces
        self._next = 1  # the piece behind the present line: a literal
        self._line = pieces[0]
        self._at = start
        self.by_uid = by_uid
        self.utf8 = utf8

    # --- looking and moving ---

    def peek(self) -> bytes:
        """The next octet, b"" at the end of a line (and so also where the command ends)."""
        return self._line[self._at : self._at + 1]

    def looks(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """What `pattern` finds here, without moving."""
        return pattern.match(self._line, self._at)

    def match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """What `pattern` finds here; moves behind it.  For a command's own tokens and hot forms."""
        found = pattern.match(self._line, self._at)
        if found is None:
            raise self.fault(what)
        self._at = found.end()
        return found

    def took(self, token: bytes) -> bool:
        """Move over `token` (ASCII letters in any case) when it is here."""
        end = self._at + len(token)
        if self._line[self._at : end].upper() != token.upper():
            return False
        self._at = end
        return True

    def back(self, octets: int) -> None:
        """So many octets of the present line are not taken after all."""
        self._at -= octets

    def take(self, token: bytes) -> None:
        if not self.took(token):
            raise self.fault(token.decode("ascii"))

    def space(self) -> None:
        """SP.  quirk: more than one passes too (hand-made clients)."""
        self.match(_SPACE, "a space")

    def spaced(self) -> bool:
        """Move over a space when one is here and something follows it."""
        found = _SPACE.match(self._line, self._at)
        if found is None or found.end() == len(self._line):
            return False
        self._at = found.end()
        return True

    @property
    def left(self) -> bytes:
        """All that is left of the command; b"" when there is a literal in it."""
        return self._line[self._at :] if self._next >= len(self._pieces) else b""

    def take_left(self) -> None:
        """Move to the end of the line."""
        self._at = len(self._line)

    def at_end(self) -> bool:
        return self._next >= len(self._pieces) and not self._line[self._at :].strip(b" ")

    def end(self) -> None:
        """Nothing may be left.  quirk: trailing spaces pass (Outlook)."""
        if not self.at_end():
            raise self.fault("the end of the command")

    def fault(self, what: str) -> ParseFault:
        """Says what was expected and where, never what stands there: it may be a password."""
        return ParseFault(f"expected {what} at octet {self._at + 1}" + (" behind a literal" if self._next > 1 else ""))

    # --- atoms and strings ---

    def atom(self) -> bytes:
        """atom = 1*ATOM-CHAR   RFC 9051 §9"""
        return self.match(_ATOM, "an atom")[0]

    def word(self) -> bytes:
        """An atom that is a keyword of the protocol, in capitals."""
        return self.match(_ATOM, "a keyword")[0].upper()

    def astring(self) -> bytes:
        """astring = 1*ASTRING-CHAR / string   RFC 9051 §9"""
        if self.peek() in {b'"', b"{"}:
            return self.string()
        return self.match(_ASTRING, "a string")[0]

    def string(self) -> bytes:
        """string = quoted / literal   RFC 9051 §4.3

        8-bit octets pass in both (quirk: UTF-8 passwords), NUL in neither.
        """
        if self.peek() == b"{":
            return self._literal()
        text = self.match(_QUOTED, "a string")[1]
        if self.utf8 and not text.isascii():
            _check_utf8(text)
        return re.sub(rb"\\(.)", rb"\1", text) if b"\\" in text else text

    def nstring(self) -> bytes | None:
        """nstring = string / nil   RFC 9051 §9"""
        if self.peek() not in {b'"', b"{"} and self.took(b"NIL"):
            return None
        return self.string()

    def literal8(self) -> bytes:
        """literal8 = "~" literal, which may have NUL octets   RFC 9051 §9"""
        self.take(b"~")
        return self._literal(nul=True)

    def _literal(self, *, nul: bool = False) -> bytes:
        self.literal_size()
        if self._next >= len(self._pieces):
            raise LiteralAwaited("a literal ends too early")
        octets, self._line = self._pieces[self._next : self._next + 2]
        self._next += 2
        self._at = 0
        if not nul and b"\0" in octets:
            raise ParseFault("a literal has NUL octets")
        return octets

    def literal_size(self) -> int:
        """Octets of the literal announced here, for APPEND's message; moves behind it.  RFC 9051 §6.3.12"""
        return int(self.match(LITERAL, "a literal")[1])

    def rest(self) -> bytes:
        """Everything up to the end of this line."""
        return self.match(_REST, "no NUL")[0]

    # --- numbers and sets ---

    def number(self) -> int:
        """number = 1*DIGIT, below 2**32   RFC 9051 §9"""
        return self._below(1 << 32)

    def number64(self) -> int:
        """number64, below 2**63   RFC 9051 §9"""
        return self._below(1 << 63)

    def nz_number(self) -> int:
        number = self.number()
        if not number:
            raise ParseFault("0 is no number here")
        return number

    def _below(self, limit: int) -> int:
        number = int(self.match(_NUMBER, "a number")[0])
        if number >= limit:
            raise ParseFault("number too large")
        return number

    def numset(self) -> NumSet:
        """sequence-set, of UIDs in a command's UID form, else of sequence numbers   RFC 9051 §9"""
        return NumSet.parse(self.match(NUMSET, "a set of message numbers")[0], by_uid=self.by_uid)

    def seq_set(self) -> NumSet:
        """sequence-set of sequence numbers whatever the command's form (SEARCH)"""
        return NumSet.parse(self.match(NUMSET, "a set of message numbers")[0])

    def uid_set(self) -> NumSet:
        """uid-set whatever the command's form (SEARCH UID, UID EXPUNGE)"""
        return NumSet.parse(self.match(NUMSET, "a set of UIDs")[0], by_uid=True)

    # --- names, flags, dates, lists ---

    def mailbox(self) -> str:
        """mailbox = "INBOX" / astring, in the server's own form   RFC 9051 §9"""
        return decode_name(self.astring(), utf8=self.utf8)

    def mailbox_given(self) -> tuple[str, str]:
        """The same, and the name as it was given, before it was normalised.  RFC 9051 §6.3.9.7"""
        wire = self.astring()
        return decode_name(wire, utf8=self.utf8), decode_given(wire, utf8=self.utf8)

    def list_mailbox(self) -> str:
        """list-mailbox = 1*list-char / string   RFC 9051 §9"""
        if self.peek() in {b'"', b"{"}:
            return decode_pattern(self.string(), utf8=self.utf8)
        return decode_pattern(self.match(_LIST_MAILBOX, "a mailbox pattern")[0], utf8=self.utf8)

    def flag(self) -> bytes:
        """flag as written   RFC 9051 §9"""
        return self.match(_FLAG, "a flag")[0]

    def flag_list(self) -> tuple[str, ...]:
        """flag-list = "(" [flag *(SP flag)] ")", as the store takes flags   RFC 9051 §9"""
        return checked_flags(self.match(_FLAG_LIST, "a list of flags")[1].split())

    def flags(self) -> tuple[str, ...]:
        """flag-list / (flag *(SP flag)), as STORE has it   RFC 9051 §9 store-att-flags"""
        if self.peek() == b"(":
            return self.flag_list()
        found = [self.flag()]
        while self.spaced():
            found.append(self.flag())
        return checked_flags(found)

    def date(self) -> date:
        """date = date-text / DQUOTE date-text DQUOTE   RFC 9051 §9"""
        _, day, month, year = self.match(_DATE, "a date such as 1-Feb-2024").groups()
        return _checked(lambda: date(int(year), _month(month), int(day)))

    def datetime(self) -> datetime:
        """date-time in quotes, aware   RFC 9051 §9"""
        found = self.match(_DATETIME, 'a date such as " 1-Feb-2024 10:00:00 +0000"')
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        return _checked(
            lambda: datetime(
                int(year),
                _month(month),
                int(day),
                int(hour),
                int(minute),
                min(int(second), 59),  # a leap second
                tzinfo=timezone(-offset if sign == b"-" else offset),
            )
        )

    def listed(
        self, item: Callable[["Cursor"], T], *, empty: bool = False, at_most: int = LISTED_MOST
    ) -> tuple[T, ...]:
        """ "(" item *(SP item) ")"; with `empty` also "()".  What each item costs later is paid by everybody: hence
        `at_most`, far above what any mail program sends."""
        self.take(b"(")
        items: list[T] = []
        if not (empty and self.peek() == b")"):
            items.append(item(self))
            while self.spaced():
                if len(items) >= at_most:
                    raise ParseFault(f"more than {at_most} items in a list")
                items.append(item(self))
        self.take(b")")
        return tuple(items)


def _check_utf8(text: bytes) -> None:
    """RFC 6855 §3: octets that are not UTF-8 are BAD."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseFault("a quoted string is UTF-8") from None


def _month(name: bytes) -> int:
    return _MONTHS[name.lower()]


def _checked(make: Callable[[], T]) -> T:
    try:
        return make()
    except (ValueError, KeyError, OverflowError):
        raise ParseFault("no such date") from None
