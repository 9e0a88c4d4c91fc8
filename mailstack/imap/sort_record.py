"""What SORT and THREAD compare of a message, as a record that is kept.  RFC 5256 §2, RFC 5957 §3

Strings are folded by i;unicode-casemap and compared as octets; a missing field is the empty string.
"""

import re
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from mailstack.imap.search_text import fold
from mailstack.message.address import Group, parse_addresses
from mailstack.message.date import parse_date
from mailstack.message.header import Header
from mailstack.message.mime import Source, outline
from mailstack.message.subject import base_subject
from mailstack.message.words import decode_words, readable

__all__ = ["Order", "order_record"]

_PART: Final = b"\xfe"
_ID_PART: Final = b"\xfd"
_FIRST_OCTETS: Final = 4096  # of an address field: only its first address is compared
_IDS: Final = 1000  # References that are looked at: the last ones
_ID_OCTETS: Final = 1000
# msg-id, its quoted strings too; quirk: without @, as some senders make them
_ID: Final = re.compile(rb'<([^<>\s"]*(?:"[^"<>]*"[^<>\s"]*)*)>')
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def order_record(source: Source) -> bytes:
    """sent, day, subject, reply, from, to, cc, display from, display to, message ID, references"""
    header = outline(source).header
    date = header.first(b"date")
    sent = parse_date(date) if date else None
    subject, is_reply = base_subject(decode_words(header.first(b"subject") or b""))
    sender, to, cc = (_first_address(header, key) for key in (b"from", b"to", b"cc"))
    ids = _ids(header.first(b"message-id"))
    return _PART.join(
        (
            b"%d" % ((sent - _EPOCH).total_seconds()) if sent else b"",
            b"%d" % sent.toordinal() if sent else b"",
            _folded(subject),
            b"1" if is_reply else b"",
            _folded(sender[0]),
            _folded(to[0]),
            _folded(cc[0]),
            _folded(sender[1]),
            _folded(to[1]),
            ids[0] if ids else b"",
            _ID_PART.join(_references(header)),
        )
    )


def _folded(text: str) -> bytes:
    return fold(text).encode("utf-8", "replace")


def _first_address(header: Header, key: bytes) -> tuple[str, str]:
    """addr-mailbox of ENVELOPE's first address, and how it is displayed: name, else mailbox@host.  RFC 5957 §3"""
    for value in header.all(key):
        for entry in parse_addresses(value[:_FIRST_OCTETS]):
            if isinstance(entry, Group):
                return (readable(entry.name),) * 2
            return readable(entry.local), decode_words(entry.display) or readable(entry.spec)
    return "", ""


def _references(header: Header) -> list[bytes]:
    """Ancestors, the oldest first: References, else the first ID of In-Reply-To.  RFC 5256 §3"""
    found = _ids(b" ".join(header.all(b"references")))
    return found[-_IDS:] or _ids(header.first(b"in-reply-to"))[:1]


def _ids(value: bytes | None) -> list[bytes]:
    """Message IDs in one form, whether quoted or not; comparison is by case.  RFC 5256 §3"""
    return [_normal(found[1]) for found in _ID.finditer(value or b"") if found[1]]


def _normal(octets: bytes) -> bytes:
    text = re.sub(rb"\\(.)", rb"\1", octets.replace(b'"', b"")) if b'"' in octets else octets
    return (text if text.isascii() else readable(text).encode("utf-8", "replace"))[:_ID_OCTETS]


class Order:
    """The records of one block as columns, each made when it is first asked for.  None: there is no date."""

    def __init__(self, blob: bytes) -> None:
        records = [record.split(_PART) for record in blob.split(b"\xff")[:-1]]
        self._columns = list(zip(*records, strict=True)) or [()] * 11

    @cached_property
    def sent(self) -> list[int | None]:
        """UNIX seconds."""
        return [int(value) if value else None for value in self._columns[0]]

    @cached_property
    def day(self) -> list[int | None]:
        """Day number in the sender's zone."""
        return [int(value) if value else None for value in self._columns[1]]

    @property
    def subject(self) -> tuple[bytes, ...]:
        return self._columns[2]

    @property
    def reply(self) -> tuple[bytes, ...]:
        """Not empty for a reply or forward."""
        return self._columns[3]

    @property
    def sender(self) -> tuple[bytes, ...]:
        return self._columns[4]

    @property
    def to(self) -> tuple[bytes, ...]:
        return self._columns[5]

    @property
    def cc(self) -> tuple[bytes, ...]:
        return self._columns[6]

    @property
    def display_sender(self) -> tuple[bytes, ...]:
        return self._columns[7]

    @property
    def display_to(self) -> tuple[bytes, ...]:
        return self._columns[8]

    @property
    def message_id(self) -> tuple[bytes, ...]:
        return self._columns[9]

    @cached_property
    def references(self) -> list[tuple[bytes, ...]]:
        return [tuple(value.split(_ID_PART)) if value else () for value in self._columns[10]]
