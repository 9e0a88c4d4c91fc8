"""How long a try to log in must wait, from the failures before it.  Pure: the clock's reading is an argument.

Three counts, all only of failures.  One for a name from an address: three are free,
then each try waits twice as long as the one before.  One for an address and all names:
a bucket of failures that refills; a whole office or a provider's cloud shares an
address, so it is large, and a name that has logged in from an address lately is not held up
there by others' failures: one stranger at a webmail does not stop its users.
Tries wait in a row, not side by side: opening many connections does not make
guessing faster.  And one like the second for the /24 (IPv6: /48) around it, eight times as large.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TypeVar

from mailstack.accounts.networks import network_of, wide_network_of

__all__ = ["LoginThrottle", "ThrottleLimits"]

WIDE = 8  # a /24 may fail so many times as often as one address of it
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleLimits:
    """Durations in seconds."""

    free_failures: int = 3  # of one name from one address: people mistype
    longest_wait: float = 30.0  # below the time that clients wait for an answer
    forget_after: float = 900.0
    trust_for: float = 7 * 86400.0  # a name that has logged in from an address
    address_failures: int = 50  # of one address, at once
    address_refill: float = 6.0  # one failure more every so often
    entries: int = 50_000  # names and addresses remembered


@dataclass(slots=True)
class _Failures:
    count: int = 0
    next_free: float = 0.0  # when the next try may be decided
    last: float = 0.0


@dataclass(slots=True)
class LoginThrottle:
    limits: ThrottleLimits = field(default_factory=ThrottleLimits)
    _pairs: dict[tuple[str, str], _Failures] = field(default_factory=dict)
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)  # network → (failures, when)
    _trusted: dict[tuple[str, str], float] = field(default_factory=dict)  # when it last logged in

    def reserve(self, name: str, ip: str, now: float) -> float | None:
        """Seconds that this try must wait; its place in the row is taken.  None: the row is too long, refuse."""
        network = network_of(ip)
        wait = self._pair_wait(name, network, now)
        if not self._is_trusted(name, network, now):
            wait = max(wait, self._bucket_wait(network, now), self._bucket_wait(wide_network_of(ip), now))
        if wait > self.limits.longest_wait:
            return None
        failures = self._pairs.get((name, network))
        if failures is not None:
            failures.next_free = now + wait + self._step(failures.count)
        return wait

    def failed(self, name: str, ip: str, now: float) -> None:
        network = network_of(ip)
        failures = self._pairs.setdefault((name, network), _Failures())
        failures.count += 1
        failures.last = now
        failures.next_free = max(failures.next_free, now + self._step(failures.count))
        for failing in {network, wide_network_of(ip)}:
            self._buckets[failing] = self._level(failing, now) + (1 if failing == network else 1 / WIDE), now
            _trim(self._buckets, self.limits.entries)
        _trim(self._pairs, self.limits.entries)

    def succeeded(self, name: str, ip: str, now: float) -> None:
        pair = name, network_of(ip)
        self._pairs.pop(pair, None)
        self._trusted.pop(pair, None)  # so that it goes to the end: the oldest is forgotten first
        self._trusted[pair] = now
        _trim(self._trusted, self.limits.entries)

    def _is_trusted(self, name: str, network: str, now: float) -> bool:
        when = self._trusted.get((name, network))
        return when is not None and now - when < self.limits.trust_for

    def _step(self, count: int) -> float:
        """0 0 1 2 4 … seconds after the first, second, third … failure."""
        over = count - self.limits.free_failures
        return min(2.0 ** min(over, 10), self.limits.longest_wait) if over >= 0 else 0.0

    def _pair_wait(self, name: str, network: str, now: float) -> float:
        failures = self._pairs.get((name, network))
        if failures is None:
            return 0.0
        if now - failures.last > self.limits.forget_after:
            del self._pairs[name, network]
            return 0.0
        return max(0.0, failures.next_free - now)

    def _bucket_wait(self, network: str, now: float) -> float:
        over = self._level(network, now) - self.limits.address_failures
        return max(0.0, over * self.limits.address_refill)

    def _level(self, network: str, now: float) -> float:
        failures, when = self._buckets.get(network, (0.0, now))
        return max(0.0, failures - (now - when) / self.limits.address_refill)


def _trim(entries: MutableMapping[K, V], limit: int) -> None:
    """Forget the oldest; dicts keep the order in which keys came."""
    if len(entries) > limit:
        del entries[next(iter(entries))]
