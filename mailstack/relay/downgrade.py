"""A message for a server without 8BITMIME: its 8-bit parts encoded, in a file of its own.  RFC 6152 §3

Such servers are all but extinct, and what they do with 8-bit octets is not known: some
cut them.  A conversion breaks DKIM signatures over the body; octets that are lost
break them too, and the message.  Our own are made anew over what was converted
(`relay.signing`).  What is signed within (RFC 1847) is not converted but comes back,
unless the configuration says that all is to be sent as it is.
"""

import tempfile

from mailstack.message.recode import to_seven_bit
from mailstack.store.api import Content

__all__ = ["SevenBit", "fit_for_seven_bits"]

_MEMORY_OCTETS = 1 << 18
_PIECE = 1 << 18


class SevenBit:
    """Implements `store.api.Content` over what was converted."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_MEMORY_OCTETS)  # noqa: SIM115  closed by `close`
        self.size = 0

    def write(self, octets: bytes) -> None:
        self._file.write(octets)
        self.size += len(octets)

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)

    def close(self) -> None:
        self._file.close()


def fit_for_seven_bits(content: Content) -> Content:
    """The content itself when it is ASCII whatever was declared, else a conversion that the caller closes.

    Unfit, OSError.  Takes a second for 50 MiB: not for the reactor's thread.
    """
    if all(content.read(offset, _PIECE).isascii() for offset in range(0, content.size, _PIECE)):
        return content
    made = SevenBit()
    try:
        for piece in to_seven_bit(content):
            made.write(piece)
    except BaseException:
        made.close()
        raise
    return made
