"""An open mailbox in memory: parallel columns, ascending by UID, shared by all its sessions.

40 octets a message, no object a message; files' names stay in the index.  Flags are whole
numbers (store.flags), turned into names by a table that is made as combinations occur.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import compress
from struct import Struct

from mailstack.store.flags import DELETED, SEEN, Keywords, names_of
from mailstack.store.index.messages import Row

__all__ = ["MailColumns"]


_HEAD = Struct("=8s4Q")  # kind, messages, unseen, deleted, octets; then the columns one behind the other
_KIND = b"columns1"


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
        self.keyword_names = list(filter(None, keywords))
        self.uids = array("Q")
        self._modseqs = array("Q")
        self._flags = array("Q")
        self._sizes = array("Q")
        self._dates = array("q")
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
            self.keyword_names = list(filter(None, keywords))

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
        return list(compress(self.uids, map(modseq.__lt__, self._modseqs)))

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
            self._octets += row.size
            self._count(row.flags, 1)

    def append_many(self, rows: Sequence[tuple[int, int, int, int, int]]) -> None:
        """(uid, modseq, flags, size, date), ascending."""
        if rows:
            for column, values in zip(self._all(), zip(*rows, strict=True), strict=True):
                column.extend(values)
            self._octets += sum(row[3] for row in rows)
            for bits, times in Counter(row[2] for row in rows).items():
                self._count(bits, times)

    def renew(self, rows: Sequence[tuple[int, int, int, int, int]]) -> bool:
        """The same, some of them known by their UID.  False when they do not fit."""
        last = self.uids[-1] if self.uids else 0
        for uid, modseq, bits, _, _ in rows:
            if uid <= last:
                if self.position(uid) is None:
                    return False
                self.reflag([(uid, bits)], modseq)
        self.append_many([row for row in rows if row[0] > last])
        return True

    def _all(self) -> tuple["array[int]", ...]:
        return self.uids, self._modseqs, self._flags, self._sizes, self._dates

    def packed(self) -> bytes:
        """For `unpacked`, of this version on a machine of this kind."""
        head = _HEAD.pack(_KIND, len(self), self._unseen, self._deleted, self._octets)
        return b"".join((head, *(column.tobytes() for column in self._all())))

    @classmethod
    def unpacked(cls, blob: bytes, keywords: Keywords) -> "MailColumns | None":
        """None for octets that `packed` did not make."""
        columns = cls((), keywords)
        if len(blob) < _HEAD.size:
            return None
        kind, count, columns._unseen, columns._deleted, columns._octets = _HEAD.unpack_from(blob)
        if kind != _KIND or len(blob) != _HEAD.size + 5 * 8 * count:
            return None
        with memoryview(blob) as octets:
            for number, column in enumerate(columns._all()):
                first = _HEAD.size + number * 8 * count
                column.frombytes(octets[first : first + 8 * count])
        return columns

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
        for column in self._all():
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
