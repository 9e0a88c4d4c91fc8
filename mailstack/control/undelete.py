"""Commands about expunged mail that can still be brought back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from mailstack.accounts.names import parse_address
from mailstack.base.errors import Condition, MailError
from mailstack.control.commands import Commands
from mailstack.store.api import KeepingStore
from mailstack.store.values import Kept

__all__ = ["undelete_commands"]


def undelete_commands(mail: Callable[[], KeepingStore]) -> Commands:
    """`since` are UNIX seconds, of the expunge; no `ids` and no `folder`: all."""

    async def show(name: str, folder: str = "", since: float = 0) -> list[dict[str, Any]]:
        kept = await mail().kept(parse_address(name), described=True)
        return [_row(each) for each in _chosen(kept, (), folder, since)]

    async def bring(
        name: str, ids: Sequence[str] = (), folder: str = "", since: float = 0, into: str = ""
    ) -> dict[str, int]:
        account = parse_address(name)
        kept = await mail().kept(account)
        chosen = list(_chosen(kept, ids, folder, since))
        if missing := set(ids) - {each.id for each in chosen}:
            raise MailError(Condition.NO_SUCH_MESSAGE, f"there is no {', '.join(sorted(missing))}; see --list")
        if not ids:
            chosen = [each for each in chosen if not each.elsewhere]
        return dict(await mail().bring_back(account, chosen, into or None))

    return {"undelete list": show, "undelete": bring}


def _chosen(kept: Iterable[Kept], ids: Sequence[str], folder: str, since: float) -> Iterator[Kept]:
    for each in kept:
        named = each.id in ids if ids else folder.casefold() in ("", each.folder.casefold())
        if named and each.expunged >= since:
            yield each


def _row(kept: Kept) -> dict[str, Any]:
    return {
        "id": kept.id,
        "folder": kept.folder,
        "expunged": _moment(kept.expunged),
        "date": _moment(kept.date),
        "size": kept.size,
        "flags": list(kept.flags),
        "elsewhere": kept.elsewhere,
        "from": kept.sender,
        "subject": kept.subject,
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
