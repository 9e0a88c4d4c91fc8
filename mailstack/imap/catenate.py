"""What APPEND says of its messages: flags, date, and a literal, UTF8 or CATENATE.  RFC 3502, RFC 4469, RFC 6855

The engine reads up to each literal with `parse_messages` (the first) or `parse_further` (what stands behind one);
the pieces are put together when all are there.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import unquote_to_bytes

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.fetch import Piece, items
from mailstack.imap.names import decode_name

__all__ = ["URLS_MOST", "Message", "PartUrl", "parse_further", "parse_messages", "parse_url"]

URLS_MOST: Final = 200  # in one message: each opens one of ours
_CONTENT: Final = frozenset({b"TEXT", b"URL", b"UTF8"})


@dataclass(frozen=True, slots=True)
class Message:
    """What stands before a literal, or behind the last.

    begins: a message begins here, with its flags and date; else it goes on (CATENATE) or is at its end
    urls: parts that come before the literal
    closing: what has to stand behind the literal: `)` for each level that is open
    text: a literal follows
    """

    flags: tuple[str, ...] = ()
    internal_date: datetime | None = None
    begins: bool = True
    urls: tuple[bytes, ...] = ()
    closing: bytes = b""
    text: bool = True
    catenates: bool = False


def parse_messages(cur: Cursor, *, several: bool = True) -> tuple[Message, ...]:
    """1*append-message, up to the first literal; `several`: not only one   RFC 3502"""
    found = [_message(cur)]
    while several and not found[-1].text and not cur.at_end():
        found.append(_message(cur))
        if len(found) > URLS_MOST:
            raise ParseFault("too many messages")
    return tuple(found)


def _message(cur: Cursor) -> Message:
    """append-message = [SP flag-list] [SP date-time] SP append-data   RFC 3502

    append-data = literal / literal8 / "UTF8" SP "(" literal8 ")" / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
    RFC 3516 §7, RFC 6855 §4, RFC 4469 §5
    """
    cur.space()
    flags: tuple[str, ...] = ()
    internal_date = None
    if cur.peek() == b"(":
        flags = cur.flag_list()
        cur.space()
    if cur.peek() == b'"':
        internal_date = cur.datetime()
        cur.space()
    if cur.took(b"CATENATE ("):
        return _parts(cur, Message(flags, internal_date, catenates=True))
    closing = b""
    if cur.took(b"UTF8 ("):
        if not cur.utf8:
            raise ParseFault("UTF8 needs ENABLE UTF8=ACCEPT")
        closing = b")"
    _literal(cur)
    return Message(flags, internal_date, closing=closing)


def parse_further(cur: Cursor, said: tuple[Message, ...], *, several: bool = True) -> tuple[Message, ...]:
    """What stands behind a literal: the end of its message, and others (`several`), or the end of the command."""
    before, found = said[-1], []
    if before.closing:
        cur.take(before.closing)
    if before.catenates and not cur.took(b")"):
        cur.space()
        found.append(_parts(cur, replace(before, begins=False, urls=(), closing=b"")))
        if found[-1].text:
            return tuple(found)
    if cur.at_end():
        return tuple(found)
    if not several:
        raise ParseFault("one message only")
    return (*found, *parse_messages(cur))


def _parts(cur: Cursor, said: Message) -> Message:
    """cat-part = ("URL" SP astring) / ("TEXT" SP literal) / ("UTF8" SP "(" literal8 ")"), up to a text or the end"""
    urls: list[bytes] = []
    while True:
        name = cur.word()
        if name not in _CONTENT:
            raise ParseFault("CATENATE is of URL and TEXT")
        cur.space()
        if name != b"URL":
            closing = b""
            if name == b"UTF8":
                cur.take(b"(")
                closing = b")"
            _literal(cur)
            return replace(said, urls=tuple(urls), closing=closing)
        urls.append(cur.astring())
        if len(urls) > URLS_MOST:
            raise ParseFault("too many URLs")
        if cur.took(b")"):
            return replace(said, urls=tuple(urls), text=False)
        cur.space()


def _literal(cur: Cursor) -> None:
    cur.took(b"~")
    cur.literal_size()


# --- URLs of what is in own mailboxes ---

_URL: Final = re.compile(
    rb"(?:/(?P<mailbox>[^;]*?)(?:;UIDVALIDITY=(?P<validity>[1-9]\d{0,9}))?/)?;UID=(?P<uid>[1-9]\d{0,9})"
    rb"(?:/;SECTION=(?P<section>[^;]+?))?(?:/;PARTIAL=(?P<offset>\d{1,10})(?:\.(?P<count>[1-9]\d{0,9}))?)?",
    re.IGNORECASE,
)
_ALL: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class PartUrl:
    """`mailbox` None: the selected one; `uidvalidity` 0: not told."""

    mailbox: str | None
    uidvalidity: int
    uid: int
    piece: Piece


def parse_url(url: bytes) -> PartUrl | None:
    """imessagepart, relative to the server or to the selected mailbox; None for any other.  RFC 5092 §7, RFC 4469 §4"""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    section = unquote_to_bytes(found["section"] or b"")
    partial = b"<%b.%d>" % (found["offset"], int(found["count"] or _ALL)) if found["offset"] else b""
    try:
        (piece,) = items(Cursor([b"BODY.PEEK[%b]%b" % (section, partial)]))
        name = None if found["mailbox"] is None else decode_name(unquote_to_bytes(found["mailbox"]), utf8=True)
    except (ParseFault, ValueError):
        return None
    assert isinstance(piece, Piece)
    return PartUrl(name, int(found["validity"] or 0), int(found["uid"]), piece)
