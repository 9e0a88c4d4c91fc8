"""UIDBATCHES: the mailbox in ranges of UIDs with so many messages each, for clients that fetch in portions.

draft-ietf-mailmaint-imap-uidbatches: what Apple's mail and others use beside UIDONLY.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State

__all__ = ["ROWS"]

_BATCHES = 100_000


@dataclass(frozen=True, slots=True)
class UidBatches(Command):
    """`first` and `last` of the batches, counted from the newest; 0: all of them."""

    size: int
    first: int = 0
    last: int = 0


def parse(cur: Cursor) -> UidBatches:
    """uidbatches = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]"""
    size = cur.nz_number()
    if not cur.spaced():
        return UidBatches(size)
    first = cur.nz_number()
    cur.take(b":")
    last = cur.nz_number()
    if first > last:
        raise ParseFault("the first batch comes before the last")
    return UidBatches(size, first, last)


def batches(uids: Sequence[int], size: int) -> list[tuple[int, int]]:
    """(highest, lowest) from the newest: without gaps, the last down to 1."""
    starts = range(len(uids), 0, -size)
    highs = [uids[start - 1] for start in starts]
    return [(high, lower + 1) for high, lower in zip(highs, [*highs[1:], 0], strict=True)]


async def handle(cmd: UidBatches, session: Session, out: Sink) -> Done:
    """Of the messages that the client knows of.  `$` stays as it is."""
    found = batches(session.view.uids, cmd.size)
    if cmd.first:
        found = found[cmd.first - 1 : cmd.last]
    if len(found) > _BATCHES:
        return Done.no("Too many batches", b"TOOMANY")
    ranges = b",".join(b"%d:%d" % batch for batch in found)
    await out(Untagged(b'UIDBATCHES (TAG "%b")%b%b' % (session.tag, b" " if ranges else b"", ranges)))
    return Done("UIDBATCHES completed")


ROWS = (Row(b"UIDBATCHES", parse, handle, State.SELECTED, capability=b"UIDBATCHES"),)
