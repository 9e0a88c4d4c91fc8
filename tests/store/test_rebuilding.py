"""Rows made anew from files, and doubtful files brought to light."""

import os

from mailstack.store.values import FlagMode, MailboxInvalidated
from tests.store.world import ALICE, BOB, World, picture, run

ONE, TWO = b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n"
OURS = "1700000000.M000001P77Q5.host"


def filled(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", ONE, TWO, ONE, flags=("\\Seen", "word"))
    world.append("Archive", TWO)
    inbox = world.open()
    run(inbox.expunge([2]))
    run(inbox.set_flags([3], FlagMode.ADD, ["\\Flagged", "other"]))
    inbox.release()
    return world


def test_everything_is_as_before(tmp_path):
    world = filled(tmp_path)
    inbox = world.open()
    before, uidvalidity, modseq = picture(inbox), inbox.folder.uidvalidity, inbox.highest_modseq
    inbox.release()
    assert run(world.store.rebuild(ALICE)) == 3
    inbox = world.open()
    assert picture(inbox) == before
    assert inbox.folder.uidvalidity == uidvalidity
    assert inbox.highest_modseq > modseq
    assert inbox.expunged_since(modseq) is None, "nobody remembers what was expunged"
    assert world.append("INBOX", ONE) > (3,)
    assert run(world.store.check(ALICE, repair=False)).findings == ()


def test_damaged_rows_are_gone(tmp_path):
    world = filled(tmp_path)
    inbox = world.open()
    before, dates = picture(inbox), [inbox.columns.internal_date(uid) for uid in inbox.columns.uids]
    world.store.ledger.write(lambda db: db.execute("UPDATE message SET size = 1, date = 1"))
    world.reopen()
    run(world.store.rebuild(ALICE))
    inbox = world.open()
    assert picture(inbox) == before
    assert [inbox.columns.internal_date(uid) for uid in inbox.columns.uids] == dates
    assert run(world.store.check(ALICE, repair=False)).findings == ()


def test_sessions_hear_of_it(tmp_path):
    world = filled(tmp_path)
    inbox, changes = world.open(), []
    inbox.watch(changes.append)
    run(world.store.rebuild(ALICE))
    assert [type(each) for each in changes] == [MailboxInvalidated]
    assert world.open() is not inbox


def test_accounts_that_the_index_has_lost(tmp_path):
    world = filled(tmp_path)
    world.append("INBOX", ONE, account=BOB)
    world.reopen(without_index=True)
    assert list(world.store.accounts()) == []
    assert list(run(world.store.accounts_on_disk())) == [ALICE, BOB]
    assert [run(world.store.rebuild(name)) for name in (ALICE, BOB)] == [3, 1]


def test_what_was_set_aside_comes_to_light(tmp_path):
    world = filled(tmp_path)
    place = world.maildir(".Archive") / "tmp" / OURS
    place.write_bytes(b"Subject: half a let")
    os.utime(place, (1_600_000_000, 1_600_000_000))
    told = run(world.store.check(ALICE, repair=False))
    assert told.findings == (("Archive", f"a file is set aside in tmp: {OURS}"),)
    assert not told.whole
    told = run(world.store.check(ALICE, repair=True))
    assert told.findings == (("Archive", f"mended: a file is set aside in tmp: {OURS}: now in lost+found"),)
    assert told.whole
    found = world.open("lost+found")
    assert [text for _, text in picture(found).values()] == [b"Subject: half a let"]
    assert found.columns.internal_date(1).timestamp() == 1_600_000_000
    assert "lost+found" in world.account().subscriptions()
    assert run(world.store.check(ALICE, repair=False)).findings == ()


def test_what_others_write_just_now_is_left_alone(tmp_path):
    later = [0.0]
    import time

    world = World(tmp_path, now=lambda: time.time() + later[0])
    world.append("INBOX", ONE)
    (world.maildir() / "tmp" / "1700000000.delivering.host").write_bytes(b"Subject: n")
    (world.maildir() / "tmp" / "empty").touch()
    assert run(world.store.check(ALICE, repair=True)).findings == ()
    later[0] = 37 * 3600
    told = run(world.store.check(ALICE, repair=True))
    assert [name for name, _ in told.findings] == ["INBOX"]
    assert len(world.open("lost+found")) == 1


def test_a_message_that_was_cut_short_is_never_removed(tmp_path):
    """Its file goes to tmp when the index is made again, and from there to lost+found."""
    world = filled(tmp_path)
    name = world.files(".Archive")[0]
    (world.maildir(".Archive") / "cur" / name).write_bytes(TWO[:9])
    run(world.store.rebuild(ALICE))
    run(world.store.check(ALICE, repair=True))
    everywhere = [
        text
        for folder in world.account().folders()
        for _, text in picture(run(world.account().open(folder.name))).values()
    ]
    assert TWO[:9] in everywhere
