"""Who stays in memory when the last session has gone: the least recently used goes first (store.allowance)."""

from collections import OrderedDict
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from mailstack.store.values import Folder

__all__ = ["Accounts", "Mailboxes"]

MESSAGE_OCTETS: Final = 40  # of an open mailbox's columns
MAILBOX_OCTETS: Final = 8 * 1024  # of an open mailbox besides
ACCOUNT_OCTETS: Final = 10 * 1024
MOST_IDLE: Final = 500  # mailboxes: each poll goes through them


class Sized(Protocol):
    """An open mailbox."""

    folder: Folder

    def __len__(self) -> int: ...


class Mailboxes:
    """Of the open ones (`all`, by id) those that nobody has open."""

    def __init__(self, all_: dict[int, Any]) -> None:
        self._all = all_
        self._idle: OrderedDict[int, Sized] = OrderedDict()
        self._counted: dict[int, int] = {}  # octets of each, when its sessions last came or went
        self.octets = 0

    def idle(self, mailbox: Sized) -> None:
        """Its last session has left, or it was read ahead of the first."""
        self._count(mailbox)
        self._idle[mailbox.folder.id] = mailbox
        while len(self._idle) > MOST_IDLE:
            self.give_back()

    def in_use(self, mailbox: Sized) -> None:
        self._count(mailbox)
        self._idle.pop(mailbox.folder.id, None)

    def gone(self, mailbox: int) -> None:
        self._idle.pop(mailbox, None)
        self.octets -= self._counted.pop(mailbox, 0)

    def give_back(self) -> bool:
        if len(self._idle) < 2:  # the last is just being opened, it may be
            return False
        old, _ = self._idle.popitem(last=False)
        del self._all[old]
        self.gone(old)
        return True

    def _count(self, mailbox: Sized) -> None:
        octets = MAILBOX_OCTETS + MESSAGE_OCTETS * len(mailbox)
        self.octets += octets - self._counted.get(mailbox.folder.id, 0)
        self._counted[mailbox.folder.id] = octets


class Accounts:
    """`by_name` and `by_number` have those in memory: of sessions, which hold theirs, and the last ones used."""

    def __init__(self) -> None:
        self.by_name: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self.by_number: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self._recent: OrderedDict[str, Any] = OrderedDict()

    def add(self, name: str, account: Any) -> None:
        self.by_name[name] = self.by_number[account.id] = account
        self.used(name)

    def used(self, name: str) -> None:
        self._recent[name] = self.by_name[name]
        self._recent.move_to_end(name)

    @property
    def octets(self) -> int:
        return ACCOUNT_OCTETS * len(self.by_name)

    def give_back(self) -> bool:
        if len(self._recent) < 2:
            return False
        self._recent.popitem(last=False)
        return True
