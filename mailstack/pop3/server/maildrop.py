"""A maildrop: the INBOX as it was at login, for one session alone.  RFC 1939 §3, §5

Numbers, sizes and unique ids are a snapshot; other sessions may remove messages
behind its back (then they cannot be read any more), but nothing that arrives
or goes changes what was shown.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Self

from mailstack.base.errors import Condition, MailError
from mailstack.store.api import Content, MailAccount, Mailbox
from mailstack.store.values import INBOX, Change, FlagMode, MailboxInvalidated

__all__ = ["ALL", "Maildrop", "NoSuchNumber", "View"]


class NoSuchNumber(Exception):
    """No message has this number, or it is deleted."""


@dataclass(frozen=True, slots=True)
class View:
    """Which messages are shown; UIDL of a message is the same in every view."""

    newest: int = 0  # so many; 0: all
    since: int = 0  # arrived then or later, UNIX seconds


ALL = View()


class Maildrop:
    """Messages by number, from 1.  Always `close` it."""

    def __init__(self, mailbox: Mailbox, unlock: Callable[[], None], view: View) -> None:
        self._mailbox = mailbox
        self._unlock = unlock
        self._uidvalidity = mailbox.folder.uidvalidity
        columns = mailbox.columns
        count = len(columns.uids)
        first = max(0, count - view.newest) if view.newest else 0
        self._uids = tuple(columns.uids[first:])
        self._sizes = tuple(columns.sizes_between(first, count))
        if view.since:
            recent = [seconds >= view.since for seconds in columns.seconds_between(first, count)]
            self._uids, self._sizes = tuple(compress(self._uids, recent)), tuple(compress(self._sizes, recent))
        self._total = sum(self._sizes)  # of what is not deleted
        self._deleted: set[int] = set()  # numbers
        self._sent: set[int] = set()  # numbers that RETR has sent whole
        self._invalid = False
        mailbox.watch(self._changed)

    @classmethod
    async def open(cls, account: MailAccount, view: View = ALL) -> Self:
        """MailError(IN_USE) while another session has it."""
        unlock = account.lock_maildrop()
        try:
            return cls(await account.open(INBOX), unlock, view)
        except BaseException:
            unlock()
            raise

    def close(self) -> None:
        """Give up the lock; what was marked as deleted stays, unless `update` came before."""
        self._mailbox.unwatch(self._changed)
        self._mailbox.release()
        self._unlock()

    def _changed(self, change: Change) -> None:
        if isinstance(change, MailboxInvalidated):
            self._invalid = True

    # --- what is there --------------------------------------------------------------------------------

    def stat(self) -> tuple[int, int]:
        """How many messages, and their octets; without the deleted."""
        return len(self._uids) - len(self._deleted), self._total

    def size(self, number: int) -> int:
        return self._sizes[self._index(number)]

    def unique_id(self, number: int) -> str:
        """`<uidvalidity>.<uid>`: the same in every session, never used again.  RFC 1939 §7"""
        return f"{self._uidvalidity}.{self._uids[self._index(number)]}"

    def sizes(self) -> bytes:
        """LIST of all: one line each, made in one go."""
        return b"".join(map(b"%d %d\r\n".__mod__, self._numbered(self._sizes)))

    def unique_ids(self) -> bytes:
        """UIDL of all."""
        line = b"%%d %d.%%d\r\n" % self._uidvalidity
        return b"".join(map(line.__mod__, self._numbered(self._uids)))

    def content(self, number: int) -> Content:
        """The message, to be closed after use.  MailError(NO_SUCH_MESSAGE) when somebody else has removed it."""
        uid = self._uids[self._index(number)]
        self._must_be_valid()
        return self._mailbox.content(uid)

    def octets(self, number: int) -> bytes:
        """All of a message that is not long.  MailError(NO_SUCH_MESSAGE)"""
        uid = self._uids[self._index(number)]
        self._must_be_valid()
        return self._mailbox.octets(uid)

    def _numbered(self, values: Sequence[int]) -> Iterable[tuple[int, int]]:
        """(number, value) of all that is not deleted."""
        every = enumerate(values, 1)
        return (pair for pair in every if pair[0] not in self._deleted) if self._deleted else every

    def _index(self, number: int) -> int:
        """Index of a message that may be named.  NoSuchNumber when there is none, or none any more."""
        if not 1 <= number <= len(self._uids) or number in self._deleted:
            raise NoSuchNumber(number)
        return number - 1

    def _must_be_valid(self) -> None:
        """A new UIDVALIDITY means that UIDs may name other messages now."""
        if self._invalid:
            raise MailError(Condition.UNAVAILABLE, "the mailbox was rebuilt, log in again")

    # --- what becomes of it ---------------------------------------------------------------------------

    def delete(self, number: int) -> None:
        self._total -= self._sizes[self._index(number)]
        self._deleted.add(number)

    def undelete_all(self) -> None:
        self._deleted.clear()
        self._total = sum(self._sizes)

    def sent(self, number: int) -> None:
        self._sent.add(number)

    async def update(self, *, mark_seen: bool) -> None:
        """The UPDATE state: remove what was deleted, mark as seen what was sent.  MailError: nothing was removed."""
        if self._deleted:
            self._must_be_valid()
            await self._mailbox.expunge(self._uid_list(self._deleted))
        seen = self._sent - self._deleted
        if seen and mark_seen and not self._invalid:
            with contextlib.suppress(MailError):  # nobody was promised the flag
                await self._mailbox.set_flags(self._uid_list(seen), FlagMode.ADD, ("\\Seen",))

    def _uid_list(self, numbers: set[int]) -> list[int]:
        return [self._uids[number - 1] for number in sorted(numbers)]
