"""The relaxed canonicalisations: of header fields at once, of a body as it comes.  RFC 6376 §3.4"""

import hashlib
import re
from collections.abc import Iterable

__all__ = ["RelaxedBody", "body_hash", "relaxed_field"]

_WSP = re.compile(rb"[ \t]+")
# blanks and whole line ends up to the end; nothing in it is ever tried twice
_TAIL = re.compile(rb"(?>[ \t]*+\r\n)*+[ \t]*+\r?\Z")
_BLANK_BLOCK = b"\r\n" * 4096


def relaxed_field(field: bytes) -> bytes:
    """A whole field, folded as it may be, with or without its line end; the result has none.  RFC 6376 §3.4.2"""
    name, _, value = field.partition(b":")
    value = _WSP.sub(b" ", value.replace(b"\r\n", b"").replace(b"\n", b""))
    return name.strip(b" \t").lower() + b":" + value.strip(b" ")


class RelaxedBody:
    """SHA-256 of a body in relaxed form, fed in any pieces; never holds more than a piece.  RFC 6376 §3.4.4"""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._line_ends = 0  # at the end so far: dropped, unless something follows
        self._rest = b""  # behind them: blanks, perhaps a CR; what they are shows with what follows
        self._empty = True

    def feed(self, data: bytes) -> None:
        data = self._rest + data
        text, tail = _split(data)
        if text:
            self._give_line_ends()
            self._hash.update(_reduced(text))
            self._empty = False
        self._line_ends += tail.count(b"\r\n")
        rest = tail.rpartition(b"\n")[2]
        # one blank stands for many: the rest never grows
        self._rest = (b" " if rest[:1] in {b" ", b"\t"} else b"") + (b"\r" if rest.endswith(b"\r") else b"")

    def digest(self) -> bytes:
        """Of all that was fed."""
        if self._rest.endswith(b"\r"):  # no line end after all
            self._give_line_ends()
            self._hash.update(self._rest)
            self._empty = False
        if not self._empty:
            self._hash.update(b"\r\n")
        return self._hash.digest()

    def _give_line_ends(self) -> None:
        blocks, left = divmod(self._line_ends, 4096)
        for _ in range(blocks):
            self._hash.update(_BLANK_BLOCK)
        self._hash.update(b"\r\n" * left)
        self._line_ends = 0


def _split(data: bytes) -> tuple[bytes, bytes]:
    """(what is decided, the blanks and line ends at its end).  The first may begin with blanks of the one before."""
    start = len(data.rstrip(b" \t\r\n"))
    if _TAIL.match(data, start):
        return data[:start], data[start:]
    # a CR or LF by itself: an octet like others.  From the end backwards to the last of them
    end = len(data) - data.endswith(b"\r")
    while True:
        shorter = len(data[:end].rstrip(b" \t"))
        if not data.endswith(b"\r\n", 0, shorter):
            return data[:shorter], data[shorter:]
        end = shorter - 2


def _reduced(text: bytes) -> bytes:
    if b"\t" in text or b"  " in text:
        text = _WSP.sub(b" ", text)
    return text.replace(b" \r\n", b"\r\n")


def body_hash(pieces: Iterable[bytes]) -> bytes:
    body = RelaxedBody()
    for piece in pieces:
        body.feed(piece)
    return body.digest()
