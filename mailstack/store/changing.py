"""Messages change and go: flags, expunge.  Functions of the writer's thread over a `Txn`.

Rows change at once, files later, by chores.  So the index is ahead of the names, and
`row.disk` (the letters that the file has, as far as known) tells by how much:

    file's letters = row.disk, row.flags say otherwise   our rename is still to come, or was lost: do it
    file's letters differ from row.disk                  another program changed flags: its change is applied
                                                         to row.flags (what it added, what it took away)

`row.disk` is moved on only behind a sync of the rename (store.batches), so a power loss
cannot make our own older state look like somebody's change.  Index and power lost
together: the names speak alone, and flags are as old as the last chore, a moment.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mailstack.base.errors import Condition, MailError
from mailstack.store.chores import RenameFile
from mailstack.store.effects import Reflagged, Removed
from mailstack.store.filing import give_keywords
from mailstack.store.flags import bits_of, merged
from mailstack.store.foldering import Home
from mailstack.store.index import mailboxes, messages, tombstones, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.keeping import put_away
from mailstack.store.txn import Txn
from mailstack.store.values import FlagMode

__all__ = ["claim_recent", "expunge", "remove_rows", "set_flags"]


def set_flags(
    txn: Txn,
    home: Home,
    mailbox: int,
    uids: Sequence[int],
    mode: FlagMode,
    names: Sequence[str],
    source: object | None,
    unchanged_since: int | None = None,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The UIDs whose flags really changed, and those refused because of `unchanged_since`; both ascending."""
    box = _box(txn, mailbox)
    before = box.keywords
    if mode is not FlagMode.REMOVE:
        give_keywords(txn, home, box, names)
    bits = bits_of(names, box.keywords)
    rows = messages.some(txn.db, box.id, uids)
    refused = tuple(row.uid for row in rows if unchanged_since is not None and row.modseq > unchanged_since)
    passed = [row for row in rows if row.modseq <= unchanged_since] if unchanged_since is not None else rows
    changed = [(row, new) for row in passed if (new := _apply(mode, row.flags, bits)) != row.flags]
    if changed:
        box.modseq += 1
        messages.set_flags(txn.db, box.id, box.modseq, [(row.uid, new) for row, new in changed])
    if changed or box.keywords != before:
        mailboxes.save_counters(txn.db, box)
        flags = [(row.uid, new) for row, new in changed]
        txn.tell(Reflagged(replace(box), flags, box.modseq, source))
    for row, new in changed:
        if merged(new, row.disk) != row.disk:
            txn.later(RenameFile(txn.site, box.id, row.uid))
    return tuple(row.uid for row, _ in changed), refused


def _apply(mode: FlagMode, old: int, bits: int) -> int:
    if mode is FlagMode.ADD:
        return old | bits
    return old & ~bits if mode is FlagMode.REMOVE else bits


def _box(txn: Txn, mailbox: int) -> Box:
    box = mailboxes.by_id(txn.db, mailbox)
    if box is None:
        raise MailError(Condition.NO_SUCH_MAILBOX, "Mailbox has been deleted")
    return box


def expunge(txn: Txn, mailbox: int, uids: Iterable[int], *, for_good: bool = False) -> tuple[int, ...]:
    """The UIDs that were there, ascending.  `for_good`: nobody can bring them back."""
    box = _box(txn, mailbox)
    rows = messages.some(txn.db, box.id, uids)
    if not rows:
        return ()
    remove_rows(txn, box, rows, [row.base for row in rows])
    put_away(txn, box, rows, for_good=for_good)
    return tuple(row.uid for row in rows)


def remove_rows(txn: Txn, box: Box, rows: Sequence[Row], bases: Sequence[str | None]) -> None:
    """From the index only; `bases` are the files that are still to be removed."""
    uids = tuple(row.uid for row in rows)
    box.modseq += 1
    messages.delete(txn.db, box.id, uids)
    usage.take_off(txn.db, box.account, len(rows), sum(row.size for row in rows))
    tombstones.insert(txn.db, box.id, box.modseq, zip(uids, bases, strict=True))
    mailboxes.save_counters(txn.db, box)
    txn.tell(Removed(replace(box), uids, box.modseq))


def claim_recent(txn: Txn, mailbox: int, recent: int) -> None:
    """Nobody else is told that these messages are recent.  RFC 3501 §2.3.2"""
    box = mailboxes.by_id(txn.db, mailbox)
    if box is not None and box.recent < recent:
        box.recent = recent
        mailboxes.save_counters(txn.db, box)
