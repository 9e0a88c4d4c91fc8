"""Expunged mail listed, brought back, and removed for good when its time is over.

Listing and removing are long walks over folders: they run in a thread of the pool, bringing back in the writer's.
"""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from mailstack.base import files
from mailstack.message.header import scan, unfold
from mailstack.message.words import decode_words
from mailstack.store import foldering, keeping
from mailstack.store.bins import BINS, list_kept, sweep
from mailstack.store.memory import Memory
from mailstack.store.txn import Txn
from mailstack.store.values import Kept

__all__ = ["bring_back", "forget", "kept_of", "sweep_all"]

T = TypeVar("T")


class InThread(Protocol):
    """Run something in a thread of the pool."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


AT_ONCE = 500  # messages that come back in one job of the writer
HEAD_OCTETS = 16_384  # of a message that is described
REMOVED_AT_ONCE = 5_000  # files of one sweep


async def kept_of(memory: Memory, in_thread: InThread, account: str, *, described: bool) -> list[Kept]:
    """All that can be brought back, the oldest first; `elsewhere` is told, sender and subject if `described`."""
    home = memory.site.account_path(account)

    def work() -> list[Kept]:
        found = _listed(home)
        return list(map(_described, found)) if described else found

    return await in_thread(work)


def _described(kept: Kept) -> Kept:
    try:
        with Path(kept.path).open("rb") as file:
            head = scan(file.read(HEAD_OCTETS))
    except OSError:
        return kept
    sender, subject = head.first(b"from") or b"", head.first(b"subject") or b""
    return replace(kept, sender=decode_words(unfold(sender)), subject=decode_words(unfold(subject)))


def _listed(home: str) -> list[Kept]:
    found = list(list_kept(home))
    shared = {each.inode for each in found if each.inode}
    live = _live(home, shared) if shared else set()
    return sorted(
        (replace(each, elsewhere=each.inode in live) for each in found), key=lambda each: (each.expunged, each.uid)
    )


def _live(home: str, among: set[int]) -> set[int]:
    """Which of these files are messages of a mailbox."""
    live: set[int] = set()
    with suppress(FileNotFoundError):
        folders = [home, *(entry.path for entry in os.scandir(home) if entry.name.startswith(".") and entry.is_dir())]
        for folder in folders:
            with suppress(FileNotFoundError):
                live |= among & {entry.inode() for entry in os.scandir(f"{folder}/cur")}
    return live


async def bring_back(memory: Memory, account: str, kept: Iterable[Kept], into: str | None) -> dict[str, int]:
    """Durable when it ends; mailbox → how many."""
    total: dict[str, int] = {}
    for some in _slices(kept):
        for name, count in (await memory.write(_bringing(account, some, into))).items():
            total[name] = total.get(name, 0) + count
    return total


def _slices(kept: Iterable[Kept]) -> Iterable[Sequence[Kept]]:
    all_of_them = list(kept)
    return (all_of_them[start : start + AT_ONCE] for start in range(0, len(all_of_them), AT_ONCE))


def _bringing(account: str, some: Sequence[Kept], into: str | None) -> Callable[[Txn], dict[str, int]]:
    return lambda txn: keeping.bring_back(txn, foldering.ensure_home(txn, account), some, into)


async def forget(memory: Memory, in_thread: InThread, account: str) -> None:
    """Nothing of it can be brought back any more."""
    home = memory.site.account_path(account)
    await in_thread(lambda: files.remove_tree(f"{home}/{BINS}"))


def sweep_all(homes: Sequence[str], now: float, keep: float) -> int:
    """Up to so many files; how many."""
    removed = 0
    for home in homes:
        if removed < REMOVED_AT_ONCE:
            with suppress(OSError):
                removed += sweep(home, now, keep, REMOVED_AT_ONCE - removed)
    return removed
