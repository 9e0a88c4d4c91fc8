"""BODY and BODYSTRUCTURE: the MIME tree, rendered.  RFC 3501 §7.4.2

Parameters are given as RFC 2231 has them, their pieces joined; clients decode them.
What is missing gets the default of RFC 2045: text/plain, us-ascii, 7bit.
"""

import re
from typing import Final

from mailstack.imap.envelope import envelope, safe_string
from mailstack.imap.responses import string
from mailstack.message.mime import Part, Source, octets_of, parse
from mailstack.message.parameters import Valued, parse_valued, without_comments

__all__ = ["make_body", "make_bodystructure", "structure"]

_LANGUAGES: Final = re.compile(rb"[^\s,]+")
_LANGUAGE_COUNT: Final = 50


def make_body(content: Source) -> bytes:
    """For `Mailbox.kept`: BODY, without extension data."""
    return structure(parse(octets_of(content)), extended=False)


def make_bodystructure(content: Source) -> bytes:
    """For `Mailbox.kept`: BODYSTRUCTURE."""
    return structure(parse(octets_of(content)), extended=True)


def structure(part: Part, *, extended: bool) -> bytes:
    """body = "(" (body-type-1part / body-type-mpart) ")"   RFC 3501 §9"""
    if part.multipart:
        inner = b"".join(structure(child, extended=extended) for child in part.children)
        fields = [inner, _token(part.subtype)]
        if extended:
            fields += [_parameters(part.content_type), *_extension(part)]
        return b"(%b)" % b" ".join(fields)
    fields = _single(part, extended=extended)
    if extended:
        fields += [safe_string(part.header.first(b"content-md5")), *_extension(part)]
    return b"(%b)" % b" ".join(fields)


def _single(part: Part, *, extended: bool) -> list[bytes]:
    """body-type-basic / body-type-msg / body-type-text   RFC 3501 §9"""
    header = part.header
    fields = [
        _token(part.type),
        _token(part.subtype),
        _parameters(part.content_type),
        safe_string(header.first(b"content-id")),
        safe_string(header.first(b"content-description")),
        _token(part.encoding),
        b"%d" % part.size,
    ]
    if part.embeds:
        (message,) = part.children
        fields += [envelope(message.header), structure(message, extended=extended)]
    if part.embeds or part.type == b"text":
        fields.append(b"%d" % part.lines)
    return fields


def _extension(part: Part) -> list[bytes]:
    """body-fld-dsp SP body-fld-lang SP body-fld-loc   RFC 3501 §9"""
    header = part.header
    return [
        _disposition(header.first(b"content-disposition")),
        _languages(header.first(b"content-language")),
        safe_string(header.first(b"content-location")),
    ]


def _token(value: bytes) -> bytes:
    """A keyword of MIME as string; it is ASCII in any message that means it."""
    return string(value.translate(None, b"\0").decode("ascii", "replace").encode("ascii", "replace"))


def _parameters(valued: Valued) -> bytes:
    """body-fld-param = "(" string SP string *(SP string SP string) ")" / nil

    A text without charset has us-ascii: RFC 2045 §5.2.
    """
    pairs = [b"%b %b" % (_token(name.encode()), safe_string(value)) for name, value in valued.parameters if name]
    if not pairs and valued.value == b"text/plain":
        pairs = [b'"charset" "us-ascii"']
    return b"(%b)" % b" ".join(pairs) if pairs else b"NIL"


def _disposition(field: bytes | None) -> bytes:
    """body-fld-dsp = "(" string SP body-fld-param ")" / nil"""
    if field is None:
        return b"NIL"
    valued = parse_valued(field)
    return b"(%b %b)" % (_token(valued.value), _parameters(valued)) if valued.value else b"NIL"


def _languages(field: bytes | None) -> bytes:
    """body-fld-lang = nstring / "(" string *(SP string) ")"   RFC 3282 §2"""
    found = _LANGUAGES.findall(without_comments(field)) if field else []
    if not found:
        return b"NIL"
    return b"(%b)" % b" ".join(_token(language) for language in found[:_LANGUAGE_COUNT])
