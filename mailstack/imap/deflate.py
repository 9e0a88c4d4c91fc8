"""The deflate layer under an IMAP engine: RFC 4978.  Pure: zlib's streams, nothing else.

- What came is inflated a block at a time, when the engine wants more: a small packet that
  would become gigabytes (a bomb) costs no more memory than its own octets, and time only
  as its commands are run, in turns like everybody's.
- Each answer is flushed whole (Z_SYNC_FLUSH), or the client would wait for its end.  zlib
  reads what clients write however they flush.  quirk: iOS flushes partially (Z_PARTIAL_FLUSH).
- A small window for what we write: 64 KiB a connection, not 256.
"""

import zlib

__all__ = ["DeflateFault", "DeflateLayer"]

_BLOCK = 64 * 1024  # octets inflated at once
_LEVEL = 1  # RFC 4978 §4: the least work gives 25 to 40 % of the size already
_WINDOW_BITS, _MEMORY = 13, 6


class DeflateFault(Exception):
    """What came is not deflated, or its stream has ended."""


class DeflateLayer:
    """`waiting`: octets that came and are not inflated yet."""

    __slots__ = ("_deflate", "_inflate", "_stuck", "waiting")

    def __init__(self, waiting: bytes = b"") -> None:
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -_WINDOW_BITS, _MEMORY)
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._stuck = False  # inflating stopped at the block's size: there may be more without further octets
        self.waiting = waiting

    def feed(self, data: bytes) -> None:
        self.waiting += data

    def inflated(self) -> bytes:
        """The next block; b"" when more has to come first.  DeflateFault."""
        if not self.waiting and not self._stuck:
            return b""
        if self._inflate.eof:
            raise DeflateFault("the compressed stream has ended")
        try:
            block = self._inflate.decompress(self.waiting, _BLOCK)
        except zlib.error:
            raise DeflateFault("this is not deflated") from None
        self.waiting = self._inflate.unconsumed_tail or self._inflate.unused_data
        self._stuck = len(block) == _BLOCK
        return block

    def deflated(self, octets: bytes) -> bytes:
        return self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
