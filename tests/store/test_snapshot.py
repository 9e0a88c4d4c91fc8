"""Mailboxes read from a packed snapshot and the rows changed since: always what all rows say."""

import random

import pytest

from mailstack.store import snapshot
from mailstack.store.columns import MailColumns
from mailstack.store.index import messages, snapshots, tombstones
from mailstack.store.values import FlagMode
from tests.store.world import World, picture, run


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(snapshot, "FROM_MESSAGES", 3)
    monkeypatch.setattr(snapshot, "KEPT_TOMBSTONES", 4)


def texts(count, start=0):
    return [b"%d\r\n" % number for number in range(start, start + count)]


def rows_of(mailbox):
    columns = mailbox.columns
    return [
        (uid, columns.modseq(uid), columns.flags(uid), columns.size(uid), columns.internal_date(uid))
        for uid in columns.uids
    ], columns.counts(1)


def from_rows(world, mailbox):
    """The same without any snapshot."""
    columns = MailColumns((), mailbox.columns.keywords)
    columns.append_many(world.store.opened.memory.read(lambda db: messages.columns_of(db, mailbox.folder.id)))
    mailbox.columns = columns
    return rows_of(mailbox)


def stored(world, mailbox):
    return world.store.opened.memory.read(lambda db: snapshots.get(db, mailbox.folder.id))


@pytest.mark.parametrize("seed", range(8))
def test_any_changes_between_snapshot_and_open(tmp_path, seed):
    pick = random.Random(seed)
    world = World(tmp_path)
    world.append("INBOX", *texts(12), flags=("\\Seen", "word"))
    for round_ in range(6):
        mailbox = world.open()
        uids = [uid for uid in mailbox.columns.uids if pick.random() < 0.3]
        run(mailbox.set_flags(uids, pick.choice(list(FlagMode)), [pick.choice(["\\Seen", "\\Deleted", "new"])]))
        run(mailbox.expunge(uid for uid in uids if pick.random() < 0.4))
        world.append("INBOX", *texts(pick.randint(0, 3), 100 * round_))
        expected = picture(mailbox), rows_of(mailbox)
        (world.reopen if pick.random() < 0.5 else world.crash)()
        mailbox = world.open()
        assert (picture(mailbox), rows_of(mailbox)) == expected
        assert from_rows(world, mailbox) == expected[1]
        assert stored(world, mailbox) is not None
    world.close()


def test_what_does_not_fit_is_left_aside(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", *texts(5))
    mailbox = world.open()
    world.reopen()
    mailbox = world.open()
    before, (modseq, blob) = rows_of(mailbox), stored(world, mailbox)
    for bad in ((modseq, b""), (modseq, blob[:-1]), (modseq, b"x" + blob[1:]), (modseq + 99, blob)):
        world.store.ledger.write(lambda db, bad=bad: snapshots.put(db, mailbox.folder.id, *bad))
        world.reopen()
        assert rows_of(world.open()) == before
    world.close()


def test_old_tombstones_are_forgotten_and_clients_told_so(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", *texts(20))
    mailbox = world.open()
    started = mailbox.highest_modseq
    for uid in range(1, 11):
        run(mailbox.expunge([uid]))
    recent = mailbox.highest_modseq - 2
    assert list(mailbox.expunged_since(started)) == list(range(1, 11))
    world.reopen()
    mailbox = world.open()
    assert mailbox.expunged_since(started) is None
    assert list(mailbox.expunged_since(recent)) == [9, 10]
    left = world.store.opened.memory.read(lambda db: tombstones.since(db, mailbox.folder.id, recent - 1))
    assert left == [8, 9, 10]
    world.close()


def test_a_deleted_mailbox_leaves_none_for_its_successor(tmp_path):
    world = World(tmp_path)
    world.append("Sent", *texts(5))
    world.open("Sent")
    world.reopen()
    old = world.open("Sent")
    assert stored(world, old) is not None
    run(world.account().delete("Sent"))
    assert stored(world, old) is None
    world.close()
