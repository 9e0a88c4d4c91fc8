"""Messages come in: delivered, appended, copied, moved.  Functions of the writer's thread over a `Txn`.

A UID is given in the transaction that inserts its row, and the file gets its final
name with that UID at once; the row is durable only after the file is.  A crash
between the two leaves a file that no row names: reconcile files it again (a message
too many, never one too few), or sets it aside when it is not whole.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mailstack.base.errors import Condition, MailError
from mailstack.store import annotating, foldertext, maildir
from mailstack.store.effects import Added, Removed
from mailstack.store.flags import bits_of, merged, names_of, used_slots, with_keywords
from mailstack.store.foldering import Home, adopt_folders, create, ensure_home, is_maildir
from mailstack.store.index import mailboxes, messages, tombstones, usage
from mailstack.store.index.mailboxes import Box
from mailstack.store.index.messages import Row
from mailstack.store.quota import expect_room
from mailstack.store.txn import Txn
from mailstack.store.values import INBOX, Appended, Copied, Filed, Incoming, Staged

__all__ = [
    "append",
    "box_named",
    "copy",
    "deliver",
    "give_keywords",
    "move",
    "rename_inbox",
    "reserve",
    "take_uid",
    "write_box_text",
]

RESERVED_AHEAD = 100  # UIDs that one writing of the folder's text file covers
MAX_UID = (1 << 32) - 1


# --- whole jobs ----------------------------------------------------------------------------------------


def deliver(txn: Txn, deliveries: Sequence[tuple[Staged, Sequence[tuple[str, str]], bool]]) -> list[list[Filed]]:
    """Each message into each of its (account, mailbox), once each; a mailbox that is not there is the INBOX.

    What goes into one mailbox is added at once: the rows that many deliveries share are touched once.  The third
    of a delivery: whether it keeps to quotas.  MailError(OVER_QUOTA | OVER_QUOTA_NOW)
    """
    found: dict[tuple[str, str], int] = {}
    places: dict[int, tuple[Home, Box, list[Incoming], list[list[Filed]]]] = {}
    filed: list[list[Filed]] = []
    bounded: dict[int, list[int]] = {}
    for staged, recipients, keeps_to_quotas in deliveries:
        incoming = Incoming(staged)
        filed.append([])
        for recipient in recipients:
            if recipient not in found:
                found[recipient] = _find_place(txn, recipient, places)
        for mailbox in dict.fromkeys(found[recipient] for recipient in recipients):
            places[mailbox][2].append(incoming)
            places[mailbox][3].append(filed[-1])
            if keeps_to_quotas:
                bounded.setdefault(mailbox, []).append(staged.size)
    for home, box, messages_in, lists in places.values():
        if sizes := bounded.get(box.id):
            expect_room(txn, home, len(sizes), sum(sizes))
        for filed_there, uid in zip(lists, _add(txn, home, box, messages_in), strict=True):
            filed_there.append(Filed(home.name, box.name, uid))
    return filed


def _find_place(
    txn: Txn, recipient: tuple[str, str], places: dict[int, tuple[Home, Box, list[Incoming], list[list[Filed]]]]
) -> int:
    account, name = recipient
    home = ensure_home(txn, account)
    box = _box_or_inbox(txn, home, name)
    places.setdefault(box.id, (home, box, [], []))
    return box.id


def append(
    txn: Txn, account: str, name: str, incoming: Sequence[Incoming], *, instead_of: int | None = None
) -> Appended:
    """All or nothing.  `instead_of`: octets of a message that goes for it.

    MailError(NO_SUCH_MAILBOX | OVER_QUOTA | OVER_QUOTA_NOW)
    """
    home = ensure_home(txn, account)
    box = box_named(txn, home, name)
    octets = sum(each.staged.size for each in incoming)
    expect_room(txn, home, len(incoming) - (instead_of is not None), octets - (instead_of or 0))
    return Appended(box.id, box.uidvalidity, _add(txn, home, box, incoming))


def copy(txn: Txn, home: Home, mailbox: int, uids: Sequence[int], target_name: str) -> Copied:
    """Hard links under new names.  MailError(NO_SUCH_MAILBOX | OVER_QUOTA | OVER_QUOTA_NOW), of the target."""
    source = _box(txn, mailbox)
    target = _target(txn, home, source, target_name)
    rows = messages.some(txn.db, source.id, uids)
    expect_room(txn, home, len(rows), sum(row.size for row in rows))
    with txn.touching(target, home.path(target)):
        pairs = _bring(txn, home, source, target, rows, keep=True)
    return _copied(target, pairs)


def move(txn: Txn, home: Home, mailbox: int, uids: Sequence[int], target_name: str) -> Copied:
    """Renames, and tombstones in the source.  MailError(NO_SUCH_MAILBOX) for the target."""
    source = _box(txn, mailbox)
    target = _target(txn, home, source, target_name)
    rows = messages.some(txn.db, source.id, uids)
    with txn.touching(source, home.path(source)), txn.touching(target, home.path(target)):
        pairs = _bring(txn, home, source, target, rows, keep=False)
    gone = tuple(old.uid for old, _ in pairs)
    if gone:
        source.modseq += 1
        messages.delete(txn.db, source.id, gone)
        usage.take_off(txn.db, source.account, len(pairs), sum(old.size for old, _ in pairs))
        tombstones.insert(txn.db, source.id, source.modseq, [(uid, None) for uid in gone])
        mailboxes.save_counters(txn.db, source)
        txn.tell(Removed(replace(source), gone, source.modseq))
    return _copied(target, pairs)


# --- finding mailboxes ---------------------------------------------------------------------------------


def box_named(txn: Txn, home: Home, name: str) -> Box:
    """MailError(NO_SUCH_MAILBOX)"""
    box = mailboxes.by_name(txn.db, home.id, maildir.normal(name))
    if box is None:
        raise MailError(Condition.NO_SUCH_MAILBOX, "No such mailbox")
    return box


def _box_or_inbox(txn: Txn, home: Home, name: str) -> Box:
    """Also when somebody has just taken the mailbox's folder away."""
    box = mailboxes.by_name(txn.db, home.id, maildir.normal(name))
    if box is not None and not is_maildir(home.path(box)):
        adopt_folders(txn, home)
        box = mailboxes.by_name(txn.db, home.id, box.name)
    return box or box_named(txn, home, INBOX)


def _box(txn: Txn, mailbox: int) -> Box:
    """The mailbox that a session has open: it may have been deleted."""
    box = mailboxes.by_id(txn.db, mailbox)
    if box is None:
        raise MailError(Condition.NO_SUCH_MAILBOX, "Mailbox has been deleted")
    return box


def _target(txn: Txn, home: Home, source: Box, name: str) -> Box:
    """The same object when it is the same mailbox: it is changed in place."""
    target = box_named(txn, home, name)
    return source if target.id == source.id else target


# --- adding --------------------------------------------------------------------------------------------


def _add(txn: Txn, home: Home, box: Box, incoming: Sequence[Incoming]) -> tuple[int, ...]:
    give_keywords(txn, home, box, [flag for each in incoming for flag in each.flags])
    reserve(txn, home, box, len(incoming))
    box.modseq += 1
    with txn.touching(box, home.path(box)):
        rows = [_place(txn, home, box, each) for each in incoming]
    _insert(txn, box, rows)
    return tuple(row.uid for row in rows)


def _place(txn: Txn, home: Home, box: Box, incoming: Incoming) -> Row:
    uid = take_uid(box)
    flags = bits_of(incoming.flags, box.keywords)
    size = incoming.staged.size
    base, disk = maildir.make_base(txn.site.unique(), size, uid), merged(flags, "")
    path = f"{home.path(box)}/cur/{maildir.file_name(base, disk)}"
    date = _seconds(incoming.internal_date, txn.site.now())
    txn.place(incoming.staged, path)
    txn.set_time(path, date)
    return Row(uid, box.modseq, flags, size, date, base, disk)


def _seconds(date: datetime | None, now: float) -> int:
    return int(now if date is None else date.timestamp())


def _insert(txn: Txn, box: Box, rows: Sequence[Row]) -> None:
    messages.insert(txn.db, box.id, rows)
    usage.add(txn.db, box.account, rows)
    mailboxes.save_counters(txn.db, box)
    txn.tell(Added(replace(box), rows))


def take_uid(box: Box) -> int:
    uid = box.uidnext
    if uid > MAX_UID:
        raise MailError(Condition.LIMIT, "Mailbox has no UIDs left")
    box.uidnext += 1
    return uid


def reserve(txn: Txn, home: Home, box: Box, count: int) -> None:
    """The folder's text file covers the UIDs that come: they are never given again, even without the index."""
    if box.uidnext + count > box.reserved:
        box.reserved = box.uidnext + count + RESERVED_AHEAD
        write_box_text(txn, home, box)


def give_keywords(txn: Txn, home: Home, box: Box, names: Sequence[str]) -> None:
    """Every keyword among `names` has a letter afterwards.  MailError(LIMIT | NOT_ALLOWED)"""
    keywords = with_keywords(names, box.keywords, ())
    if keywords != box.keywords:
        if not set(box.keywords) <= set(keywords):  # one had to go: make sure that no message has it
            keywords = with_keywords(names, box.keywords, _slots_in_use(txn, box))
        box.keywords = keywords
        write_box_text(txn, home, box)


def _slots_in_use(txn: Txn, box: Box) -> set[int]:
    slots: set[int] = set()
    for flags, disk in messages.used_flags(txn.db, box.id):
        slots |= used_slots(flags) | {ord(letter) - ord("a") for letter in disk if letter.islower()}
    return slots


def write_box_text(txn: Txn, home: Home, box: Box) -> None:
    text = foldertext.FolderText(box.uidvalidity, box.reserved, box.id, box.special_use, box.keywords)
    txn.write_text(f"{home.path(box)}/{maildir.FOLDER_TEXT}", foldertext.format_folder(text))


# --- copying and moving --------------------------------------------------------------------------------


def _bring(txn: Txn, home: Home, source: Box, target: Box, rows: Sequence[Row], *, keep: bool) -> list[tuple[Row, Row]]:
    """(old, new) for every message whose file is still there."""
    names = {flag for row in rows for flag in names_of(row.flags, source.keywords)}
    give_keywords(txn, home, target, sorted(names))
    reserve(txn, home, target, len(rows))
    target.modseq += 1
    pairs = []
    flags = {bits: bits_of(names_of(bits, source.keywords), target.keywords) for bits in {row.flags for row in rows}}
    bring = txn.link if keep else txn.rename
    here, there = f"{home.path(source)}/cur/", f"{home.path(target)}/cur/"
    for row in rows:
        new = _renewed(txn, target, row, flags[row.flags])
        try:
            bring(here + maildir.file_name(row.base, row.disk), there + maildir.file_name(new.base, new.disk))
        except FileNotFoundError:
            continue  # somebody else removed or renamed it just now: the next look at the folder will tell
        take_uid(target)
        pairs.append((row, new))
    if pairs:
        _insert(txn, target, [new for _, new in pairs])
    return pairs


def _renewed(txn: Txn, target: Box, row: Row, flags: int) -> Row:
    """The row that a message is going to have in the target."""
    told = maildir.read_base(row.base)
    size = row.size if told.size is None else told.size
    base = maildir.make_base(txn.site.unique(), size, target.uidnext, told.crlf_size)
    return Row(target.uidnext, target.modseq, flags, row.size, row.date, base, merged(flags, row.disk))


def _copied(target: Box, pairs: Sequence[tuple[Row, Row]]) -> Copied:
    return Copied(target.uidvalidity, tuple(old.uid for old, _ in pairs), tuple(new.uid for _, new in pairs))


def rename_inbox(txn: Txn, account: str, _inbox: str, new_name: str) -> None:
    """RENAME INBOX: its messages go to a new mailbox, INBOX stays and is empty.  RFC 9051 §6.3.6"""
    home = ensure_home(txn, account)
    inbox = box_named(txn, home, INBOX)
    create(txn, account, new_name, None)
    uids = [row.uid for row in messages.all_of(txn.db, inbox.id)]
    move(txn, home, inbox.id, uids, new_name)
    annotating.copy(txn, home, inbox, box_named(txn, home, new_name))
