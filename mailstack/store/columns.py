"""An open mailbox in memory: parallel columns, ascending by UID, shared by all its sessions.

About 40 octets a message and its file's name; no object a message.  Flags are whole
numbers (store.flags), turned into names by a table that is made as combinations occur.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from mailstack.store.flags import DELETED, SEEN, Keywords, merged, names_of
from mailstack.store.index.messages import Row

__all__ = ["MailColumns"]


class _Names(dict[int, tuple[str, ...]]):
    """Flags as a number → their names; made as combinations occur, then a look-up without any Python code."""

    def __init__(self, keywords: Keywords) -> None:
        super().__init__()
        self.keywords = keywords

    def __missing__(self, bits: int) -> tuple[str, ...]:
        names = self[bits] = names_of(bits, self.keywords)
        return names


class MailColumns:
    """Implements `store.api.Columns`; `append`, `reflag`, `remove` are for store.mailbox."""

    def __init__(self, rows: Sequence[Row], keywords: Keywords) -> None:
        self._names = _Names(keywords)
        self.uids = array("Q")
        self._modseqs = array("Q")
        self._flags = array("Q")
        self._sizes = array("Q")
        self._dates = array("q")
        self._bases: list[str] = []
        self._disks: list[str] = []
        self._unseen = self._deleted = self._octets = 0
        self._seen_before = 0  # every message below this index has \Seen: where the search for the first unseen begins
        self.append(rows)

    @property
    def keywords(self) -> Keywords:
        return self._names.keywords

    @keywords.setter
    def keywords(self, keywords: Keywords) -> None:
        if keywords != self._names.keywords:
            self._names = _Names(keywords)

    def __len__(self) -> int:
        return len(self.uids)

    # --- store.api.Columns ---------------------------------------------------------------------------

    def position(self, uid: int) -> int | None:
        index = bisect_left(self.uids, uid)
        return index if index < len(self.uids) and self.uids[index] == uid else None

    def flags(self, uid: int) -> tuple[str, ...]:
        return self._names[self._flags[self._at(uid)]]

    def flags_between(self, start: int, stop: int) -> Sequence[tuple[str, ...]]:
        return list(map(self._names.__getitem__, self._flags[start:stop]))

    def size(self, uid: int) -> int:
        return self._sizes[self._at(uid)]

    def internal_date(self, uid: int) -> datetime:
        return datetime.fromtimestamp(self._dates[self._at(uid)], UTC)

    def sizes_between(self, start: int, stop: int) -> Sequence[int]:
        return self._sizes[start:stop]

    def seconds_between(self, start: int, stop: int) -> Sequence[int]:
        return self._dates[start:stop]

    def modseq(self, uid: int) -> int:
        return self._modseqs[self._at(uid)]

    def modseqs_between(self, start: int, stop: int) -> Sequence[int]:
        return self._modseqs[start:stop]

    def changed_since(self, modseq: int) -> Sequence[int]:
        return [uid for uid, own in zip(self.uids, self._modseqs, strict=True) if own > modseq]

    def first_unseen(self) -> int | None:
        if not self._unseen:
            return None
        flags, index = self._flags, self._seen_before
        while flags[index] & SEEN:
            index += 1
        self._seen_before = index
        return self.uids[index]

    def _at(self, uid: int) -> int:
        index = self.position(uid)
        if index is None:
            raise KeyError(uid)
        return index

    # --- for the store -------------------------------------------------------------------------------

    def file(self, uid: int) -> tuple[str, tuple[str, str]]:
        """(base, letters that the file may have: as the flags say, as the disk had).  KeyError."""
        index = self._at(uid)
        disk = self._disks[index]
        return self._bases[index], (merged(self._flags[index], disk), disk)

    def counts(self, recent: int) -> tuple[int, int, int, int, int]:
        """messages, recent, unseen, deleted, octets: STATUS.  Kept with every change, so that a poll costs nothing."""
        return len(self), len(self) - bisect_left(self.uids, recent), self._unseen, self._deleted, self._octets

    def append(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.uids.append(row.uid)
            self._modseqs.append(row.modseq)
            self._flags.append(row.flags)
            self._sizes.append(row.size)
            self._dates.append(row.date)
            self._bases.append(row.base)
            self._disks.append(row.disk)
            self._octets += row.size
            self._count(row.flags, 1)

    def _count(self, bits: int, by: int) -> None:
        """A message with these flags comes (1) or goes (-1)."""
        if not bits & SEEN:
            self._unseen += by
        if bits & DELETED:
            self._deleted += by

    def reflag(self, flags: Iterable[tuple[int, int]], modseq: int) -> None:
        for uid, bits in flags:
            index = self._at(uid)
            self._count(self._flags[index], -1)
            self._count(bits, 1)
            self._flags[index] = bits
            self._modseqs[index] = modseq
            if not bits & SEEN and index < self._seen_before:
                self._seen_before = index

    def remove(self, uids: Sequence[int]) -> None:
        """From the end, so that what has to move is moved once for neighbours; many at once are done by making anew."""
        positions = [index for uid in uids if (index := self.position(uid)) is not None]
        for index in positions:
            self._count(self._flags[index], -1)
            self._octets -= self._sizes[index]
        self._seen_before -= bisect_left(positions, self._seen_before)
        columns = (self.uids, self._modseqs, self._flags, self._sizes, self._dates, self._bases, self._disks)
        for column in columns:
            for first, behind in reversed(_runs(positions)):
                del column[first:behind]


def _runs(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending positions as half-open ranges."""
    runs: list[tuple[int, int]] = []
    for position in positions:
        if runs and runs[-1][1] == position:
            runs[-1] = (runs[-1][0], position + 1)
        else:
            runs.append((position, position + 1))
    return runs
