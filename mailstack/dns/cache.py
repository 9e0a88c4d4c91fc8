"""Answers kept for as long as they say, and for no longer; a bounded number of them.  The clock is an argument."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["CacheLimits", "TtlCache"]

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class CacheLimits:
    entries: int = 10_000
    ttl_max_seconds: float = 86_400  # however long an answer says


class TtlCache(Generic[KeyT, ValueT]):
    """Least recently used goes first when it is full."""

    def __init__(self, limits: CacheLimits, now: Callable[[], float]) -> None:
        self._limits, self._now = limits, now
        self._kept: dict[KeyT, tuple[float, ValueT]] = {}  # oldest use first

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: KeyT) -> ValueT | None:
        """None when it was never there, or is too old."""
        entry = self._kept.pop(key, None)
        if entry is None or entry[0] <= self._now():
            return None
        self._kept[key] = entry
        return entry[1]

    def put(self, key: KeyT, value: ValueT, ttl_seconds: float) -> None:
        """A TTL of 0 is not kept at all.  RFC 1035 §3.2.1"""
        self._kept.pop(key, None)
        if ttl_seconds <= 0:
            return
        if len(self._kept) >= self._limits.entries:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (self._now() + min(ttl_seconds, self._limits.ttl_max_seconds), value)

    def clear(self) -> None:
        self._kept.clear()
