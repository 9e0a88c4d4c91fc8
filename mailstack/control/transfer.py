"""Commands of import, export and restore: messages in slices, their octets in files that both sides can reach."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from mailstack.accounts.names import address_of_account
from mailstack.base.errors import Condition, MailError
from mailstack.control.commands import Commands
from mailstack.store.api import CarryingStore
from mailstack.store.values import Carried

__all__ = ["IMPORTING", "transfer_commands"]

IMPORTING = ".importing"  # folder beside the mail: <run>/<number>
_PLACE = re.compile(r"[0-9a-f]+/[0-9]+")  # below it: never a way out
AT_ONCE = 1000


def transfer_commands(mail: Callable[[], CarryingStore], mail_folder: str) -> Commands:
    async def known(name: str, folder: str) -> str:
        """Keys, 16 hexadecimal digits each, ascending: sixteen octets a message."""
        return "".join(f"{key:016x}" for key in mail().known_keys(address_of_account(name), folder))

    async def forget(name: str) -> None:
        await mail().forget_keys(address_of_account(name))

    async def take(name: str, folder: str, messages: Sequence[Sequence[Any]]) -> list[int]:
        """[came, had come before]; each message is [place, flags, date, key]."""
        carried = [_carried(mail_folder, *each) for each in messages]
        return list(await mail().take_in(address_of_account(name), folder, carried))

    async def folders(name: str) -> list[dict[str, Any]]:
        account = await mail().account(address_of_account(name))
        return [
            {"name": folder.name, "messages": (await account.status(folder.name)).messages}
            for folder in account.folders()
        ]

    async def show(name: str, folder: str, after: int = 0, limit: int = AT_ONCE) -> list[list[Any]]:
        """Each [uid, flags, date, size, unique part of the name, paths]."""
        rows = await mail().listed(address_of_account(name), folder, after, min(limit, AT_ONCE))
        return [[row.uid, row.flags, row.date, row.size, row.unique, row.paths] for row in rows]

    return {
        "import known": known,
        "import forget": forget,
        "import": take,
        "export folders": folders,
        "export messages": show,
    }


def _carried(mail_folder: str, place: str, flags: Sequence[str], date: int, key: int) -> Carried:
    if not _PLACE.fullmatch(place):
        raise MailError(Condition.NOT_ALLOWED, f"no place of an import: {place!r}")
    return Carried(f"{mail_folder}/{IMPORTING}/{place}", tuple(flags), date, key)
