"""Where an address leads: a picture of the accounts file in memory, always as new as the file."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from mailstack.accounts.api import Forward, Local, NotOurs, Principal, Resolution, Rights, Unknown
from mailstack.accounts.names import canonical_address, canonical_domain
from mailstack.accounts.store import AccountStore, Picture
from mailstack.store.values import NO_QUOTA, Quota

__all__ = ["AccountDirectory"]

_POSTMASTER = "postmaster"
_MOST_TARGETS = 10_000  # of one alias, after expansion; a slip of the pen, not a list


class AccountDirectory:
    """Implements `accounts.api.Directory`.

    `separator` parts the detail: "+", or "" for none.  `default_domain` completes
    login names without a domain; "" for none.
    """

    def __init__(
        self, store: AccountStore, separator: str = "+", default_domain: str = "", default_quota: Quota = NO_QUOTA
    ) -> None:
        self._store = store
        self.default_quota = default_quota  # of those for whom nothing else is set; `waits` is for all
        self.separator, self.default_domain = separator, default_domain
        self.unwrap: Callable[[str], str | None] = _never  # where a bounce to a rewritten return path belongs
        self._version: tuple[int, int] | None = None
        self._picture = Picture((), (), {}, {})
        self._domains: frozenset[str] = frozenset()

    def _now(self) -> Picture:
        version = self._store.version()
        if version != self._version:
            self._picture = self._store.picture()
            self._domains = frozenset(self._picture.domains)
            self._version = version
        return self._picture

    # --- accounts.api.Directory -------------------------------------------------------------------------------

    def resolve(self, address: str) -> Resolution:
        picture = self._now()
        address = canonical_address(address)
        if address == _POSTMASTER:  # RFC 5321 §4.1.1.3: the one recipient without a domain
            address = f"{_POSTMASTER}@{picture.domains[0]}" if picture.domains else ""
        if address.rpartition("@")[2] not in self._domains:
            return NotOurs()
        for step in (self._mailbox, self._alias, self._postmaster, self._returning, self._catch_all):
            if (found := step(picture, address)) is not None:
                return found
        return Unknown()

    def is_own_domain(self, domain: str) -> bool:
        self._now()
        return canonical_domain(domain) in self._domains

    def own_domains(self) -> Sequence[str]:
        return self._now().domains

    def rights(self, account: str) -> Rights | None:
        return self._now().rights.get(account)

    def limits(self, account: str) -> Mapping[str, int]:
        """Those of its own."""
        rights = self.rights(account)
        return {} if rights is None else rights.limits

    def version(self) -> tuple[int, int]:
        """Another one as soon as anything has changed."""
        return self._store.version()

    # --- for login and the command line ---------------------------------------------------------------------

    def accounts(self) -> Sequence[str]:
        """In the order in which they were added."""
        return self._now().accounts

    def account_named(self, login_name: str) -> str | None:
        """Whose address it is; any address of an account is a login name, without a detail."""
        name = login_name.strip()
        if self.default_domain and "@" not in name:
            name = f"{name}@{self.default_domain}"
        return self._now().addresses.get(canonical_address(name))

    def who_may_log_in(self, login_name: str) -> Principal | None:
        """The account of that name, unless it is switched off."""
        account = self.account_named(login_name)
        rights = self.rights(account) if account else None
        return self.principal(account) if account and rights and rights.enabled else None

    def principal(self, account: str) -> Principal:
        """May send as each of its addresses, and as each alias that leads to it."""
        picture = self._now()
        mine = {address for address, owner in picture.addresses.items() if owner == account}
        for alias in picture.aliases:
            if not alias.startswith("@") and any(
                self._leads_to(picture, t, account) for t in self._members(picture, alias)
            ):
                mine.add(alias)
        return Principal(account, frozenset(mine))

    def _leads_to(self, picture: Picture, target: str, account: str) -> bool:
        found = self._mailbox(picture, target)
        return found is not None and found.account == account

    def quota_of(self, account: str) -> Quota:
        """Each number is the account's own, or its domain's, or the default."""
        own = self._now().quotas
        default = self.default_quota
        if not own:
            return default
        octets, messages = own.get(account, (None, None))
        of_domain = own.get(f"@{account.rpartition('@')[2]}", (None, None))
        return Quota(
            _first(octets, of_domain[0], default.octets),
            _first(messages, of_domain[1], default.messages),
            default.waits,
        )

    # --- the steps of `resolve` -----------------------------------------------------------------------------

    def _parted(self, address: str) -> Iterator[tuple[str, str]]:
        """(address, detail): as it is, then without its detail.  An address that is there whole goes first."""
        yield address, ""
        local, _, domain = address.rpartition("@")
        if self.separator and self.separator in local[1:]:
            base, _, detail = local[1:].partition(self.separator)
            yield f"{local[0]}{base}@{domain}", detail

    def _mailbox(self, picture: Picture, address: str) -> Local | None:
        for name, detail in self._parted(address):
            if (account := picture.addresses.get(name)) is not None:
                return Local(account, detail)
        return None

    def _alias(self, picture: Picture, address: str) -> Forward | None:
        for name, _ in self._parted(address):
            if name in picture.aliases:
                return self._forward(picture, name)
        return None

    def takes_bounces_only(self, address: str) -> bool:
        """A return path that we made for mail that we passed on, and nobody's own address."""
        picture, address = self._now(), canonical_address(address)
        if self.unwrap(address) is None or address.rpartition("@")[2] not in self._domains:
            return False
        return self._mailbox(picture, address) is None and self._alias(picture, address) is None

    def _returning(self, _picture: Picture, address: str) -> Forward | None:
        """A bounce of mail that we passed on: back to who sent it.  Before the catch-all, who would get them all."""
        sender = self.unwrap(address)
        return None if sender is None else Forward((sender,))

    def _forward(self, picture: Picture, alias: str) -> Forward | None:
        """None when nobody is left: all members are gone, or they only lead back here."""
        targets = [
            target
            for target in self._members(picture, alias)
            if target.rpartition("@")[2] not in self._domains or self._receives(picture, target)
        ]
        return Forward(tuple(targets)) if targets else None

    def _receives(self, picture: Picture, target: str) -> bool:
        found = self._mailbox(picture, target)
        return found is not None and picture.rights[found.account].may_receive

    def _postmaster(self, picture: Picture, address: str) -> Local | None:
        """RFC 5321 §4.5.1: always somebody: the domain's first account, else the server's first."""
        local, _, domain = address.rpartition("@")
        if local != _POSTMASTER or not picture.accounts:
            return None
        here = (account for account in picture.accounts if account.endswith(f"@{domain}"))
        return Local(next(here, picture.accounts[0]))

    def _catch_all(self, picture: Picture, address: str) -> Forward | None:
        name = f"@{address.rpartition('@')[2]}"
        return self._forward(picture, name) if name in picture.aliases else None

    def _members(self, picture: Picture, alias: str) -> Sequence[str]:
        """Everybody behind an alias, aliases within it opened in their place, each once, in order.

        An alias is opened once: a loop ends by itself.
        """
        found: dict[str, None] = {}
        opened = {alias}
        waiting = list(reversed(picture.aliases[alias]))
        while waiting and len(found) < _MOST_TARGETS:
            target = waiting.pop()
            inner = self._inner_alias(picture, target)
            if inner is None:
                found[target] = None
            elif inner not in opened:
                opened.add(inner)
                waiting.extend(reversed(picture.aliases[inner]))
        return list(found)

    def _inner_alias(self, picture: Picture, address: str) -> str | None:
        """The alias that `address` is, with or without its detail; a mailbox of that name goes first."""
        if self._mailbox(picture, address) is not None:
            return None
        return next((name for name, _ in self._parted(address) if name in picture.aliases), None)


def _first(own: int | None, of_domain: int | None, default: int) -> int:
    if own is not None:
        return own
    return default if of_domain is None else of_domain


def _never(_address: str) -> None:
    return None
