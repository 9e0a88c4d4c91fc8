"""A ledger in memory: for what asks anew and keeps nothing, because what is kept could hide what is wrong."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import succeed

__all__ = ["ScratchLedger"]

T = TypeVar("T")


class ScratchLedger:
    """Implements `store.api.Ledger`; every write is done at once."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None)

    def write(self, work: Callable[[Any], T], *, syncs_files: bool = True) -> Awaitable[T]:  # noqa: ARG002  Ledger's
        return succeed(work(self._db))

    def read(self, work: Callable[[Any], T]) -> T:
        return work(self._db)

    def durable(self) -> Awaitable[None]:
        return succeed(None)
