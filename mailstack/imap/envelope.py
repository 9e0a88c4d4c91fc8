"""ENVELOPE: the parsed fields of a message's header, rendered.  RFC 3501 §7.4.2

Nothing 8-bit reaches a client that speaks IMAP4rev1: it sees the surrogate of an internationalised message
(`message.downgrade`), and other undeclared octets become encoded words.  Clients that have enabled UTF-8 are told
UTF-8 as it is: each function here takes the `say` that makes strings.
"""

from collections.abc import Callable, Iterable
from typing import Final

from mailstack.imap.responses import nstring, string
from mailstack.message.address import Address, Group, parse_addresses
from mailstack.message.downgrade import for_ascii
from mailstack.message.header import Header
from mailstack.message.mime import Source, outline
from mailstack.message.words import encode_raw

__all__ = ["Say", "envelope", "make_envelope", "make_envelope_utf8", "safe_string", "utf8_string"]

Say = Callable[[bytes | None], bytes]
_ADDRESSES: Final = 5000  # of one field; a list so long is an attack, or nobody reads its end
# A host of NIL would begin or end a group, so an address without one needs a word there.  These are the
# words of the server that most clients know, and some hide.
_NO_HOST: Final = b"MISSING_DOMAIN"
_NO_MAILBOX: Final = b"MISSING_MAILBOX"


def envelope(header: Header, say: Say) -> bytes:
    """env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc
    SP env-in-reply-to SP env-message-id, in parentheses   RFC 3501 §9
    """
    sender = _addresses(header, b"from", say)
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        say(header.first(b"date")),
        say(header.first(b"subject")),
        sender,
        _addresses(header, b"sender", say, sender),
        _addresses(header, b"reply-to", say, sender),
        _addresses(header, b"to", say),
        _addresses(header, b"cc", say),
        _addresses(header, b"bcc", say),
        say(header.first(b"in-reply-to")),
        say(header.first(b"message-id")),
    )


def make_envelope(content: Source) -> bytes:
    """For `Mailbox.kept`: the envelope of a message, in ASCII."""
    return envelope(outline(for_ascii(content)).header, safe_string)


def make_envelope_utf8(content: Source) -> bytes:
    """The same as the message has it.  RFC 6855 §3, RFC 9051 §7.5.2"""
    return envelope(outline(content).header, utf8_string)


def safe_string(value: bytes | None) -> bytes:
    """nstring without NUL and 8-bit octets."""
    if value is None or (value.isascii() and b"\0" not in value):
        return nstring(value)
    return nstring(encode_raw(value.replace(b"\0", b"")))


def utf8_string(value: bytes | None) -> bytes:
    """nstring in UTF-8; other octets as `safe_string` has them."""
    if value is None or value.isascii() or b"\0" in value:
        return safe_string(value)
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return safe_string(value)
    return string(value, utf8=True)


def _addresses(header: Header, key: bytes, say: Say, default: bytes = b"NIL") -> bytes:
    """ "(" 1*address ")" / nil: of all fields of that name, since some send a field for each recipient.

    Sender and Reply-To default to From, also when they are empty.
    """
    entries: list[Address | Group] = []
    for field in header.named(key):
        entries += parse_addresses(header.value(field))
    rendered = b"".join(_rendered(entries[:_ADDRESSES], say))
    return b"(%b)" % rendered if rendered else default


def _rendered(entries: Iterable[Address | Group], say: Say) -> Iterable[bytes]:
    for entry in entries:
        if isinstance(entry, Address):
            yield _address(entry, say)
            continue
        yield b"(NIL NIL %b NIL)" % say(entry.name)
        for member in entry.members[:_ADDRESSES]:
            yield _address(member, say)
        yield b"(NIL NIL NIL NIL)"


def _address(address: Address, say: Say) -> bytes:
    """address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"   RFC 3501 §9"""
    return b"(%b %b %b %b)" % (
        say(address.display or None),
        say(address.route or None),
        say(address.local or _NO_MAILBOX),
        say(address.domain or _NO_HOST),
    )
