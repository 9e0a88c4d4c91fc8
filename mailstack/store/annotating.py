"""Annotations: short texts that clients keep at a mailbox or at the account.  The writer's thread.  RFC 5464

They are rows, and a text file in the mailbox's folder (`mailstack-annotations`; the account's own in
`mailstack-account-annotations` of its root), so that they go along with a rename, into the bin with a delete,
and are found again without the index.

No quota counts them, and each change writes the place's file anew and sums up the account, on the thread that
everybody waits for: so both are bounded, to cost a few milliseconds at the most.  In an account's sum each counts
as a KiB more than it has.
"""

from collections.abc import Mapping

from mailstack.base.errors import Condition, MailError
from mailstack.store import foldertext, maildir
from mailstack.store.effects import Annotated
from mailstack.store.foldering import Home, ensure_home
from mailstack.store.index import annotations, mailboxes
from mailstack.store.index.mailboxes import Box
from mailstack.store.txn import Txn
from mailstack.store.values import MAX_ANNOTATIONS, Folder

__all__ = ["MAX_OCTETS", "MAX_OCTETS_HERE", "annotate", "copy"]

MAX_OCTETS = 4 << 20  # of names and values, in one account
MAX_OCTETS_HERE = 128 << 10  # at one place


def annotate(
    txn: Txn, account: str, mailbox: str | None, values: Mapping[str, bytes | None], source: object | None
) -> None:
    """All of `values` (None takes one away), or none.

    MailError(NO_SUCH_MAILBOX), LIMIT: too many at this place, OVER_QUOTA: too much there or in the account
    """
    home = ensure_home(txn, account)
    box = None if mailbox is None else mailboxes.by_name(txn.db, home.id, maildir.normal(mailbox))
    if box is None and mailbox is not None:
        raise MailError(Condition.NO_SUCH_MAILBOX, "No such mailbox")
    number = box.id if box else 0
    before = annotations.all_of(txn.db, home.id, number)
    changed = {name: value for name, value in values.items() if before.get(name) != value}
    if not changed:
        return
    annotations.put(txn.db, home.id, number, changed)
    after = annotations.all_of(txn.db, home.id, number)
    if len(after) > max(MAX_ANNOTATIONS, len(before)):
        raise MailError(Condition.LIMIT, f"No more than {MAX_ANNOTATIONS} annotations")
    grows = any(value is not None for value in changed.values())
    if grows and (_octets(after) > MAX_OCTETS_HERE or annotations.octets(txn.db, home.id) > MAX_OCTETS):
        raise MailError(Condition.OVER_QUOTA, "Annotations take too much")
    _write(txn, home, box, after)
    txn.tell(Annotated(account, _folder(box), tuple(sorted(changed)), source))


def copy(txn: Txn, home: Home, source: Box, target: Box) -> None:
    """RENAME of INBOX: both have them afterwards.  RFC 5464 §4.1"""
    values = annotations.all_of(txn.db, home.id, source.id)
    if values:
        annotations.replace(txn.db, home.id, target.id, values)
        _write(txn, home, target, values)
        txn.tell(Annotated(home.name, _folder(target), tuple(values), None))


def _octets(values: Mapping[str, bytes]) -> int:
    return sum(len(name) + len(value) for name, value in values.items())


def _folder(box: Box | None) -> Folder | None:
    return None if box is None else box.as_folder()


def _write(txn: Txn, home: Home, box: Box | None, values: Mapping[str, bytes]) -> None:
    name = maildir.ACCOUNT_ANNOTATIONS_TEXT if box is None else maildir.ANNOTATIONS_TEXT
    path = home.root if box is None else home.path(box)
    txn.write_text(f"{path}/{name}", foldertext.format_annotations(values))
