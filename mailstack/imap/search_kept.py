"""What searches look at: a mailbox in windows of its view, columns cut from the store's, records from its blocks.

Records are made when they are first asked for, in turns with others' work, and kept by the store.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from mailstack.base.errors import Condition, MailError
from mailstack.imap.numset import NumSet, Span
from mailstack.imap.objectid import make_email_id
from mailstack.imap.search_text import LONG, fields_record, header_record, text_record
from mailstack.imap.sort_record import Order, order_record
from mailstack.imap.view import View
from mailstack.message.mime import Source, Whole
from mailstack.store.api import Mailbox
from mailstack.store.values import DIGEST_UIDS, Digest

__all__ = ["Place", "Searched", "Window", "find_records"]

Place = int  # of a message in its window, from 0

_MAKE: Final[Mapping[str, Callable[[Source], bytes]]] = {
    "text": text_record,
    "header": header_record,
    "fields": fields_record,
    "order": order_record,
}
_VERSION: Final = "1"  # of what the records hold: a change makes them all anew
_SHORT_OCTETS: Final = 64 * 1024  # a message that is read in one go
_FEW: Final = 8  # a block is searched as a whole when more than one message in so many is in question


class Searched:
    """One mailbox as a search sees it.  `pause` lets others have their turn when it is time."""

    def __init__(self, view: View, mailbox: Mailbox, *, now: datetime, pause: Callable[[], Awaitable[None]]) -> None:
        self.view = view
        self.mailbox = mailbox
        self.now = now
        self.pause = pause
        self.lost: set[int] = set()  # UIDs of messages whose files are gone, which the columns do not know yet
        self._sets: dict[NumSet, list[Span]] = {}

    def spans(self, numbers: NumSet) -> list[Span]:
        """Sequence numbers that do not exist are nobody's.  RFC 7377 §2"""
        spans = self._sets.get(numbers)
        if spans is None:
            view = self.view
            spans = view.spans(numbers) if numbers.saved else numbers.clamped(view.uids)
            self._sets[numbers] = spans
        return spans

    async def digest(self, item: str, uids: Sequence[int]) -> Digest:
        """The block of these UIDs (ascending, all of one block) with all the records that can be had."""
        mailbox, name = self.mailbox, item + _VERSION
        digest, missing = self._digest(item, uids)
        if missing and item == "header":  # what was made of the whole text has it too
            whole, lacking = self._digest("text", uids)
            if not lacking:
                return whole
        if not missing:
            return digest
        records: dict[int, bytes] = {}
        for uid in missing:
            record = self.read(uid, _MAKE[item])
            if record is not None:
                records[uid] = record
            await self.pause()
        return mailbox.keep_digest(name, records) if records else digest

    def _digest(self, item: str, uids: Sequence[int]) -> tuple[Digest, list[int]]:
        """What is kept of the block, and of which messages nothing is."""
        digest = self.mailbox.digest(item + _VERSION, uids[0] // DIGEST_UIDS)
        have = digest.memo.get("uids")
        if have is None:
            have = digest.memo["uids"] = frozenset(digest.uids)
        return digest, [uid for uid in uids if uid not in have]

    def email_id(self, uid: int) -> bytes:
        """b"" when the message is gone.  RFC 8474 §5.1"""
        return self.read(uid, lambda _: self.mailbox.kept("emailid", uid, make_email_id)[1:-1]) or b""

    def read(self, uid: int, make: Callable[[Source], bytes]) -> bytes | None:
        """Something made of a message; None when that is gone."""
        columns = self.mailbox.columns
        try:
            if columns.position(uid) is not None and columns.size(uid) <= _SHORT_OCTETS:
                return make(Whole(self.mailbox.octets(uid)))
            with closing(self.mailbox.content(uid)) as content:
                return make(content)
        except MailError as failure:
            if failure.condition is Condition.NO_SUCH_MESSAGE:
                self.lost.add(uid)
                return None
            raise


class Window:
    """The messages `[start, stop)` of the view.  A column has nothing of use for those that are gone."""

    def __init__(self, mail: Searched, start: int, stop: int) -> None:
        self.mail = mail
        self.start = start
        self.uids = mail.view.uids[start:stop]

    def present(self, places: Sequence[Place]) -> Sequence[Place]:
        """Those whose messages are not gone now."""
        uids, lost = self.uids, self.mail.lost
        if lost:
            places = [place for place in places if uids[place] not in lost]
        if self._run is not None:
            return places
        position = self.mail.mailbox.columns.position
        return [place for place in places if position(uids[place]) is not None]

    @property
    def _run(self) -> Span | None:
        """Indices of the columns that are just this window; None when some of it are gone.

        What is not gone stands in the columns as it does in the view: new ones come behind.
        """
        position = self.mail.mailbox.columns.position
        first, last = position(self.uids[0]), position(self.uids[-1])
        if first is None or last is None or last - first != len(self.uids) - 1:
            return None
        return first, last + 1

    def _column(self, whole: Callable[[int, int], Sequence[Any]], single: Callable[[int], Any], gone: Any) -> Any:
        run = self._run
        if run is not None:
            return whole(*run)
        position = self.mail.mailbox.columns.position
        return [single(uid) if position(uid) is not None else gone for uid in self.uids]

    @cached_property
    def flags(self) -> Sequence[tuple[str, ...]]:
        columns = self.mail.mailbox.columns
        return self._column(columns.flags_between, columns.flags, ())  # type: ignore[no-any-return]

    @cached_property
    def sizes(self) -> Sequence[int]:
        columns = self.mail.mailbox.columns
        return self._column(columns.sizes_between, columns.size, 0)  # type: ignore[no-any-return]

    @cached_property
    def modseqs(self) -> Sequence[int]:
        columns = self.mail.mailbox.columns
        return self._column(columns.modseqs_between, columns.modseq, 0)  # type: ignore[no-any-return]

    @cached_property
    def seconds(self) -> Sequence[int]:
        """INTERNALDATE."""
        columns = self.mail.mailbox.columns
        return self._column(  # type: ignore[no-any-return]
            columns.seconds_between, lambda uid: int(columns.internal_date(uid).timestamp()), 0
        )

    def inside(self, numbers: NumSet) -> frozenset[Place] | range | None:
        """The places of a set; None for all of them."""
        start, stop = self.start, self.start + len(self.uids)
        spans = [
            (max(low, start) - start, min(high, stop) - start)
            for low, high in self.mail.spans(numbers)
            if low < stop and high > start
        ]
        if len(spans) == 1:
            return None if spans[0] == (0, stop - start) else range(*spans[0])
        return frozenset(place for low, high in spans for place in range(low, high))

    def blocks(self, places: Sequence[Place]) -> Iterator[Sequence[Place]]:
        """The places, parted as the store's blocks are."""
        uids, at = self.uids, 0
        while at < len(places):
            behind = (uids[places[at]] // DIGEST_UIDS + 1) * DIGEST_UIDS
            end = bisect_left(places, behind, at, key=uids.__getitem__)
            yield places[at:end]
            at = end

    async def orders(self, column: str, places: Sequence[Place]) -> list[Any]:
        """What sorting compares, of these messages; None where there is nothing."""
        values: list[Any] = []
        for block in self.blocks(places):
            wanted = [self.uids[place] for place in block]
            digest = await self.mail.digest("order", wanted)
            columns: Order = digest.memo.get("order") or digest.memo.setdefault("order", Order(digest.blob))
            held = getattr(columns, column)
            if len(wanted) == len(digest.uids) and wanted == digest.uids.tolist():
                values += held
            else:
                by_uid = dict(zip(digest.uids, held, strict=True))
                values += map(by_uid.get, wanted)
        return values


async def find_records(
    window: Window, places: Sequence[Place], item: str, needle: bytes, holds: Callable[[bytes], bool] | None
) -> list[Place]:
    """The places whose record has `needle` and, with `holds`, is what that says."""
    found: list[Place] = []
    for block in window.blocks(places):
        uids = [window.uids[place] for place in block]
        digest = await window.mail.digest(item, uids)
        hits = _in_whole(digest, needle, holds) if len(uids) * _FEW > len(digest.uids) else None
        if hits is None:
            hits = _in_some(digest, uids, needle, holds)
        hits |= await _in_long(window.mail, digest, set(uids) - hits, item, needle, holds)
        if hits:
            found += [place for place, uid in zip(block, uids, strict=True) if uid in hits]
        await window.mail.pause()
    return found


def _in_whole(digest: Digest, needle: bytes, holds: Callable[[bytes], bool] | None) -> set[int]:
    """UIDs in the block whose records match."""
    blob, ends, hits = digest.blob, digest.ends, set()
    at = blob.find(needle)
    while at >= 0:
        index = bisect_right(ends, at)
        if index >= len(ends):
            break
        end = ends[index]
        if holds is None or holds(blob[(ends[index - 1] if index else 0) : end - 1]):
            hits.add(digest.uids[index])
        at = blob.find(needle, end)
    return hits


def _in_some(digest: Digest, uids: Sequence[int], needle: bytes, holds: Callable[[bytes], bool] | None) -> set[int]:
    hits = set()
    for uid in uids:
        index = bisect_left(digest.uids, uid)
        if index == len(digest.uids) or digest.uids[index] != uid:
            continue
        record = digest.blob[(digest.ends[index - 1] if index else 0) : digest.ends[index] - 1]
        if needle in record and (holds is None or holds(record)):
            hits.add(uid)
    return hits


async def _in_long(
    mail: Searched, digest: Digest, uids: set[int], item: str, needle: bytes, holds: Callable[[bytes], bool] | None
) -> set[int]:
    """Messages that are too long to keep are read anew."""
    long = digest.memo.get("long")
    if long is None:
        long = digest.memo["long"] = _in_whole(digest, LONG, None)
    hits = set()
    for uid in long & uids:
        record = mail.read(uid, _WHOLE[item])
        if record is not None and needle in record and (holds is None or holds(record)):
            hits.add(uid)
        await mail.pause()
    return hits


def _whole_text(source: Source) -> bytes:
    return text_record(source, whole=True)


_WHOLE: Final[Mapping[str, Callable[[Source], bytes]]] = {
    "text": _whole_text,
    "header": _whole_text,
    "fields": _whole_text,
}
