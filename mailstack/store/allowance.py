"""The one bound (`store.memory`) of all that is kept in memory only to be quicker the next time.

Each part has a share; what one does not use the others may.  Above the bound the part that is furthest
over its share gives its least used things back first, whoever's they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Allowance", "Part"]


class Part(Protocol):
    """A cache."""

    @property
    def octets(self) -> int:
        """In memory, about."""

    def give_back(self) -> bool:
        """Forget the least used; False: nothing can be forgotten just now."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`parts` with their shares."""

    octets: int
    parts: Sequence[tuple[Part, float]]

    @property
    def used(self) -> int:
        return sum(part.octets for part, _ in self.parts)

    def keep(self) -> None:
        """Call it when a part has grown."""
        while self.used > self.octets and any(part.give_back() for part, _ in self._by_excess()):
            pass

    def _by_excess(self) -> list[tuple[Part, float]]:
        return sorted(self.parts, key=lambda each: each[0].octets / each[1], reverse=True)
