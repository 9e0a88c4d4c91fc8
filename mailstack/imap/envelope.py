"""ENVELOPE: the parsed fields of a message's header, rendered.  RFC 3501 §7.4.2

Nothing 8-bit reaches a client that speaks IMAP4rev1: undeclared octets become encoded words.
"""

from collections.abc import Iterable
from typing import Final

from mailstack.imap.responses import nstring
from mailstack.message.address import Address, Group, parse_addresses
from mailstack.message.header import Header
from mailstack.message.mime import Source, outline
from mailstack.message.words import encode_raw

__all__ = ["envelope", "make_envelope", "safe_string"]

_ADDRESSES: Final = 5000  # of one field; a list so long is an attack, or nobody reads its end
# A host of NIL would begin or end a group, so an address without one needs a word there.  These are the
# words of the server that most clients know, and some hide.
_NO_HOST: Final = b"MISSING_DOMAIN"
_NO_MAILBOX: Final = b"MISSING_MAILBOX"


def envelope(header: Header) -> bytes:
    """env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc
    SP env-in-reply-to SP env-message-id, in parentheses   RFC 3501 §9
    """
    sender = _addresses(header, b"from")
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        safe_string(header.first(b"date")),
        safe_string(header.first(b"subject")),
        sender,
        _addresses(header, b"sender", sender),
        _addresses(header, b"reply-to", sender),
        _addresses(header, b"to"),
        _addresses(header, b"cc"),
        _addresses(header, b"bcc"),
        safe_string(header.first(b"in-reply-to")),
        safe_string(header.first(b"message-id")),
    )


def make_envelope(content: Source) -> bytes:
    """For `Mailbox.kept`: the envelope of a message."""
    return envelope(outline(content).header)


def safe_string(value: bytes | None) -> bytes:
    """nstring without NUL and 8-bit octets."""
    if value is None or (value.isascii() and b"\0" not in value):
        return nstring(value)
    return nstring(encode_raw(value.replace(b"\0", b"")))


def _addresses(header: Header, key: bytes, default: bytes = b"NIL") -> bytes:
    """ "(" 1*address ")" / nil: of all fields of that name, since some send a field for each recipient.

    Sender and Reply-To default to From, also when they are empty.
    """
    entries: list[Address | Group] = []
    for field in header.named(key):
        entries += parse_addresses(header.value(field))
    rendered = b"".join(_rendered(entries[:_ADDRESSES]))
    return b"(%b)" % rendered if rendered else default


def _rendered(entries: Iterable[Address | Group]) -> Iterable[bytes]:
    for entry in entries:
        if isinstance(entry, Address):
            yield _address(entry)
            continue
        yield b"(NIL NIL %b NIL)" % safe_string(entry.name)
        yield from map(_address, entry.members[:_ADDRESSES])
        yield b"(NIL NIL NIL NIL)"


def _address(address: Address) -> bytes:
    """address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"   RFC 3501 §9"""
    return b"(%b %b %b %b)" % (
        safe_string(address.display or None),
        safe_string(address.route or None),
        safe_string(address.local or _NO_MAILBOX),
        safe_string(address.domain or _NO_HOST),
    )
