"""Who may come in, and who is sent away for a while: bans, rates, and the networks that people are known to come from.

One for the whole server: it hears of every login in every protocol, of every connection, and of what went
wrong on each.  Networks that `never` names are not counted at all.
"""

import ipaddress
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from mailstack.accounts.bans import Ban, BanRules, Bans
from mailstack.accounts.guardfile import GuardFile
from mailstack.accounts.networks import network_of, parse_network, wide_network_of
from mailstack.accounts.rates import Rate
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log

__all__ = ["Guard", "GuardRules"]

_NETWORKS_KEPT = 180 * 86400.0  # seconds since somebody last logged in from one
_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """What `[abuse]` says.  A number of 0: no such limit.  `trust_for` in seconds."""

    bans: BanRules = field(default_factory=BanRules)
    never: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    connections_a_minute: int = 0  # of one network as `network_of` has it
    connections_a_minute_wide: int = 0  # of one /24 or /48
    errors_an_hour: int = 0
    trust_for: float = 7 * 86400.0  # a network from which somebody has logged in


class Guard:
    """`now` tells UNIX seconds.  MailError(UNAVAILABLE) when the file cannot be used."""

    def __init__(self, file: GuardFile, now: Callable[[], float], rules: GuardRules | None = None) -> None:
        self._file, self._now = file, now
        self._bans = Bans()
        self.reconfigure(GuardRules() if rules is None else rules)
        self._bans.restore(file.bans())
        file.forget_networks(now() - _NETWORKS_KEPT)
        file.drop_bans(self._bans.forget(now()))
        self._known: dict[tuple[str, str], float] = {}  # (account, network) → when it was last written down
        self._trusted: dict[str, float] = {}  # network → when somebody last logged in
        for account, network, last in file.known_networks():
            self._known[account, network] = self._trusted[network] = last
        self._come_from = {(account, wide_network_of(network.partition("/")[0])) for account, network in self._known}
        self._accounts = {account for account, _ in self._known}

    def reconfigure(self, rules: GuardRules) -> None:
        """Counts begin anew, bans stay."""
        self.rules, self._bans.rules = rules, rules.bans
        self._connections = Rate(rules.connections_a_minute, 60.0)
        self._wide_connections = Rate(rules.connections_a_minute_wide, 60.0)
        self._errors = Rate(rules.errors_an_hour, 3600.0)

    def close(self) -> None:
        self._file.close()

    # --- connections: `net.listen.Doorkeeper` ---------------------------------------------------------------------

    def arrived(self, ip: str, *, login: bool) -> str:
        """Why this connection is refused, for the log; "" lets it in.  `login`: it is to a service to log in to."""
        ban = self._bans.of(ip, self._now())
        if ban is not None and (login or ban.everything):
            return f"banned: {ban.reason}"
        if self._is_free(ip):
            return ""
        for rate, network in (
            (self._connections, network_of(ip)),
            (self._wide_connections, wide_network_of(ip)),
        ):
            if not rate.count(network, self._now()):
                return f"more than {rate.most} connections a minute from {network} (abuse.connections_…)"
        return ""

    def left(self, ip: str, errors: int) -> None:
        """The connection is over; `errors` counts what it was told off for."""
        if not errors or self._is_free(ip) or self._errors.count(network_of(ip), self._now(), errors):
            return
        if self._bans.of(ip, self._now()) is None:
            reason = f"more than {self._errors.most} errors within an hour"
            self._keep(self._bans.punished(network_of(ip), reason, self._now()))

    # --- logins -----------------------------------------------------------------------------------------------------

    def refusal(self, ip: str) -> str:
        """Why nobody logs in from there now; "" when they may."""
        ban = self._bans.of(ip, self._now())
        return "" if ban is None else f"banned: {ban.reason}"

    def knows(self, account: str, ip: str) -> bool:
        """Whether this account has logged in from there lately."""
        last = self._known.get((account, network_of(ip)))
        return last is not None and self._now() - last < self.rules.trust_for + _DAY

    def failed(self, ip: str, guess: bytes) -> None:
        if self._is_free(ip):
            return
        ban = self._bans.guessed(ip, guess, self._now())
        if ban is not None:
            self._keep(ban)

    def succeeded(self, account: str, ip: str) -> bool:
        """Whether that is news: the account has been here before, and never came from this /24 (IPv6: /48)."""
        network, now = network_of(ip), self._now()
        self._trusted[network] = now
        ended = self._bans.trusted(ip, now)
        if ended is not None:
            self._try(lambda: self._file.put_ban(ended))
        last = self._known.get((account, network))
        if last is None or now - last > _DAY:
            self._known[account, network] = now
            self._try(lambda: self._file.note_network(account, network, now))
        place = account, wide_network_of(ip)
        news = account in self._accounts and place not in self._come_from
        self._accounts.add(account)
        self._come_from.add(place)
        return news

    def _try(self, write: Callable[[], None]) -> None:
        """What is only for after a restart: no login fails because a disk is full."""
        try:
            write()
        except sqlite3.Error as failure:
            log(Event.GUARD_NOT_KEPT, reason=str(failure))

    def _is_free(self, ip: str) -> bool:
        """Whether it is not counted: the configuration says so, or somebody has logged in from there lately."""
        last = self._trusted.get(network_of(ip))
        if last is not None and self._now() - last < self.rules.trust_for:
            return True
        if not self.rules.never:
            return False
        try:
            address = ipaddress.ip_address(ip.removeprefix("::ffff:"))
        except ValueError:
            return False
        return any(address in network for network in self.rules.never)

    # --- by hand ----------------------------------------------------------------------------------------------------

    def bans(self) -> list[Ban]:
        return self._bans.in_force(self._now())

    def ban(self, network: str, reason: str, seconds: float) -> Ban:
        """Of everything, mail from other servers too.  MailError(NOT_ALLOWED) for what is no address or network."""
        now = self._now()
        ban = Ban(_parsed(network), reason, now, now + seconds, everything=True)
        self._bans.put(ban)
        self._keep(ban)
        return ban

    def lift(self, network: str) -> str:
        """MailError(NO_SUCH_USER) when there is none."""
        known = {ban.network for ban in self.bans()}
        named = _parsed(network)
        found = next((text for text in (named, network_of(named)) if text in known), None)
        if found is None:
            raise MailError(Condition.NO_SUCH_USER, f"there is no ban of {named}; see: mailstack ban list")
        self._bans.lift(found)
        self._file.drop_bans([found])
        log(Event.BAN_LIFTED, network=found)
        return found

    def _keep(self, ban: Ban) -> None:
        self._file.put_ban(ban)
        log(Event.BANNED, network=ban.network, seconds=int(ban.until - ban.since), reason=ban.reason)


def _parsed(network: str) -> str:
    try:
        return parse_network(network)
    except ValueError:
        raise MailError(
            Condition.NOT_ALLOWED, f"{network!r} is neither an address nor a network; write it like 192.0.2.0/24"
        ) from None
