"""One mailbox's rows made anew from the names of its files, as if the index had been lost.  The writer's thread.

UIDs, UIDVALIDITY, flags and keywords stay.  Modseqs begin above all there were, so clients ask for all flags once;
sessions that have the mailbox open are told to select it again.
"""

from contextlib import suppress

from mailstack.store import foldertext, maildir
from mailstack.store.effects import Remade
from mailstack.store.flags import merged
from mailstack.store.foldering import Home, is_maildir
from mailstack.store.index import annotations, mailboxes, messages, snapshots, tombstones, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.reconcile import reconcile
from mailstack.store.txn import Txn

__all__ = ["rebuild"]


def rebuild(txn: Txn, home: Home, box: Box) -> int:
    """How many messages it has then."""
    if not is_maildir(home.path(box)):
        return 0
    txn.site.stamps.doubt(txn.db, box.id)
    reconcile(txn, home, box)  # while tombstones and former letters are known
    _write_flags(txn, home, box)
    usage.take_off(txn.db, box.account, *messages.sum_of(txn.db, box.id))
    messages.remove_all(txn.db, box.id)
    tombstones.remove_all(txn.db, box.id)
    snapshots.remove(txn.db, box.id)
    txn.site.stamps.forget(txn.db, box.id)
    text = foldertext.parse_folder(foldertext.read(f"{home.path(box)}/{maildir.FOLDER_TEXT}") or "")
    notes = foldertext.parse_annotations(foldertext.read(f"{home.path(box)}/{maildir.ANNOTATIONS_TEXT}") or "")
    annotations.replace(txn.db, box.account, box.id, notes)
    box.uidnext = max(box.uidnext, text.uids_below)
    box.modseq = max(box.modseq + 1, int(txn.site.now()))
    mailboxes.save(txn.db, box)
    tombstones.forgotten(txn.db, box.id, box.modseq)
    txn.tell(Remade(box.id))
    reconcile(txn, home, box)
    return messages.sum_of(txn.db, box.id)[0]


def _write_flags(txn: Txn, home: Home, box: Box) -> None:
    """Into the names of files, from which they are read again."""
    path = f"{home.path(box)}/cur"
    with txn.touching(box, home.path(box)):
        for row in messages.all_of(txn.db, box.id):
            if (letters := merged(row.flags, row.disk)) != row.disk:
                with suppress(FileNotFoundError):
                    old, new = maildir.file_name(row.base, row.disk), maildir.file_name(row.base, letters)
                    txn.rename(f"{path}/{old}", f"{path}/{new}")
