"""PREVIEW: the first words of a message, as its reader would see them.  RFC 8970"""

import re
from collections.abc import Iterator
from typing import Final

from mailstack.imap.responses import literal, string
from mailstack.imap.search_text import part_text
from mailstack.message.mime import Part, Source, octets_of, parse

__all__ = ["make_preview"]

_CHARACTERS: Final = 200  # RFC 8970 §3.3
_OCTETS: Final = 64 * 1024  # of one part that are looked at
_QUOTED: Final = re.compile(r"^>.*$", re.MULTILINE)
_UNSEEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u00ad\u034f\u200b-\u200f\u2028-\u202e\u2060\ufeff\ufffc]+")


def make_preview(content: Source) -> bytes:
    """For `Mailbox.kept`: a string; an empty one where there is nothing to read.  RFC 8970 §3.2

    Quoted lines and what takes no place on a screen (HTML newsletters pad with it) are left out.
    """
    for part in _texts(parse(octets_of(content))):
        text = part_text(part, _OCTETS)
        words = _UNSEEN.sub(" ", _QUOTED.sub("", text)).strip() or _UNSEEN.sub(" ", text).strip()
        if words:
            octets = words[:_CHARACTERS].rstrip().encode("utf-8", "replace")
            return string(octets) if octets.isascii() else literal(octets)
    return b'""'


def _texts(part: Part) -> Iterator[Part]:
    """Plain texts first where there is a choice, attachments never."""
    if part.children:
        children = list(part.children)
        if part.subtype == b"alternative":
            children.sort(key=lambda child: child.subtype != b"plain")
        for child in children:
            yield from _texts(child)
    elif part.type == b"text" and part.subtype in {b"plain", b"html"}:
        disposition = part.header.first(b"content-disposition") or b""
        if not disposition.strip().lower().startswith(b"attachment"):
            yield part
