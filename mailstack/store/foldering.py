"""Folders: an account's Maildir at first use, mailboxes made, deleted, renamed, subscribed.  The writer's thread.

The folder on the disk is what a mailbox *is*; its row is found again from it.  A
mailbox's path changes in the same transaction as its row, and back if that fails.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.store import foldertext, maildir
from mailstack.store.bins import BIN_TEXT, BINS, Bin, deleted_bin
from mailstack.store.chores import Outcome
from mailstack.store.effects import AccountRead, Created, Deleted, Renamed, Subscribed
from mailstack.store.flags import merged
from mailstack.store.foldertext import FolderText
from mailstack.store.index import (
    accounts,
    annotations,
    mailboxes,
    messages,
    snapshots,
    subscriptions,
    tombstones,
    usage,
)
from mailstack.store.index.mailboxes import Box
from mailstack.store.txn import Txn
from mailstack.store.uidvalidity import keep_uidvalidity, next_uidvalidity
from mailstack.store.values import DEFAULT_FOLDERS, INBOX, SEPARATOR, Folder, MailboxId, SpecialUse

__all__ = [
    "Home",
    "adopt_folders",
    "create",
    "delete",
    "ensure_home",
    "is_maildir",
    "known_account",
    "make_mailbox",
    "read_account",
    "rename",
    "stamp_of",
    "subscribe",
    "unsubscribe",
]

MAX_MAILBOXES = 10_000


@dataclass(frozen=True, slots=True)
class Home:
    """An account as the writer sees it: row, name, and where its Maildir is."""

    id: int
    name: str
    root: str

    def path(self, box: Box) -> str:
        return self.folder_path(box.folder)

    def folder_path(self, folder: str) -> str:
        return f"{self.root}/{folder}" if folder else self.root


# --- an account at first use ---------------------------------------------------------------------------


def ensure_home(txn: Txn, account: str) -> Home:
    """The account's home; made, or found on the disk, when the index does not know it.  MailError(NO_SUCH_USER)"""
    root = txn.site.account_path(account)
    known = accounts.find(txn.db, account)
    home = Home(known or accounts.insert(txn.db, account), account, root)
    if known is None or stamp_of(root) == 0:
        _make_home(txn, home)
    return home


def _make_home(txn: Txn, home: Home) -> None:
    _make_above(txn, home.root)
    is_ours = foldertext.read(f"{home.root}/{maildir.FOLDER_TEXT}") is not None
    make_maildir(txn, home.root)
    adopt_folders(txn, home)
    for name in foldertext.parse_names(foldertext.read(f"{home.root}/{maildir.SUBSCRIPTIONS_TEXT}") or ""):
        subscriptions.insert(txn.db, home.id, name)
    _read_annotations(txn, home, 0, f"{home.root}/{maildir.ACCOUNT_ANNOTATIONS_TEXT}")
    if not is_ours:
        _make_default_folders(txn, home)


def _read_annotations(txn: Txn, home: Home, mailbox: int, path: str) -> None:
    annotations.replace(txn.db, home.id, mailbox, foldertext.parse_annotations(foldertext.read(path) or ""))


def _make_above(txn: Txn, root: str) -> None:
    """The domain's folder and the account's: not deep, so no more than these two."""
    domain = root.rpartition("/")[0]
    txn.make_folder(domain)
    txn.make_folder(root)


def make_maildir(txn: Txn, path: str) -> None:
    txn.make_folder(path)
    for part in ("tmp", "new", "cur"):
        txn.make_folder(f"{path}/{part}")


def _make_default_folders(txn: Txn, home: Home) -> None:
    for name, use in DEFAULT_FOLDERS:
        if mailboxes.by_name(txn.db, home.id, name) is None:
            make_mailbox(txn, home, name, use)
        subscriptions.insert(txn.db, home.id, name)
    subscriptions.insert(txn.db, home.id, INBOX)
    _write_subscriptions(txn, home)


def adopt_folders(txn: Txn, home: Home) -> list[Box]:
    """Rows brought to what the disk has: folders that were renamed, went, or came (all, when the index was lost)."""
    boxes = {box.folder: box for box in mailboxes.of_account(txn.db, home.id)}
    on_disk = dict(_mailbox_folders(home.root))
    missing = {box.id: boxes.pop(folder) for folder, box in list(boxes.items()) if folder not in on_disk}
    names = {box.name for box in boxes.values()}
    new = {folder: name for folder, name in sorted(on_disk.items()) if folder not in boxes and name not in names}
    renamed = {folder: box for folder in new if missing and (box := _known_as(home, folder, missing))}
    for box in missing.values():
        if box not in renamed.values() or box.name in new.values():
            _forget(txn, home, box)
            renamed = {folder: each for folder, each in renamed.items() if each is not box}
    for folder, name in new.items():
        if name not in names:
            box = renamed.get(folder)
            boxes[folder] = _adopt(txn, home, folder, name) if box is None else _follow(txn, home, box, folder, name)
            names.add(name)
    return list(boxes.values())


def _known_as(home: Home, folder: str, missing: Mapping[MailboxId, Box]) -> Box | None:
    """The mailbox that this folder was: another program has renamed it, or we have, and the power went."""
    text = _text_of(home, folder)
    box = missing.get(MailboxId(text.mailbox_id))
    return box if box is not None and box.uidvalidity == text.uidvalidity else None


def _follow(txn: Txn, home: Home, box: Box, folder: str, name: str) -> Box:
    """Its messages, and what the disk does not know yet of them, stay what they are."""
    old_name, box.name, box.folder = box.name, name, folder
    mailboxes.save(txn.db, box)
    txn.tell(Renamed(home.name, old_name, _folder(txn, home, box), home.path(box)))
    return box


def _text_of(home: Home, folder: str) -> FolderText:
    return foldertext.parse_folder(foldertext.read(f"{home.folder_path(folder)}/{maildir.FOLDER_TEXT}") or "")


def _mailbox_folders(root: str) -> Iterable[tuple[str, str]]:
    """(folder, mailbox's name) for everything that is a Maildir below the account's."""
    yield "", INBOX
    for entry in Path(root).iterdir():
        name = maildir.mailbox_of(entry.name)
        if name is not None and (entry / "cur").is_dir():
            yield entry.name, name


def _adopt(txn: Txn, home: Home, folder: str, name: str) -> Box:
    """A row from the folder's text file; what that does not tell is new."""
    path = home.folder_path(folder)
    make_maildir(txn, path)
    text = _text_of(home, folder)
    box = _new_box(txn, home, folder, name, text)
    if text.uidvalidity:  # the lost index had given lower modseqs than the time: clients ask for everything again
        box.modseq = int(txn.site.now())
    _keep(txn, home, box)
    _read_annotations(txn, home, box.id, f"{path}/{maildir.ANNOTATIONS_TEXT}")
    if text.uidvalidity:
        tombstones.forgotten(txn.db, box.id, box.modseq)
    return box


def _new_box(txn: Txn, home: Home, folder: str, name: str, text: FolderText) -> Box:
    known_id = text.mailbox_id if text.mailbox_id and mailboxes.id_is_free(txn.db, text.mailbox_id) else 0
    is_known = bool(text.uidvalidity and text.uids_below)
    uidvalidity = text.uidvalidity if is_known else next_uidvalidity(txn)
    keep_uidvalidity(txn, uidvalidity)
    return Box(
        id=MailboxId(known_id),
        account=home.id,
        name=name,
        folder=folder,
        uidvalidity=uidvalidity,
        uidnext=text.uids_below if is_known else 1,
        reserved=text.uids_below if is_known else 1,
        modseq=1,
        recent=1,
        special_use=text.special_use,
        keywords=text.keywords,
    )


def _keep(txn: Txn, home: Home, box: Box) -> None:
    """Insert the row, then write the text file, which has the row's id in it."""
    mailboxes.insert(txn.db, box)
    text = FolderText(box.uidvalidity, box.reserved, box.id, box.special_use, box.keywords)
    txn.write_text(f"{home.path(box)}/{maildir.FOLDER_TEXT}", foldertext.format_folder(text))
    txn.tell(Created(home.name, _folder(txn, home, box)))


def _folder(txn: Txn, home: Home, box: Box) -> Folder:
    return box.as_folder(subscribed=box.name in subscriptions.all_of(txn.db, home.id))


def stamp_of(root: str) -> int:
    """Changes when a folder below comes or goes; 0 for a Maildir that is not there."""
    try:
        return os.stat(root).st_mtime_ns  # noqa: PTH116
    except FileNotFoundError:
        return 0


def is_maildir(path: str) -> bool:
    return stamp_of(f"{path}/cur") != 0


def read_account(txn: Txn, account: str) -> AccountRead:
    """Look at the account's folders on the disk, and tell all there is."""
    home = ensure_home(txn, account)
    stamp = stamp_of(home.root)
    adopt_folders(txn, home)
    return _told(txn.db, home.id, account, stamp)


def known_account(db: Any, account: str) -> AccountRead:
    """What the rows tell, without a look.  MailError(UNAVAILABLE) when they do not know it."""
    known = accounts.find(db, account)
    if known is None:
        raise MailError(Condition.UNAVAILABLE, "Storage does not work just now", detail=f"{account}: never seen")
    return _told(db, known, account, 0)


def _told(db: Any, number: int, account: str, stamp: int) -> AccountRead:
    subscribed = subscriptions.all_of(db, number)
    folders = [box.as_folder(subscribed=box.name in subscribed) for box in mailboxes.of_account(db, number)]
    return AccountRead(number, account, stamp, folders, subscribed)


# --- mailboxes -----------------------------------------------------------------------------------------


def create(txn: Txn, account: str, name: str, special_use: SpecialUse | None) -> Folder:
    """With the mailboxes above it that are missing: Outlook files mail into \\NoSelect parents, and loses it."""
    home = ensure_home(txn, account)
    name = maildir.checked(name)
    boxes = mailboxes.of_account(txn.db, home.id)
    if any(box.name == name for box in boxes):
        raise MailError(Condition.MAILBOX_EXISTS, "Mailbox exists already")
    if special_use is not None and any(box.special_use is special_use for box in boxes):
        raise MailError(Condition.NOT_ALLOWED, "Another mailbox has that special use")
    if len(boxes) >= MAX_MAILBOXES:
        raise MailError(Condition.LIMIT, f"No more than {MAX_MAILBOXES} mailboxes")
    _make_parents(txn, home, name)
    return _folder(txn, home, make_mailbox(txn, home, name, special_use))


def _make_parents(txn: Txn, home: Home, name: str) -> None:
    for parent in maildir.parents(name):
        if mailboxes.by_name(txn.db, home.id, parent) is None:
            make_mailbox(txn, home, parent, None)


def make_mailbox(txn: Txn, home: Home, name: str, special_use: SpecialUse | None) -> Box:
    folder = maildir.folder_of(name)
    path = home.folder_path(folder)
    make_maildir(txn, path)
    txn.write_text(f"{path}/maildirfolder", "")  # Maildir++: this is a folder, not an account
    box = _new_box(txn, home, folder, name, FolderText(special_use=special_use))
    _keep(txn, home, box)
    return box


def delete(txn: Txn, account: str, name: str, *, for_good: bool = False) -> None:
    """The mailbox and its mail; what is below it stays.  `for_good`: nobody can bring it back."""
    home = ensure_home(txn, account)
    box = _existing(txn, home, name)
    if box.name == INBOX:
        raise MailError(Condition.NOT_ALLOWED, "INBOX cannot be deleted")
    if txn.site.keep_seconds and not for_good:
        _keep_folder(txn, home, box)
    else:
        trash = f"{home.root}/tmp/deleted-{box.uidvalidity}"  # noqa: S108  the Maildir's own; nobody looks there
        txn.rename_folder(home.path(box), trash)
        txn.later(_Clear(trash))
    _forget(txn, home, box)


def _keep_folder(txn: Txn, home: Home, box: Box) -> None:
    """Whole, with the flags in the names as they are by now."""
    path = home.path(box)
    for row in messages.all_of(txn.db, box.id):
        if (letters := merged(row.flags, row.disk)) != row.disk:
            with suppress(FileNotFoundError):
                old, new = maildir.file_name(row.base, row.disk), maildir.file_name(row.base, letters)
                txn.rename(f"{path}/cur/{old}", f"{path}/cur/{new}")
    what = Bin(box.id, box.name, box.keywords, int(txn.site.now()))
    txn.write_text(f"{path}/{BIN_TEXT}", what.text())
    txn.make_folder(f"{home.root}/{BINS}")
    txn.rename_folder(path, f"{home.root}/{BINS}/{deleted_bin(what, box.uidvalidity)}")


def _existing(txn: Txn, home: Home, name: str) -> Box:
    box = mailboxes.by_name(txn.db, home.id, maildir.normal(name))
    if box is None:
        raise MailError(Condition.NO_SUCH_MAILBOX, "No such mailbox")
    return box


def _forget(txn: Txn, home: Home, box: Box) -> None:
    folder = _folder(txn, home, box)
    mailboxes.remove(txn.db, box.id)
    usage.take_off(txn.db, box.account, *messages.sum_of(txn.db, box.id))
    messages.remove_all(txn.db, box.id)
    tombstones.remove_all(txn.db, box.id)
    snapshots.remove(txn.db, box.id)
    annotations.remove_all(txn.db, box.account, box.id)
    txn.site.stamps.forget(txn.db, box.id)
    txn.tell(Deleted(home.name, folder))


@dataclass(frozen=True, slots=True)
class _Clear:
    """Chore: a deleted mailbox's files."""

    path: str

    @property
    def key(self) -> str:
        return self.path

    @property
    def group(self) -> str:
        return self.path

    def run(self, connection: Any, chores: Sequence[Any]) -> Outcome:  # noqa: ARG002  no row knows it any more
        files.remove_tree(self.path)
        return Outcome()

    def failed(self, connection: Any) -> None:
        """It lies in `tmp`, where old files may be removed by anybody."""


def rename(txn: Txn, account: str, old_name: str, new_name: str) -> None:
    """Not for the INBOX.  What is below goes along.  UIDVALIDITY stays: no other mailbox ever has the same."""
    home = ensure_home(txn, account)
    new_name = maildir.checked(new_name)
    box = _existing(txn, home, old_name)
    below = box.name + SEPARATOR
    if new_name == box.name or new_name.startswith(below):
        raise MailError(Condition.NOT_ALLOWED, "A mailbox cannot go below itself")
    boxes = {each.name: each for each in mailboxes.of_account(txn.db, home.id)}
    moves = {
        each: new_name + each.removeprefix(box.name) for each in boxes if each == box.name or each.startswith(below)
    }
    if any(target in boxes for target in moves.values()):
        raise MailError(Condition.MAILBOX_EXISTS, "Mailbox exists already")
    _make_parents(txn, home, new_name)
    for source, target in moves.items():
        _rename_one(txn, home, boxes[source], maildir.checked(target))


def _rename_one(txn: Txn, home: Home, box: Box, name: str) -> None:
    old_name, old_path = box.name, home.path(box)
    box.name, box.folder = name, maildir.folder_of(name)
    if old_path != home.path(box):
        txn.rename_folder(old_path, home.path(box))
    mailboxes.save(txn.db, box)
    txn.tell(Renamed(home.name, old_name, _folder(txn, home, box), home.path(box)))


# --- subscriptions -------------------------------------------------------------------------------------


def subscribe(txn: Txn, account: str, name: str) -> None:
    """Names that do not exist too (RFC 9051 §6.3.7), but not such as could never."""
    home = ensure_home(txn, account)
    name = maildir.checked(name)
    if subscriptions.insert(txn.db, home.id, name):
        _write_subscriptions(txn, home)
        txn.tell(Subscribed(account, name, subscribed=True))


def unsubscribe(txn: Txn, account: str, name: str) -> None:
    home = ensure_home(txn, account)
    name = maildir.normal(name)
    if subscriptions.remove(txn.db, home.id, name):
        _write_subscriptions(txn, home)
        txn.tell(Subscribed(account, name, subscribed=False))


def _write_subscriptions(txn: Txn, home: Home) -> None:
    names = subscriptions.all_of(txn.db, home.id)
    txn.write_text(f"{home.root}/{maildir.SUBSCRIPTIONS_TEXT}", foldertext.format_names(names))
