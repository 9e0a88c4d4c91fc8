"""What accounts may do and how much they may send: what the command line may ask."""

from collections.abc import Iterable, Sequence
from typing import Any

from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.names import parse_address
from mailstack.accounts.sending import LIMITS, Sending
from mailstack.accounts.store import AccountStore
from mailstack.base.errors import Condition, MailError
from mailstack.control.commands import Commands

__all__ = ["rights_commands"]

_RIGHTS = ("enabled", "may_send", "may_receive")


def rights_commands(people: AccountStore, directory: AccountDirectory, sending: Sending) -> Commands:
    async def allow(name: str, rights: dict[str, bool]) -> dict[str, Any]:
        account = parse_address(name)
        _expect_known(rights, _RIGHTS)
        for right, given in rights.items():
            people.set_right(account, right, given=given)
        return _row(directory, account)

    async def address(name: str, add: list[str], remove: list[str]) -> list[str]:
        account = parse_address(name)
        _row(directory, account)
        for more in add:
            people.add_address(account, parse_address(more))
        for less in remove:
            people.remove_address(account, parse_address(less))
        return next(list(each.addresses) for each in people.accounts() if each.name == account)

    async def limits(name: str, changes: dict[str, int | None]) -> dict[str, Any]:
        """None in `changes`: what is set for all."""
        account = parse_address(name)
        _expect_known(changes, LIMITS)
        _row(directory, account)
        for limit, value in changes.items():
            people.set_limit(account, limit, value)
        return _limits(directory, sending, account)

    return {"account allow": allow, "account address": address, "account limits": limits}


def _expect_known(asked: Iterable[str], known: Sequence[str]) -> None:
    if not set(asked) <= set(known):
        raise MailError(Condition.NOT_SUPPORTED, f"only these can be set: {', '.join(known)}")


def _row(directory: AccountDirectory, account: str) -> dict[str, Any]:
    rights = directory.rights(account)
    if rights is None:
        raise MailError(Condition.NO_SUCH_USER, f"there is no account {account}; see: mailstack account list")
    return {"name": account, **{right: getattr(rights, right) for right in _RIGHTS}}


def _limits(directory: AccountDirectory, sending: Sending, account: str) -> dict[str, Any]:
    own = directory.limits(account)
    return {
        limit: {"used": used, "limit": most, "own": limit in own}
        for limit, (used, most) in sending.used(account).items()
    }
