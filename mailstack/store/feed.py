"""Who is told of changes: the watchers of one mailbox, or of one account's folders."""

from collections.abc import Callable

from mailstack.store.values import Change

__all__ = ["Feed"]


class Feed:
    """Watchers, told in the order in which they came.  Reactor's thread only."""

    __slots__ = ("_watchers",)

    def __init__(self) -> None:
        self._watchers: list[Callable[[Change], None]] = []

    def __bool__(self) -> bool:
        return bool(self._watchers)

    def watch(self, watcher: Callable[[Change], None]) -> None:
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[Change], None]) -> None:
        """Also when it does not watch any more."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def publish(self, change: Change) -> None:
        """A watcher may come or go while it is told; who has gone is not told any more."""
        for watcher in tuple(self._watchers):
            if watcher in self._watchers:
                watcher(change)
