"""Searches that go on: what was found, kept as it changes, and told as ADDTO and REMOVEFROM.  RFC 5267 §4.3

A context knows its members by UID.  A message can come in when it arrives or its flags change, and go when its
flags change or it is expunged; nothing else about it changes, so only those messages are looked at again.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from mailstack.imap.fetch import Item
from mailstack.imap.numset import NumSet, compact
from mailstack.imap.search import And, Key, Not, Numbered, Or
from mailstack.imap.search_kept import Searched, Window
from mailstack.imap.sort import Criterion
from mailstack.imap.view import View

__all__ = ["CONTEXTS_MOST", "LOOKED_AT_MOST", "SORTED_MOST", "Context", "at_once", "frozen", "matching"]

CONTEXTS_MOST: Final = 20  # of one session
SORTED_MOST: Final = 5_000  # members of one that is sorted: its order is made anew whenever one comes
LOOKED_AT_MOST: Final = 200  # messages at once: the rest waits for the next news

T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """`members`: UIDs in their order.  `fetched`: told of those that are new."""

    tag: bytes
    by_uid: bool
    key: Key
    members: "array[int]"
    by: tuple[Criterion, ...] = ()  # empty: in the order of the mailbox
    fetched: tuple[Item, ...] | None = None

    def removed(self, uids: Iterable[int], view: View) -> bytes:
        """They are members no more: the response, with numbers as the client still knows them; b"" for none."""
        gone = set(uids).intersection(self.members)
        if not gone:
            return b""
        if self.by:
            places = [place for place, uid in enumerate(self.members) if uid in gone]
            pairs = b" ".join(b"%d %d" % (place + 1, self._told(self.members[place], view)) for place in places[::-1])
        else:
            pairs = b"0 " + compact(sorted(self._told(uid, view) for uid in gone))
        self.members = array("Q", (uid for uid in self.members if uid not in gone))
        return self._response(b"REMOVEFROM", pairs)

    def added(self, uids: Iterable[int], view: View, in_order: Callable[[Sequence[int]], Sequence[int]]) -> bytes:
        """They are members from now on.  `in_order` sorts UIDs as the client asked."""
        new = sorted(set(uids).difference(self.members))
        if not new:
            return b""
        members = [*self.members, *new]
        self.members = array("Q", in_order(members) if self.by else sorted(members))
        if self.by:
            fresh = set(new)
            pairs = b" ".join(
                b"%d %d" % (place, self._told(uid, view)) for place, uid in enumerate(self.members, 1) if uid in fresh
            )
        else:
            pairs = b"0 " + compact(self._told(uid, view) for uid in new)
        return self._response(b"ADDTO", pairs)

    def _told(self, uid: int, view: View) -> int:
        return uid if self.by_uid else view.number(uid) or 0

    def _response(self, name: bytes, pairs: bytes) -> bytes:
        uid = b" UID" if self.by_uid else b""
        return b'* ESEARCH (TAG "%b")%b %b (%b)\r\n' % (self.tag, uid, name, pairs)


def frozen(key: Key, view: View) -> Key:
    """Sequence numbers mean the messages that they mean now.  RFC 5267 §4.3"""
    match key:
        case Numbered(numbers) if numbers.saved or not numbers.by_uid:
            spans = view.spans(numbers) if numbers.saved else numbers.clamped(view.uids)
            ranges = tuple((view.uids[start], view.uids[stop - 1]) for start, stop in spans)
            return Numbered(NumSet(ranges, by_uid=True))
        case Not(inner):
            return Not(frozen(inner, view))
        case And(keys):
            return replace(key, keys=tuple(frozen(each, view) for each in keys))
        case Or((one, other)):
            return replace(key, keys=(frozen(one, view), frozen(other, view)))
    return key


async def matching(key: Key, mail: Searched, uids: Sequence[int]) -> set[int]:
    """Those of a few messages that match."""
    found: set[int] = set()
    for uid in uids:
        index = bisect_left(mail.view.uids, uid)
        if index < mail.view.count and mail.view.uids[index] == uid:
            window = Window(mail, index, index + 1)
            if await key.among(window, window.present([0])):
                found.add(uid)
    return found


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of what waits for nobody: what is pushed between commands is made in one go."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    work.close()
    raise RuntimeError("it waits")
