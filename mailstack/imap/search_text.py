"""What a person reads in a message, folded so that a search is one look for octets.  RFC 3501 §6.4.4, RFC 5255 §4

Encoded words, transfer encodings and charsets are decoded, tags of HTML left out, case and
compatibility forms folded by i;unicode-casemap (RFC 5051).  The result is a record in UTF-8:

    text record     *(FIELD "NAME: VALUE") BODY text *(FIELD text)
    header record   *(FIELD "NAME: VALUE") BODY, for fields that are seldom searched for
    fields record   *(FIELD "NAME: VALUE"), of the few fields that have search keys of their own

FIELD, BODY and LONG are octets that UTF-8 does not have, so nothing is ever found across them.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Final

from mailstack.message.header import Header, scan
from mailstack.message.mime import Part, Source, octets_of, outline, parse
from mailstack.message.words import decode, decode_words

__all__ = [
    "BODY",
    "FIELD",
    "LONG",
    "RECORDED",
    "fields_record",
    "fold",
    "fold_header",
    "header_record",
    "part_text",
    "text_record",
]

PART_OCTETS: Final = 16 * 1024 * 1024  # of one part, encoded; what is behind is not searched
RECORD_OCTETS: Final = 64 * 1024  # of a record that is kept; longer ones are made anew by each search
PLAIN_OCTETS: Final = 4 * 1024 * 1024
FIELD: Final = b"\xfe"
BODY: Final = b"\xfd"
LONG: Final = b"\xfc"
RECORDED: Final = (b"subject", b"from", b"to", b"cc", b"bcc")

_CASES_KEPT: Final = 20_000
# A body of these headers says in ASCII what it means: no parts, no encoding, no shifting charset
_PLAIN_TYPE: Final = re.compile(
    rb"[ \t]*text/plain(?:[ \t]*;[^=]*=[ \t]*\"?(?:us-ascii|utf-8|iso-8859-\d+)\b.*)?[\s;]*\Z", re.IGNORECASE
)
_PLAIN_ENCODING: Final = re.compile(rb"[ \t]*(?:7bit|8bit)?[ \t]*\Z", re.IGNORECASE)
# one pass, and what is not closed reaches to the end, so that no octet is looked at twice
_HTML: Final = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<hidden>script|style)\b.*?(?:</(?P=hidden)\s*>|\Z)"
    r"|</?(?P<inline>a|abbr|b|big|code|del|em|font|i|ins|kbd|mark|o:p|q|s|small|span|strong|sub|sup|tt|u|wbr)\b[^>]*(?:>|\Z)"
    r"|<(?P<block>[a-z/!?])[^>]*(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)


class _Cases(dict[int, str]):
    """Code point → its simple titlecase form, decomposed.  RFC 5051 §2"""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        title = sign.title()
        folded = unicodedata.normalize("NFKD", title if len(title) == 1 else sign)
        if len(self) < _CASES_KEPT:
            self[code] = folded
        return folded


_cases = _Cases()


def fold(text: str) -> str:
    """Text as i;unicode-casemap compares it: case and compatibility forms make no difference.  RFC 5051 §2"""
    return text.upper() if text.isascii() else text.translate(_cases)


def fold_header(value: bytes) -> str:
    """An unfolded header value, decoded, each run of blanks one."""
    if value.isascii() and b"=?" not in value:
        return " ".join(value.decode("ascii").upper().split())
    return " ".join(fold(decode_words(value)).split())


def text_record(source: Source, *, whole: bool = False) -> bytes:
    """All that can be read in a message; LONG when that is too much to keep and not the `whole` is asked for."""
    record = _plain_record(source) if source.size <= PLAIN_OCTETS else None
    if record is None:
        tree = parse(octets_of(source))
        texts = FIELD.join(_octets(text) for text in _texts(tree))
        record = b"".join(_lines(tree.header)) + BODY + texts
    return record if whole or len(record) <= RECORD_OCTETS else LONG


def header_record(source: Source) -> bytes:
    """All fields of the header: a text record without its body."""
    record = b"".join(_lines(outline(source).header)) + BODY
    return record if len(record) <= RECORD_OCTETS else LONG


def fields_record(source: Source) -> bytes:
    """The fields of RECORDED."""
    header = outline(source).header
    lines = (_line(key, header.value(field)) for key in RECORDED for field in header.named(key))
    record = b"".join(lines)
    return record if len(record) <= RECORD_OCTETS else LONG


def _plain_record(source: Source) -> bytes | None:
    """Most mail is plain: then no part has to be looked for.  None when it is not."""
    octets = source.read(0, source.size)
    header = scan(octets)
    body = octets[header.end :]
    kind, encoding = header.first(b"content-type"), header.first(b"content-transfer-encoding")
    if kind is not None and not _PLAIN_TYPE.match(kind):
        return None
    if not _PLAIN_ENCODING.match(encoding or b"") or not body.isascii():
        return None
    return b"".join(_lines(header)) + BODY + body.upper()


def _lines(header: Header) -> Iterable[bytes]:
    return (_line(field.key, header.value(field)) for field in header)


def _line(key: bytes, value: bytes) -> bytes:
    return b"\xfe%b: %b" % (key.upper(), _octets(fold_header(value)))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _texts(part: Part) -> Iterator[str]:
    """All that can be read in the body: texts, and the messages in it with their headers."""
    if part.children:
        for child in part.children:
            if child.message:
                yield from (fold_header(child.header.value(field)) for field in child.header)
            yield from _texts(child)
    elif part.type == b"text":
        yield fold(part_text(part, PART_OCTETS))


def part_text(part: Part, octets: int) -> str:
    """What can be read in the first `octets` of a text part."""
    text = decode(_decoded(part.content(octets), part.encoding), part.charset)
    return _without_tags(text) if part.subtype == b"html" else text


def _without_tags(html: str) -> str:
    """HTML as it is read: tags between words part them, tags within a word do not."""
    text = _HTML.sub(lambda tag: "" if tag["inline"] else " ", html)
    return " ".join(unescape(text).split())


def _decoded(octets: bytes, encoding: bytes) -> bytes:
    """Without transfer encoding; broken base64 as far as it goes.  RFC 2045 §6"""
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding != b"base64":
        return octets
    for padding in (b"", b"=", b"=="):
        try:
            return binascii.a2b_base64(octets + padding)
        except binascii.Error:
            continue
    return octets
