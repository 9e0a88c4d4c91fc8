"""Who is refused for a while, and when that comes to pass.  Pure: the clock's reading is an argument.

Guesses count, not failures.  A mail program that says its old password every minute for a week has said one
thing; somebody who tries names and passwords says a new one each time.  So Microsoft's cloud, which logs in for many
people from few addresses and goes on for days after a password was changed, is not taken for a guesser; and a
network from which somebody has logged in lately is never banned at all.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mailstack.accounts.networks import network_of

__all__ = ["Ban", "BanRules", "Bans"]


@dataclass(frozen=True, slots=True)
class Ban:
    """`network` may be an address.  `everything`: mail from other servers too, not logins only.  UNIX seconds."""

    network: str
    reason: str
    since: float
    until: float
    times: int = 1  # how often in a row; each is longer than the one before
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BanRules:
    """Durations in seconds.  `guesses` 0: nobody is banned but by hand."""

    guesses: int = 20  # different ones, of one network, within `window`
    window: float = 3600.0
    first: float = 900.0
    longest: float = 86400.0
    forget_after: float = 7 * 86400.0  # a ban that ended so long ago does not make the next one longer
    entries: int = 50_000  # networks whose guesses are remembered


@dataclass(slots=True)
class Bans:
    """What is in force, and the guesses on the way there."""

    rules: BanRules = field(default_factory=BanRules)
    _bans: dict[str, Ban] = field(default_factory=dict)
    _wide: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]] = field(default_factory=list)
    _guesses: dict[str, dict[bytes, float]] = field(default_factory=dict)

    def restore(self, bans: Iterable[Ban]) -> None:
        for ban in bans:
            self.put(ban)

    def put(self, ban: Ban) -> None:
        if ban.network not in self._bans:
            self._note_width(ban.network)
        self._bans[ban.network] = ban

    def lift(self, network: str) -> bool:
        """Whether there was one.  Its guesses are forgotten, too."""
        self._guesses.pop(network, None)
        self._wide = [(wide, text) for wide, text in self._wide if text != network]
        return self._bans.pop(network, None) is not None

    def of(self, ip: str, now: float) -> Ban | None:
        """What refuses this address now."""
        ban = self._bans.get(network_of(ip))
        if ban is not None and ban.until > now:
            return ban
        return self._of_wide(ip, now) if self._wide else None

    def in_force(self, now: float) -> list[Ban]:
        """Those that end first first."""
        return sorted((ban for ban in self._bans.values() if ban.until > now), key=lambda ban: ban.until)

    def guessed(self, ip: str, guess: bytes, now: float) -> Ban | None:
        """`guess` is a digest of what was tried, the same for the same.  The ban that follows from it, if one does."""
        if not self.rules.guesses:
            return None
        network = network_of(ip)
        guesses = self._guesses.setdefault(network, {})
        guesses.pop(guess, None)  # so that the latest stands last
        guesses[guess] = now
        while (oldest := next(iter(guesses))) and guesses[oldest] <= now - self.rules.window:
            del guesses[oldest]
        if len(self._guesses) > self.rules.entries:
            del self._guesses[next(iter(self._guesses))]
        if len(guesses) < self.rules.guesses:
            return None
        del self._guesses[network]
        return self.punished(network, f"{len(guesses)} wrong passwords within an hour", now)

    def punished(self, network: str, reason: str, now: float) -> Ban:
        """A new ban, four times as long as the last one; it is in force."""
        before = self._bans.get(network)
        again = before is not None and now - before.until < self.rules.forget_after
        times = before.times + 1 if again and before is not None else 1
        seconds = min(self.rules.first * 4.0 ** (times - 1), self.rules.longest)
        ban = Ban(network, reason, now, now + seconds, times)
        self.put(ban)
        return ban

    def forget(self, now: float) -> list[str]:
        """Drop what ended long ago; the networks."""
        old = [name for name, ban in self._bans.items() if now - ban.until > self.rules.forget_after]
        for network in old:
            self.lift(network)
        return old

    def trusted(self, ip: str, now: float) -> Ban | None:
        """Somebody has logged in from there: what was guessed counts no longer.  The ban that this has ended."""
        network = network_of(ip)
        self._guesses.pop(network, None)
        ban = self._bans.get(network)
        if ban is None or ban.until <= now or ban.everything:
            return None
        self._bans[network] = replace(ban, until=now)
        return self._bans[network]

    def _note_width(self, network: str) -> None:
        """Those that `network_of` would not find."""
        wide = ipaddress.ip_network(network)
        if network_of(str(wide.network_address)) != network:
            self._wide.append((wide, network))

    def _of_wide(self, ip: str, now: float) -> Ban | None:
        address = ipaddress.ip_address(ip)
        for wide, text in self._wide:
            if address in wide and self._bans[text].until > now:
                return self._bans[text]
        return None
