"""Other programs' mail within milliseconds: folders of watched mailboxes are followed by inotify.

Our own changes come this way too; then the folder's stamps (store.stamps) are the known
ones and nothing more is done.  Where a folder cannot be followed, the poll looks at it.
"""

from collections.abc import Callable
from typing import Any

from mailstack.base.inotify import FolderEvents

__all__ = ["Watching"]

# longer than a tick of a file system's clock, so that the next change surely moves the folder's mtime
GATHER_SECONDS = 0.01


class Watching:
    """A reader of the reactor; `changed(mailbox)` is called once for what came within a moment.

    OSError where there is no inotify.
    """

    def __init__(self, reactor: Any, changed: Callable[[int], None]) -> None:
        self._reactor, self._changed = reactor, changed
        self._events = FolderEvents()
        self._mailboxes: dict[int, int] = {}  # by the system's number
        self._numbers: dict[int, list[int]] = {}  # by mailbox
        self._waiting: dict[int, None] = {}
        reactor.addReader(self)

    def follow(self, mailbox: int, path: str) -> None:
        """The Maildir `path`, also when it is renamed later."""
        if mailbox in self._numbers:
            return
        numbers: list[int] = []
        try:
            numbers.append(self._events.add(f"{path}/cur"))
            numbers.append(self._events.add(f"{path}/new"))
        except OSError:
            for number in numbers:
                self._events.remove(number)
            return
        self._numbers[mailbox] = numbers
        self._mailboxes.update(dict.fromkeys(numbers, mailbox))

    def unfollow(self, mailbox: int) -> None:
        for number in self._numbers.pop(mailbox, ()):
            self._mailboxes.pop(number, None)
            self._events.remove(number)

    def follows(self, mailbox: int) -> bool:
        return mailbox in self._numbers

    def close(self) -> None:
        self._reactor.removeReader(self)
        self._waiting.clear()
        self._events.close()

    # --- for the reactor: IReadDescriptor ------------------------------------------------------------

    def fileno(self) -> int:
        return self._events.fileno()

    def doRead(self) -> None:
        numbers = self._events.read()
        mailboxes = self._numbers if numbers is None else (self._mailboxes.get(number) for number in numbers)
        was_empty = not self._waiting
        self._waiting.update((mailbox, None) for mailbox in mailboxes if mailbox is not None)
        if was_empty and self._waiting:
            self._reactor.callLater(GATHER_SECONDS, self._tell)

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for mailbox in waiting:
            self._changed(mailbox)

    def connectionLost(self, reason: object) -> None:
        """The reactor is about to end."""

    def logPrefix(self) -> str:
        return "inotify"
