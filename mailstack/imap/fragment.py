"""Cutting a client's octets into the pieces of commands: lines, and literals of announced size.

This stage does not read commands.  It keeps one promise: octets that were announced
as a literal are never taken for a command, also when the command is refused
(`drop`).  RFC 9051 §4.3, RFC 7888 §4
"""

from mailstack.base.framing import Framer
from mailstack.imap.cursor import LITERAL

__all__ = ["Announced", "Fragments", "announced"]

_CHUNK = 64 * 1024

Announced = tuple[int, bool]  # octets; whether the client waits for our "+" (synchronising)


def announced(line: bytes) -> Announced | None:
    """What literal the end of `line` announces: `{310}`, `{310+}`."""
    if not line.endswith(b"}"):
        return None
    found = LITERAL.search(line)
    return (int(found[1]), not found[2]) if found else None


class Fragments:
    """Received octets, taken piece by piece as the engine says what it expects."""

    __slots__ = ("_dropping", "_framer", "_left")

    def __init__(self) -> None:
        self._framer = Framer()
        self._left = 0  # octets of the present literal that have not been taken
        self._dropping = False  # the rest of the present command is of no interest

    def __len__(self) -> int:
        return len(self._framer)

    def feed(self, data: bytes) -> None:
        self._framer.feed(data)

    def line(self, limit: int) -> bytes | None:
        """The next line; None when it is not there yet.  LineTooLong, BareLineEnd."""
        while self._dropping:
            if not self._drop(limit):
                return None
        return self._framer.line(limit)

    def expect(self, size: int) -> None:
        """The next `size` octets are a literal."""
        self._left = size

    @property
    def left(self) -> int:
        """Octets of the literal that are still to be taken."""
        return self._left

    def literal(self) -> bytes | None:
        """All octets of the expected literal at once; None when they are not there yet."""
        if len(self._framer) < self._left:
            return None
        size, self._left = self._left, 0
        return self._framer.take(size)

    def chunk(self) -> bytes:
        """Some octets of the expected literal, b"" when none is there."""
        octets = self._framer.take(min(self._left, _CHUNK))
        self._left -= len(octets)
        return octets

    def take_all(self) -> bytes:
        """What is here and was not taken: it belongs to another layer."""
        return self._framer.take(len(self._framer))

    def drop(self, literal: Announced | None) -> None:
        """The command is refused: what else of it is on its way is passed over.

        A client that waits for "+" gets the refusal instead and sends no literal: then nothing is on its way.
        """
        if literal is not None and not literal[1]:
            self._left = literal[0]
            self._dropping = True

    def drop_rest(self) -> None:
        """Like `drop`, amid a literal or before the line behind it."""
        self._dropping = True

    def _drop(self, limit: int) -> bool:
        """Pass over octets; whether anything could be done."""
        if self._left:
            return bool(self.chunk())
        line = self._framer.line(limit)
        if line is None:
            return False
        self._dropping = False
        self.drop(announced(line))
        return True
