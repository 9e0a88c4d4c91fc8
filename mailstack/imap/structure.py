"""BODY and BODYSTRUCTURE: the MIME tree, rendered.  RFC 3501 §7.4.2

Parameters are given as RFC 2231 has them, their pieces joined; clients decode them.
What is missing gets the default of RFC 2045: text/plain, us-ascii, 7bit.
"""

import re
from typing import Final

from mailstack.imap.envelope import Say, envelope, safe_string, utf8_string
from mailstack.imap.responses import string
from mailstack.message.downgrade import for_ascii
from mailstack.message.mime import Part, Source, octets_of, parse
from mailstack.message.parameters import Valued, parse_valued, without_comments

__all__ = ["make_body", "make_body_utf8", "make_bodystructure", "make_bodystructure_utf8", "structure"]

_LANGUAGES: Final = re.compile(rb"[^\s,]+")
_LANGUAGE_COUNT: Final = 50
_SHORT_OCTETS: Final = 100


def make_body(content: Source) -> bytes:
    """For `Mailbox.kept`: BODY, without extension data, in ASCII."""
    return structure(parse(octets_of(for_ascii(content))), extended=False)


def make_bodystructure(content: Source) -> bytes:
    """For `Mailbox.kept`: BODYSTRUCTURE, in ASCII."""
    return structure(parse(octets_of(for_ascii(content))), extended=True)


def make_body_utf8(content: Source) -> bytes:
    """BODY as the message has it, for clients that have enabled UTF-8."""
    return structure(parse(octets_of(content)), extended=False, say=utf8_string)


def make_bodystructure_utf8(content: Source) -> bytes:
    """BODYSTRUCTURE, the same."""
    return structure(parse(octets_of(content)), extended=True, say=utf8_string)


def structure(part: Part, *, extended: bool, say: Say = safe_string) -> bytes:
    """body = "(" (body-type-1part / body-type-mpart) ")"   RFC 3501 §9"""
    if part.multipart:
        inner = b"".join(structure(child, extended=extended, say=say) for child in part.children)
        fields = [inner, _token(part.subtype)]
        if extended:
            fields += [_parameters(part.content_type, say), *_extension(part, say)]
        return b"(%b)" % b" ".join(fields)
    fields = _single(part, extended=extended, say=say)
    if extended:
        fields += [say(part.header.first(b"content-md5")), *_extension(part, say)]
    return b"(%b)" % b" ".join(fields)


def _single(part: Part, *, extended: bool, say: Say) -> list[bytes]:
    """body-type-basic / body-type-msg / body-type-text   RFC 3501 §9"""
    header = part.header
    fields = [
        _token(part.type),
        _token(part.subtype),
        _parameters(part.content_type, say),
        say(header.first(b"content-id")),
        say(header.first(b"content-description")),
        _token(part.encoding),
        b"%d" % part.size,
    ]
    if part.embeds:
        (message,) = part.children
        fields += [envelope(message.header, say), structure(message, extended=extended, say=say)]
    if part.embeds or part.type == b"text":
        fields.append(b"%d" % part.lines)
    return fields


def _extension(part: Part, say: Say) -> list[bytes]:
    """body-fld-dsp SP body-fld-lang SP body-fld-loc   RFC 3501 §9"""
    header = part.header
    return [
        _disposition(header.first(b"content-disposition"), say),
        _languages(header.first(b"content-language")),
        say(header.first(b"content-location")),
    ]


def _token(value: bytes) -> bytes:
    """A keyword of MIME as string; it is ASCII in any message that means it."""
    if value.isalnum():  # so it is ASCII
        return b'"%b"' % value if len(value) <= _SHORT_OCTETS else string(value)
    return string(value.translate(None, b"\0").decode("ascii", "replace").encode("ascii", "replace"))


def _parameters(valued: Valued, say: Say) -> bytes:
    """body-fld-param = "(" string SP string *(SP string SP string) ")" / nil

    A text without charset has us-ascii: RFC 2045 §5.2.
    """
    pairs = [b"%b %b" % (_token(name.encode()), say(value)) for name, value in valued.parameters if name]
    if not pairs and valued.value == b"text/plain":
        pairs = [b'"charset" "us-ascii"']
    return b"(%b)" % b" ".join(pairs) if pairs else b"NIL"


def _disposition(field: bytes | None, say: Say) -> bytes:
    """body-fld-dsp = "(" string SP body-fld-param ")" / nil"""
    if field is None:
        return b"NIL"
    valued = parse_valued(field)
    return b"(%b %b)" % (_token(valued.value), _parameters(valued, say)) if valued.value else b"NIL"


def _languages(field: bytes | None) -> bytes:
    """body-fld-lang = nstring / "(" string *(SP string) ")"   RFC 3282 §2"""
    found = _LANGUAGES.findall(without_comments(field)) if field else []
    if not found:
        return b"NIL"
    return b"(%b)" % b" ".join(_token(language) for language in found[:_LANGUAGE_COUNT])
