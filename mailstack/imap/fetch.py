"""What FETCH can ask for: items, their grammar, and the labels of their answers.  RFC 3501 §6.4.5, §7.4.2"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import astring
from mailstack.imap.sections import Section, Text

__all__ = ["MACROS", "Attribute", "BinarySize", "Item", "Piece", "items"]


class Attribute(Enum):
    """Items that are not octets of the message."""

    UID = b"UID"
    FLAGS = b"FLAGS"
    INTERNALDATE = b"INTERNALDATE"
    SIZE = b"RFC822.SIZE"
    SAVEDATE = b"SAVEDATE"  # RFC 8514 §4.2
    MODSEQ = b"MODSEQ"  # RFC 7162 §3.1.4.2
    EMAILID = b"EMAILID"  # RFC 8474 §5.3
    THREADID = b"THREADID"
    PREVIEW = b"PREVIEW"  # RFC 8970 §3.1
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"
    BODYSTRUCTURE = b"BODYSTRUCTURE"


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets of the message.  `label` is the answer's name for them, the offset of a partial included.

    `partial` (offset, count); `sets_seen`: not asked with PEEK.
    """

    section: Section
    label: bytes
    sets_seen: bool
    partial: tuple[int, int] | None = None
    binary: bool = False  # without transfer encoding: RFC 3516 §4.2


@dataclass(frozen=True, slots=True)
class BinarySize:
    """How many octets `BINARY[…]` has."""

    section: Section
    label: bytes


Item = Attribute | Piece | BinarySize

_FAST: Final[tuple[Item, ...]] = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
MACROS: Final[dict[bytes, tuple[Item, ...]]] = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, Attribute.ENVELOPE),
    b"FULL": (*_FAST, Attribute.ENVELOPE, Attribute.BODY),
}
_WHOLE: Final = Section()
# the older names of sections; quirk: Outlook still sends RFC822.PEEK (RFC 1730 §6.4.5)
_OLDER: Final = {
    b"RFC822": Piece(_WHOLE, b"RFC822", sets_seen=True),
    b"RFC822.PEEK": Piece(_WHOLE, b"RFC822", sets_seen=False),
    b"RFC822.HEADER": Piece(Section(text=Text.HEADER), b"RFC822.HEADER", sets_seen=False),
    b"RFC822.TEXT": Piece(Section(text=Text.TEXT), b"RFC822.TEXT", sets_seen=True),
    b"RFC822.TEXT.PEEK": Piece(Section(text=Text.TEXT), b"RFC822.TEXT", sets_seen=False),
}
_ATTRIBUTES: Final = {attribute.value: attribute for attribute in Attribute}

_KNOWN: Final = 1000  # lists of items
_KNOWN_OCTETS: Final = 300
_known: Final[dict[tuple[bytes, bool], tuple[Item, ...]]] = {}

_NAME: Final = re.compile(rb"[A-Za-z0-9.]+")
_PARTS: Final = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,9}){0,99}")
_TEXT: Final = re.compile(rb"(?:HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME)(?=[] ])", re.IGNORECASE)
_LAZY: Final = re.compile(rb" \(LAZY\)", re.IGNORECASE)
_PARTIAL: Final = re.compile(rb"<([0-9]{1,19})\.([0-9]{1,19})>")


def items(cur: Cursor) -> tuple[Item, ...]:
    """("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")   RFC 3501 §9

    Each item once, in the order asked.  What has been read once is known: clients ask for the same few lists.
    """
    text = cur.left
    known = _known.get((text, cur.utf8))
    if known is not None:
        cur.take_left()
        return known
    found = _items(cur)
    if text and not cur.left and len(text) <= _KNOWN_OCTETS:
        if len(_known) >= _KNOWN:
            _known.clear()
        _known[text, cur.utf8] = found
    return found


def _items(cur: Cursor) -> tuple[Item, ...]:
    if cur.peek() == b"(":
        return tuple(dict.fromkeys(cur.listed(_item)))
    word = cur.looks(_NAME)
    macro = MACROS.get(word[0].upper()) if word else None
    if macro is None:
        return (_item(cur),)
    cur.match(_NAME, "a macro")
    return macro


def _item(cur: Cursor) -> Item:
    """fetch-att = "ENVELOPE" / "FLAGS" / … / "BODY" section ["<" number "." nz-number ">"] / …   RFC 3501 §9"""
    name = cur.match(_NAME, "an item to fetch")[0].upper()
    if name in {b"BODY", b"BODY.PEEK"} and cur.peek() == b"[":
        return _piece(cur, sets_seen=name == b"BODY")
    if name in {b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE"} and cur.peek() == b"[":
        return _binary(cur, name)
    item = _ATTRIBUTES.get(name) or _OLDER.get(name)
    if item is None:
        raise ParseFault("unknown item to fetch")
    if item is Attribute.PREVIEW and cur.looks(_LAZY):
        cur.match(_LAZY, "LAZY")  # a preview takes no longer than an envelope, so it makes no difference: RFC 8970 §4.1
    return item


def _piece(cur: Cursor, *, sets_seen: bool) -> Piece:
    """section = "[" [section-spec] "]"   RFC 3501 §9"""
    cur.take(b"[")
    section, label = _section(cur)
    cur.take(b"]")
    if cur.peek() != b"<":
        return Piece(section, b"BODY[%b]" % label, sets_seen)
    partial = _partial(cur)
    return Piece(section, b"BODY[%b]<%d>" % (label, partial[0]), sets_seen, partial)


def _partial(cur: Cursor) -> tuple[int, int]:
    """partial = "<" number "." nz-number ">"   RFC 3501 §9"""
    offset, count = map(int, cur.match(_PARTIAL, "a partial such as <0.1024>").groups())
    if not count:
        raise ParseFault("a partial has at least one octet")
    return offset, count


def _binary(cur: Cursor, name: bytes) -> Item:
    """ "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary   RFC 3516 §7"""
    cur.take(b"[")
    section, label = _section(cur)
    cur.take(b"]")
    if section.text is not Text.ALL:
        raise ParseFault("BINARY is of parts only")
    if name == b"BINARY.SIZE":
        return BinarySize(section, b"BINARY.SIZE[%b]" % label)
    sets_seen = name == b"BINARY"
    if cur.peek() != b"<":
        return Piece(section, b"BINARY[%b]" % label, sets_seen, binary=True)
    partial = _partial(cur)
    return Piece(section, b"BINARY[%b]<%d>" % (label, partial[0]), sets_seen, partial, binary=True)


def _section(cur: Cursor) -> tuple[Section, bytes]:
    """section-spec = section-msgtext / (section-part ["." section-text]), and how it is written back"""
    parts: tuple[int, ...] = ()
    label = b""
    if cur.looks(_PARTS):
        parts = tuple(map(int, cur.match(_PARTS, "part numbers")[0].split(b".")))
        if 0 in parts:
            raise ParseFault("parts are numbered from 1")
        label = b".".join(b"%d" % number for number in parts)
        if not cur.took(b"."):
            return Section(parts), label
        label += b"."
    elif cur.peek() == b"]":
        return _WHOLE, b""
    text = Text(cur.match(_TEXT, "a section such as HEADER")[0].upper())
    if text is Text.MIME and not parts:
        raise ParseFault("MIME is a section of a part")
    label += text.value
    if text not in {Text.FIELDS, Text.FIELDS_NOT}:
        return Section(parts, text), label
    cur.space()
    names = cur.listed(Cursor.astring)
    fields = frozenset(name.lower() for name in names)
    # as it was asked, letter by letter: Apple Mail compares it
    return Section(parts, text, fields), b"%b (%b)" % (label, b" ".join(map(astring, names)))
