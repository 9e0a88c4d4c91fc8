"""Text in headers and bodies: RFC 2047 words, charsets, and 8-bit octets that nobody declared.

Reading never fails: an unknown charset or a broken word gives what a person can
still make out of the octets.  Only charsets in Python's own alias table are
looked up, so that a hostile name imports nothing and fills no cache.
"""

import base64
import binascii
import codecs
import re
from encodings.aliases import aliases
from typing import Final

__all__ = ["codec", "decode", "decode_words", "encode_raw", "encode_word", "readable"]

_NAME: Final = re.compile(r"[A-Za-z0-9._:+-]{1,40}\Z")
_SEPARATORS: Final = re.compile(r"[.: +-]+")
# What Python calls text and mail does not: these take seconds for hostile octets, or mean something else.
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
)
_KNOWN: Final = (frozenset(aliases) | frozenset(aliases.values())) - _NO_CHARSETS
# Labels that mail uses for more than they say: what WHATWG's encoding standard does, too.
_WIDER: Final = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}

# encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="   RFC 2047 §2, RFC 2231 §5
# quirk: blanks in Q text pass, many senders leave them
_WORD: Final = re.compile(rb"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([BbQq])\?([^?]*)\?=")
_HEX: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")
_Q_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9!*+/ -]")
_BLANKS: Final = re.compile(rb"([ \t]+)")
_WORD_OCTETS: Final = 75  # RFC 2047 §2


def codec(charset: str) -> codecs.CodecInfo | None:
    """Python's codec for a charset label; None for one that nobody knows."""
    if not _NAME.match(charset):
        return None
    name = _SEPARATORS.sub("_", charset.lower())
    short = name.replace("_", "")
    for spelling in (name, short, name.removesuffix("_i").removesuffix("_e"), short.replace("windows", "cp")):
        if spelling in _KNOWN:
            return _text_codec(spelling)
    return None


def _text_codec(name: str) -> codecs.CodecInfo | None:
    try:
        found = codecs.lookup(name)
    except LookupError:  # the alias table names codecs of other systems, too
        return None
    return found if getattr(found, "_is_text_encoding", True) else None


def decode(octets: bytes, charset: str) -> str:
    """Octets as text; what the charset (or its wider form) does not have becomes U+FFFD.

    An unknown charset is treated as undeclared.
    """
    if not charset or (octets.isascii() and charset.lower() in {"utf-8", "us-ascii"}):
        return readable(octets)
    found = codec(charset)
    if found is None:
        return readable(octets)
    wider = _WIDER.get(found.name)
    if wider == "utf-8":
        return readable(octets)
    try:
        return codecs.decode(octets, wider or found.name, "replace")
    except (UnicodeError, ValueError):  # UTF-16 without an even count and such, despite "replace"
        return readable(octets)


def readable(octets: bytes) -> str:
    """Undeclared octets: UTF-8 if they are that, else what Western Windows would show."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def decode_words(value: bytes) -> str:
    """An unfolded header value as a person reads it.  RFC 2047 §6

    Blanks between two words fall out.  Neighbours with the same charset are decoded together: senders
    cut characters in two (forbidden by §5, but common).
    """
    if b"=?" not in value:
        return value.decode("ascii") if value.isascii() else readable(value)
    out: list[str] = []
    charset, octets, at = "", b"", 0
    for match in _WORD.finditer(value):
        gap = value[at : match.start()]
        label = match[1].decode("latin-1").lower()
        if (gap.strip() or not at or label != charset) and charset:
            out.append(decode(octets, charset))
            octets = b""
        if gap.strip() or not at:
            out.append(readable(gap))
        charset, at = label, match.end()
        octets += _octets(match[2], match[3])
    if charset:
        out.append(decode(octets, charset))
    out.append(readable(value[at:]))
    return "".join(out)


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        return _HEX.sub(lambda match: bytes.fromhex(match[1].decode()), text.replace(b"_", b" "))
    digits = _NOT_BASE64.sub(b"", text)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4))
    except binascii.Error:
        return text


def encode_word(text: str) -> bytes:
    """Text as encoded words in UTF-8 with blanks between, each at most 75 octets, no character cut.  RFC 2047 §2

    Q where that is shorter (mostly Latin text), else B.  The result is for any place that takes a phrase.
    """
    octets = text.encode("utf-8", "replace")
    unsafe = len(_Q_UNSAFE.findall(octets))
    if 3 * unsafe + len(octets) - unsafe <= (len(octets) + 2) // 3 * 4:
        room, intro, make = _WORD_OCTETS - 12, b"=?UTF-8?Q?", _q
    else:
        room, intro, make = (_WORD_OCTETS - 12) // 4 * 4, b"=?UTF-8?B?", _b
    pieces: list[str] = []
    piece = ""
    for sign in text:
        if piece and len(make((piece + sign).encode("utf-8", "replace"))) > room:
            pieces.append(piece)
            piece = ""
        piece += sign
    return b" ".join(intro + make(piece.encode("utf-8", "replace")) + b"?=" for piece in [*pieces, piece])


def _b(octets: bytes) -> bytes:
    return base64.b64encode(octets)


def _q(octets: bytes) -> bytes:
    return _Q_UNSAFE.sub(lambda match: b"=%02X" % match[0][0], octets).replace(b" ", b"_")


def encode_raw(value: bytes) -> bytes:
    """A header value with its undeclared 8-bit octets made into encoded words; ASCII passes as it is.

    For IMAP clients that were never told of UTF-8: nothing 8-bit may reach them in a string.  RFC 3501 §4.3.1
    """
    if value.isascii():
        return value
    out: list[bytes] = []
    run: list[bytes] = []  # neighbours that need it are encoded with the blanks between them: those would fall out
    tokens = [b"", *_BLANKS.split(value)]  # blanks and words in turn
    for gap, word in zip(tokens[::2], tokens[1::2], strict=True):
        if word.isascii():
            out += [*_encoded(run), gap, word]
            run = []
        elif run:
            run += [gap, word]
        else:
            out.append(gap)
            run = [word]
    return b"".join([*out, *_encoded(run)])


def _encoded(run: list[bytes]) -> list[bytes]:
    return [encode_word(readable(b"".join(run)))] if run else []
