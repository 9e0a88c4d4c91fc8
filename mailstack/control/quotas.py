"""Commands about quotas: what accounts may keep and do keep."""

from collections.abc import Callable
from typing import Any

from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.names import parse_address, parse_domain
from mailstack.accounts.store import AccountStore
from mailstack.base.errors import Condition, MailError
from mailstack.control.commands import Commands
from mailstack.store.api import CheckedStore

__all__ = ["quota_commands"]


def quota_commands(people: AccountStore, directory: AccountDirectory, mail: Callable[[], CheckedStore]) -> Commands:
    async def show(name: str = "") -> list[dict[str, Any]]:
        """Of one account, of those in `@domain`, or of all."""
        subject = _subject(name) if name else ""
        found = [_row(directory, mail(), each) for each in directory.accounts() if subject in ("", each, _domain(each))]
        if subject and not found:
            raise MailError(Condition.NO_SUCH_USER, f"there is no account {name}; see: mailstack account list")
        return found

    async def put(name: str, storage: int | None = None, messages: int | None = None) -> str:
        """None: what the domain or the configuration says."""
        subject = _subject(name)
        people.set_quota(subject, storage, messages)
        return subject

    return {"quota list": show, "quota set": put}


def _subject(name: str) -> str:
    return f"@{parse_domain(name[1:])}" if name.startswith("@") else parse_address(name)


def _domain(account: str) -> str:
    return f"@{account.rpartition('@')[2]}"


def _row(directory: AccountDirectory, mail: CheckedStore, account: str) -> dict[str, Any]:
    quota, used = directory.quota_of(account), mail.usage(account)
    return {
        "name": account,
        "storage": {"used": used.octets, "limit": quota.octets or None},
        "messages": {"used": used.messages, "limit": quota.messages or None},
    }
