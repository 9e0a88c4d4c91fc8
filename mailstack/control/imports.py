"""Accounts from other servers' files: a Dovecot passwd-file."""

from collections.abc import Iterator
from typing import Any

from mailstack.accounts.foreign import normalised
from mailstack.accounts.names import address_of_account, canonical_domain
from mailstack.accounts.passwords import Credential
from mailstack.accounts.store import AccountStore
from mailstack.base.errors import MailError
from mailstack.control.commands import Commands

__all__ = ["import_commands"]


def import_commands(people: AccountStore) -> Commands:
    async def take(lines: list[str], first: int = 1, domain: str = "", *, add_domains: bool = False) -> dict[str, Any]:
        """`user:{SCHEME}hash:…` a line; a name without a domain gets `domain`.  Who is there already stays as he is."""
        made, refused = [], []
        for number, name, kept in _entries(lines, first):
            try:
                made.append(_add(people, name if "@" in name else f"{name}@{domain}", kept, add_domains=add_domains))
            except (MailError, ValueError) as failure:
                reason = failure.public if isinstance(failure, MailError) else str(failure)
                refused.append({"line": number, "name": name, "reason": reason})
        return {"made": made, "refused": refused}

    return {"account import": take}


def _entries(lines: list[str], first: int) -> Iterator[tuple[int, str, str]]:
    """(line, name, hash): the first two fields of passwd(5); blank lines and comments are passed over."""
    for number, line in enumerate(lines, first):
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.strip().partition(":")
            kept, _, _ = rest.partition(":")
            yield number, name, kept


def _add(people: AccountStore, name: str, kept: str, *, add_domains: bool) -> str:
    hashed = normalised(kept)
    if hashed is None:
        raise ValueError("its password is kept in a way that cannot be taken over; set one: mailstack account add")
    account = address_of_account(name)
    domain = canonical_domain(account.rpartition("@")[2])
    if add_domains and domain not in people.domains():
        people.add_domain(domain)
    people.add_account(account, Credential(hashed))
    return account
