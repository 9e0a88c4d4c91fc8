"""App passwords: what the command line may ask."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from mailstack.accounts.apppasswords import SCOPES, AppPassword
from mailstack.accounts.names import parse_address
from mailstack.accounts.networks import parse_network
from mailstack.accounts.store import AccountStore
from mailstack.base.errors import Condition, MailError
from mailstack.control.commands import Commands

__all__ = ["app_password_commands"]


def app_password_commands(people: AccountStore, now: Callable[[], float]) -> Commands:
    kept = people.app_passwords

    async def new(
        name: str,
        label: str,
        scopes: Sequence[str] = SCOPES,
        networks: Sequence[str] = (),
        seconds: float | None = None,
    ) -> str:
        """Shown this once."""
        ends = None if seconds is None else int(now() + seconds)
        named = [_network(network) for network in networks]
        made = kept.make(
            parse_address(name), _label(label), scopes=_scopes(scopes), networks=named, ends=ends, now=int(now())
        )
        return made.reveal()

    async def show(name: str) -> list[dict[str, Any]]:
        account = parse_address(name)
        if people.credential(account) is None:
            raise MailError(Condition.NO_SUCH_USER, f"there is no account {account}; see: mailstack account list")
        return [_shown(each) for each in kept.of(account)]

    async def revoke(name: str, label: str) -> str:
        kept.revoke(parse_address(name), label)
        return label

    return {"app-password new": new, "app-password list": show, "app-password revoke": revoke}


def _label(text: str) -> str:
    if not text.strip() or len(text) > 100 or not text.isprintable():
        raise MailError(Condition.NOT_ALLOWED, "an app password has a name of 1 to 100 characters, such as phone")
    return text.strip()


def _scopes(asked: Sequence[str]) -> list[str]:
    if not asked or not set(asked) <= set(SCOPES):
        raise MailError(Condition.NOT_ALLOWED, f"scopes are {', '.join(SCOPES)}")
    return [scope for scope in SCOPES if scope in asked]


def _network(text: str) -> str:
    try:
        return parse_network(text)
    except ValueError:
        raise MailError(
            Condition.NOT_ALLOWED, f"{text!r} is neither an address nor a network; write it like 192.0.2.0/24"
        ) from None


def _shown(each: AppPassword) -> dict[str, Any]:
    return {
        "name": each.name,
        "scopes": list(each.scopes),
        "networks": list(each.networks),
        "made": _moment(each.made),
        "ends": _moment(each.ends),
        "used": _moment(each.used),
        "used_ip": each.used_ip,
        "used_protocol": each.used_protocol,
    }


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
