"""How fast one network may do a thing: buckets that refill.  Pure: the clock's reading is an argument."""

from dataclasses import dataclass, field

__all__ = ["Rate"]

_ENTRIES = 50_000


@dataclass(slots=True)
class Rate:
    """`most` at once, and as many again in `seconds`.  `most` 0: no limit."""

    most: int
    seconds: float
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)  # who → (how many, when)

    def count(self, who: str, now: float, number: int = 1) -> bool:
        """Whether there was room; it counts in any case, but never to more than twice what there is room for."""
        if not self.most:
            return True
        level, when = self._levels.pop(who, (0.0, now))
        level = max(0.0, level - (now - when) * self.most / self.seconds)
        there_was = level + number <= self.most
        self._levels[who] = min(level + number, 2.0 * self.most), now
        if len(self._levels) > _ENTRIES:
            del self._levels[next(iter(self._levels))]
        return there_was
