"""A mailbox read at its first open: the packed columns of an earlier time, and the rows that changed since.

Row by row it is 1.5 µs a message, in the writer's thread, where everybody waits.  The
blob is a copy like the index itself: one that does not fit (another machine's octet
order, tombstones dropped meanwhile) is left aside, and all rows are read.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from mailstack.store.chores import Outcome
from mailstack.store.columns import MailColumns
from mailstack.store.index import messages, snapshots, tombstones
from mailstack.store.index.mailboxes import Box
from mailstack.store.txn import Txn

__all__ = ["FROM_MESSAGES", "agrees", "read_columns"]

FROM_MESSAGES = 2000  # smaller mailboxes are read quickly anyway
STALE_SHARE = 0.05  # of the messages changed since: time for a new one
KEPT_TOMBSTONES = 20_000  # a mailbox; QRESYNC clients that were away longer compare all UIDs


def read_columns(txn: Txn, box: Box) -> MailColumns:
    """All messages of the mailbox."""
    columns, changed = _from_snapshot(txn.db, box)
    if columns is None:
        columns = MailColumns((), box.keywords)
        columns.append_many(messages.columns_of(txn.db, box.id))
        changed = len(columns)
    if len(columns) >= FROM_MESSAGES and changed > STALE_SHARE * len(columns):
        txn.later(_Save(box.id, box.modseq, columns.packed()))
    return columns


def _from_snapshot(db: Any, box: Box) -> tuple[MailColumns | None, int]:
    """The columns, and how many messages had changed since."""
    found = snapshots.get(db, box.id)
    if found is None or found[0] > box.modseq:
        return None, 0
    modseq, blob = found
    columns = MailColumns.unpacked(blob, box.keywords)
    if columns is None or modseq == box.modseq:
        return columns, 0
    gone = tombstones.since(db, box.id, modseq)
    changed = messages.columns_of(db, box.id, modseq)
    if gone is None:
        return None, 0
    columns.remove(gone)
    return (columns if columns.renew(changed) else None), len(gone) + len(changed)


def agrees(db: Any, box: Box) -> bool:
    """Whether the snapshot, if there is one that is used, gives what all rows say."""
    columns, _ = _from_snapshot(db, box)
    if columns is None:
        return True
    whole = MailColumns((), box.keywords)
    whole.append_many(messages.columns_of(db, box.id))
    return columns.packed() == whole.packed()


@dataclass(frozen=True, slots=True)
class _Save:
    """Chore: keep the columns as they were at `modseq`, and forget tombstones that are too many."""

    mailbox: int
    modseq: int
    columns: bytes

    @property
    def key(self) -> Hashable:
        return "snapshot", self.mailbox

    @property
    def group(self) -> Hashable:
        return self.key

    def run(self, connection: Any, chores: Sequence[Any]) -> Outcome:  # noqa: ARG002  it is alone
        return Outcome(self._save)

    def _save(self, db: Any) -> None:
        snapshots.put(db, self.mailbox, self.modseq, self.columns)
        tombstones.prune(db, self.mailbox, KEPT_TOMBSTONES)

    def failed(self, connection: Any) -> None:
        """It is made again at the next open."""
