"""Expunged mail: kept out of sight for its time, brought back as it was, then removed for good."""

import os
from datetime import UTC, datetime

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.store.bins import Bin, bin_of, due, parse_bin
from mailstack.store.values import FlagMode, Usage
from tests.store.world import ALICE, BOB, World, picture, run

DAY = 86400.0
NOW = 1_800_000_000.0
DATE = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
ONE, TWO = b"From: x@y.test\r\nSubject: one\r\n\r\n1\r\n", b"Subject: =?utf-8?q?zw=C3=B6lf?=\r\n\r\n2\r\n"


class Time:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def made(tmp_path, keep=7 * DAY):
    time = Time()
    world = World(tmp_path, now=time, keep_expunged=keep)
    world.time = time
    return world


def kept(world, account=ALICE, **options):
    return run(world.store.kept(account, **options))


def bins(world):
    return sorted(path for path in world.maildir("mailstack-expunged").rglob("*") if path.is_file())


def test_what_was_expunged_comes_back_as_it_was(tmp_path):
    world = made(tmp_path)
    world.append("Sent", ONE, flags=("\\Seen", "\\Flagged", "$Forwarded"), date=DATE)
    world.append("Sent", TWO)
    sent = world.open("Sent")
    before = picture(sent)[1]
    run(sent.set_flags([1], FlagMode.ADD, ["\\Deleted"]))
    world.time.now += 5
    assert run(sent.expunge([1])) == (1,)
    assert world.account().usage() == Usage(1, len(TWO))
    (one,) = kept(world, described=True)
    assert (one.folder, one.uid, one.size, one.date, one.expunged) == ("Sent", 1, len(ONE), DATE.timestamp(), NOW + 5)
    assert (one.flags, one.sender, one.subject) == (("\\Flagged", "\\Seen", "$Forwarded"), "x@y.test", "one")
    assert run(world.store.bring_back(ALICE, [one])) == {"Sent": 1}
    assert picture(sent)[3] == before
    assert sent.columns.internal_date(3) == DATE
    assert kept(world) == []
    assert world.account().usage() == Usage(2, len(ONE) + len(TWO))
    assert run(world.store.check(ALICE, repair=False)).findings == ()


def test_nobody_sees_it_meanwhile(tmp_path):
    world = made(tmp_path)
    world.append("INBOX", ONE)
    names = [folder.name for folder in world.account().folders()]
    run(world.open().expunge([1]))
    world.reopen()
    assert [folder.name for folder in world.account().folders()] == names
    assert len(world.open()) == 0
    world.reopen(without_index=True)
    assert [folder.name for folder in world.account().folders()] == names
    assert [len(world.open(name)) for name in names] == [0] * len(names)
    assert len(kept(world)) == 1


def test_it_survives_the_loss_of_the_index(tmp_path):
    world = made(tmp_path)
    world.append("Archive", ONE, flags=("\\Answered", "word"))
    run(world.open("Archive").expunge([1]))
    world.reopen(without_index=True)
    (one,) = kept(world)
    assert run(world.store.bring_back(ALICE, [one])) == {"Archive": 1}
    ((flags, text),) = picture(world.open("Archive")).values()
    assert (flags, text) == (("\\Answered", "word"), ONE)


def test_a_deleted_mailbox_comes_back(tmp_path):
    world = made(tmp_path)
    run(world.account().create("Bills/2026"))
    uids = world.append("Bills/2026", ONE, TWO, flags=("paid",), date=DATE)
    run(world.open("Bills/2026").set_flags([uids[0]], FlagMode.ADD, ["\\Seen"]))
    run(world.account().delete("Bills/2026"))
    assert world.account().usage() == Usage()
    found = kept(world)
    assert [(each.folder, each.flags, each.expunged) for each in found] == [
        ("Bills/2026", ("\\Seen", "paid"), NOW),
        ("Bills/2026", ("paid",), NOW),
    ]
    assert run(world.store.bring_back(ALICE, found)) == {"Bills/2026": 2}
    assert [text for _, text in picture(world.open("Bills/2026")).values()] == [ONE, TWO]
    assert kept(world) == []


def test_a_mailbox_that_was_renamed_gets_its_mail_back(tmp_path):
    world = made(tmp_path)
    world.append("Sent", ONE)
    run(world.open("Sent").expunge([1]))
    run(world.account().rename("Sent", "Outgoing"))
    assert run(world.store.bring_back(ALICE, kept(world))) == {"Outgoing": 1}


def test_into_another_mailbox(tmp_path):
    world = made(tmp_path)
    world.append("INBOX", ONE)
    run(world.open().expunge([1]))
    assert run(world.store.bring_back(ALICE, kept(world), "Found/Again")) == {"Found/Again": 1}
    assert len(world.open("Found/Again")) == 1


def test_a_move_by_copying_doubles_nothing(tmp_path):
    world = made(tmp_path)
    world.append("INBOX", ONE, TWO)
    inbox = world.open()
    run(inbox.copy([1], "Archive"))
    run(inbox.expunge([1, 2]))
    assert [(each.uid, each.elsewhere) for each in kept(world)] == [(1, True), (2, False)]
    inode = (world.maildir(".Archive") / "cur" / world.files(".Archive")[0]).stat().st_ino
    assert inode in [path.stat().st_ino for path in bins(world)], "it takes no room"
    run(world.open("Archive").expunge([1]))
    assert [each.elsewhere for each in kept(world)] == [False, False, False]


def test_moving_keeps_nothing(tmp_path):
    world = made(tmp_path)
    world.append("INBOX", ONE)
    run(world.open().move([1], "Archive"))
    assert kept(world) == []


def test_switched_off(tmp_path):
    world = made(tmp_path, keep=0)
    world.append("INBOX", ONE)
    world.append("Archive", ONE)
    run(world.open().expunge([1]))
    run(world.account().delete("Archive"))
    assert kept(world) == []
    assert not world.maildir("mailstack-expunged").exists()


def test_for_good(tmp_path):
    world = made(tmp_path)
    world.append("INBOX", ONE, TWO)
    world.append("Archive", ONE)
    run(world.open().expunge([1], for_good=True))
    run(world.account().delete("Archive", for_good=True))
    assert kept(world) == []
    run(world.open().expunge([2]))
    run(world.store.forget_kept(ALICE))
    assert kept(world) == []


def test_its_time_is_over(tmp_path):
    world = made(tmp_path)
    world.append("INBOX", *[ONE] * 5)
    world.append("Archive", ONE)
    run(world.open().expunge([1, 2]))
    run(world.account().delete("Archive"))
    world.time.now += 3 * DAY
    run(world.open().expunge([3]))
    world.time.now = NOW + 7 * DAY - 1
    assert run(world.store.sweep()) == 0
    assert len(kept(world)) == 4
    world.time.now = NOW + 8 * DAY
    assert run(world.store.sweep()) == 3
    assert [each.uid for each in kept(world)] == [3]
    world.time.now = NOW + 11 * DAY
    assert run(world.store.sweep()) == 1
    assert not world.maildir("mailstack-expunged").exists()
    assert len(world.open()) == 2


def test_a_sweep_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("mailstack.store.undelete.REMOVED_AT_ONCE", 3)
    world = made(tmp_path)
    world.append("INBOX", *[ONE] * 5)
    world.append("INBOX", *[ONE] * 2, account=BOB)
    run(world.open().expunge([1, 2, 3, 4, 5]))
    run(world.open(account=BOB).expunge([1, 2]))
    world.time.now += 9 * DAY
    assert [run(world.store.sweep()) for _ in range(4)] == [3, 3, 1, 0]


def test_what_went_just_now_is_left_out(tmp_path):
    world = made(tmp_path)
    world.append("INBOX", ONE, TWO)
    run(world.open().expunge([1, 2]))
    found = kept(world)
    os.unlink(found[0].path)  # noqa: PTH108
    assert run(world.store.bring_back(ALICE, found)) == {"INBOX": 1}
    assert run(world.store.check(ALICE, repair=False)).findings == ()


def test_a_crash_between_expunge_and_the_bin(tmp_path):
    """The chore had not run: the next look at the folder does its work."""
    world = made(tmp_path)
    world.append("INBOX", ONE, flags=("\\Seen",))
    run_without_chores(world, lambda: run(world.open().expunge([1])))
    assert len(world.files()) == 1
    world.crash()
    assert len(world.open()) == 0
    (one,) = kept(world)
    assert one.flags == ("\\Seen",)
    assert world.files() == []


def run_without_chores(world, work):
    batches = world.store.opened.committer._batches
    type(batches).has_chores, former = property(lambda _: False), type(batches).has_chores
    try:
        work()
    finally:
        type(batches).has_chores = former


def test_an_account_without_mail(tmp_path):
    with pytest.raises(MailError) as told:
        kept(made(tmp_path), "nobody@demo.test")
    assert told.value.condition is Condition.NO_SUCH_USER


@pytest.mark.parametrize(
    "what", [Bin(7, "INBOX", ()), Bin(1, "Ä b/c", ("x", "", "$y")), Bin(3, "name deleted", ("deleted",), 1_800_000_000)]
)
def test_the_text_of_a_bin(what):
    text = what.text()
    read = parse_bin(text)
    assert (read.mailbox, read.name, read.seconds) == (what.mailbox, what.name, what.seconds)
    assert [name for name in read.keywords if name] == [name for name in what.keywords if name]
    assert bin_of(what, NOW).startswith("20270115-")


def test_only_bins_of_ours_are_ever_due():
    assert due("20200101-1-ab", NOW, 0)
    assert not due("20270115-1-ab", NOW, 0)
    assert not due("notes", NOW, 0)
