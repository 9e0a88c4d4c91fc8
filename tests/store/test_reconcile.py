"""Other programs work on the same folders."""

import os
import shutil

import pytest

from mailstack.base import events
from mailstack.base.errors import Condition, MailError
from mailstack.store import account, memory
from mailstack.store.values import FlagMode
from tests.store.world import ALICE, Mirror, World, body_of, picture, run

ONE = b"Subject: one\r\n\r\n1\r\n"
TWO = b"Subject: two\r\n\r\n2\r\n"
LF = b"Subject: lf\n\nbare\nlines\r\nand not\n"
CRLF = b"Subject: lf\r\n\r\nbare\r\nlines\r\nand not\r\n"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def told():
    seen = []

    def sink(event, fields):
        seen.append((event, fields))

    events.add_sink(sink)
    yield seen
    events.remove_sink(sink)


def test_lf_files_are_served_with_crlf(world):
    (world.maildir() / "new" / "1.a").parent.mkdir(parents=True, exist_ok=True)
    mailbox = world.open()
    (world.maildir() / "new" / "1.a").write_bytes(LF)
    run(mailbox.refresh())
    assert mailbox.columns.size(1) == len(CRLF)
    content = mailbox.content(1)
    assert [content.read(at, 5) for at in range(0, content.size, 5)] == [
        CRLF[at : at + 5] for at in range(0, len(CRLF), 5)
    ]
    content.close()
    assert world.files() == [f"1.a,S={len(LF)},W={len(CRLF)},U=1:2,"]
    run(mailbox.copy([1], "Sent"))
    assert body_of(world.open("Sent"), 1) == CRLF
    world.reopen(without_index=True)
    assert world.open().columns.size(1) == len(CRLF)


def test_cr_at_the_end_of_a_block_is_no_bare_lf(world):
    block = 1 << 20
    text = b"x" * (block - 1) + b"\r\n" + b"y" * (block - 1) + b"\n"
    mailbox = world.open()
    (world.maildir() / "cur" / "1.a:2,S").write_bytes(text)
    run(mailbox.refresh())
    assert body_of(mailbox, 1) == text[:-1] + b"\r\n"


def test_watchers_hear_of_new_mail_at_the_next_poll(world):
    mirror = Mirror(world.open())
    (world.maildir() / "new" / "1.a").write_bytes(ONE)
    assert mirror.changes == []
    run(world.store.poll())
    mirror.check()
    assert list(mirror.mailbox.columns.uids) == [1]


def test_they_come_in_the_order_of_their_times(world):
    mailbox = world.open()
    for name in ("1700000003.c", "1700000001.a", "1700000002.b"):
        (world.maildir() / "new" / name).write_bytes(name.encode())
    run(mailbox.refresh())
    assert [body_of(mailbox, uid)[-1:] for uid in mailbox.columns.uids] == [b"a", b"b", b"c"]


def test_internal_date_is_the_files(world):
    mailbox = world.open()
    path = world.maildir() / "new" / "1.a"
    path.write_bytes(ONE)
    os.utime(path, (1e9, 1e9))
    run(mailbox.refresh())
    assert mailbox.columns.internal_date(1).timestamp() == 1e9


def test_mail_copied_back_from_a_backup_is_new_mail(world):
    world.append("INBOX", ONE)
    (path,) = (world.maildir() / "cur").iterdir()
    octets = path.read_bytes()
    mirror = Mirror(world.open())
    run(mirror.mailbox.expunge([1]))
    path.write_bytes(octets)
    run(mirror.mailbox.refresh())
    mirror.check()
    assert picture(mirror.mailbox) == {2: ((), ONE)}


def test_a_copy_under_the_same_name_is_a_message_of_its_own(world):
    world.append("INBOX", ONE)
    mirror = Mirror(world.open())
    (path,) = (world.maildir() / "cur").iterdir()
    path.with_name(path.name + "F").write_bytes(ONE)
    run(mirror.mailbox.refresh())
    mirror.check()
    assert sorted(picture(mirror.mailbox).items()) in (
        [(1, ((), ONE)), (2, (("\\Flagged",), ONE))],
        [(1, (("\\Flagged",), ONE)), (2, ((), ONE))],
    )


def test_a_file_of_another_folder_gets_a_uid_of_this_one(world):
    world.append("Sent", ONE, ONE, ONE)
    world.append("INBOX", ONE)
    for path in (world.maildir(".Sent") / "cur").iterdir():
        (world.maildir() / "cur" / path.name).write_bytes(path.read_bytes())
    assert list(world.open().columns.uids) == [1, 2, 3, 4]


def test_mutt_marks_as_new_by_moving_to_new(world):
    world.append("INBOX", ONE, flags=("\\Flagged",))
    mirror = Mirror(world.open())
    (path,) = (world.maildir() / "cur").iterdir()
    path.rename(world.maildir() / "new" / path.name)
    run(mirror.mailbox.refresh())
    assert picture(mirror.mailbox) == {1: (("\\Flagged",), ONE)}
    assert not any(type(change).__name__ == "Expunged" for change in mirror.changes)


def test_their_change_and_ours_at_the_same_time(world):
    world.append("INBOX", ONE, flags=("\\Seen", "word"))
    mailbox = world.open()
    (path,) = (world.maildir() / "cur").iterdir()
    path.rename(path.with_name(path.name.replace(":2,Sa", ":2,FPa")))  # they: not seen, flagged, passed
    run(mailbox.set_flags([1], FlagMode.ADD, ["\\Answered"]))
    run(mailbox.refresh())
    assert mailbox.columns.flags(1) == ("\\Answered", "\\Flagged", "word")
    (path,) = (world.maildir() / "cur").iterdir()
    assert path.name.endswith(":2,FPRa")


def test_never_finished_files_of_ours_are_set_aside(world, told):
    world.append("INBOX", ONE)
    (path,) = (world.maildir() / "cur").iterdir()
    path.with_name("5.M0P1Q1.h,S=100,U=7:2,").write_bytes(b"half")
    (world.maildir() / "cur" / "6.foreign,S=100:2,").write_bytes(ONE)  # whoever wrote that counts in another way
    mailbox = world.open()
    assert picture(mailbox) == {1: ((), ONE), 2: ((), ONE)}
    assert [path.read_bytes() for path in (world.maildir() / "tmp").iterdir()] == [b"half"]
    assert told[0][0] is events.Event.STORE_ODD_FILE


@pytest.mark.parametrize("text", [bytes(300), b"Subject: 1\r\n" + bytes(3), bytes(5000) + b"\r\n"])
def test_files_of_ours_with_holes_are_set_aside(world, text):
    """What a power cut leaves of a file that was never acknowledged: its size, and zeros."""
    world.open()
    (world.maildir() / "cur" / f"1.x,S={len(text)},U=7:2,").write_bytes(text)
    assert picture(world.open()) == {}
    assert [path.read_bytes() for path in (world.maildir() / "tmp").iterdir()] == [text]


def test_a_file_that_grows_after_it_was_seen_is_another_message(world):
    """`cp` straight into cur/, looked at in the middle: nothing of its first half stays."""
    world.open()
    path = world.maildir() / "cur" / "1.x:2,S"
    path.write_bytes(ONE[:12])
    mailbox = world.open()
    mirror = Mirror(mailbox)
    assert picture(mailbox) == {1: (("\\Seen",), ONE[:12])}
    (half,) = (world.maildir() / "cur").iterdir()
    with half.open("ab") as file:
        file.write(ONE[12:])
    run(mailbox.refresh())
    assert picture(mailbox) == {2: (("\\Seen",), ONE)}
    mirror.check()
    assert run(world.store.check(ALICE, repair=False)).findings == ()


def test_a_file_that_is_still_for_a_while_is_not_looked_at_again(world):
    world.open()
    path = world.maildir() / "cur" / "1.x:2,"
    path.write_bytes(ONE)
    mailbox = world.open()
    assert mailbox.seems_changed()
    (file,) = (world.maildir() / "cur").iterdir()
    os.utime(file, (1, 1))  # `cp -p` does that at its end
    run(mailbox.refresh())
    assert picture(mailbox) == {1: ((), ONE)}
    assert not mailbox.seems_changed()


@pytest.mark.parametrize("name", ["a b", "x\n", "ü", "y" * 220, ",S=1"])
def test_odd_names_get_a_plain_one(world, name):
    mailbox = world.open()
    (world.maildir() / "new" / name).write_bytes(ONE)
    run(mailbox.refresh())
    assert picture(mailbox) == {1: ((), ONE)}
    assert all(file.isascii() and file.isprintable() and " " not in file for file in world.files())


def test_what_is_no_mail_is_left_alone(world):
    mailbox = world.open()
    (world.maildir() / "cur" / "folder").mkdir()
    (world.maildir() / "cur" / ".hidden").write_bytes(b"x")
    (world.maildir() / "cur" / "link").symlink_to("/etc/passwd")
    run(mailbox.refresh())
    assert len(mailbox.columns) == 0


def test_folders_come_and_go(world):
    account = world.account()
    for part in ("cur", "new", "tmp"):
        (world.maildir(".Made.By-hand") / part).mkdir(parents=True)
    (world.maildir(".Made.By-hand") / "new" / "1.a").write_bytes(ONE)
    changes = []
    account.watch(changes.append)
    assert world.account() is account
    assert "Made/By-hand" in [folder.name for folder in account.folders()]
    assert list(world.open("Made/By-hand").columns.uids) == [1]
    world.maildir(".Trash").rename(world.root / "elsewhere")
    world.account()
    assert "Trash" not in [folder.name for folder in account.folders()]
    assert [type(change).__name__ for change in changes] == ["FolderCreated", "FolderDeleted"]


def test_a_folder_that_another_program_renames_is_the_same_mailbox(world):
    """What waits to be written into file names is not lost either."""
    world.append("Sent", ONE, TWO)
    sent, told = world.open("Sent"), []
    world.account().watch(told.append)
    mirror = Mirror(sent)
    world.store.opened.committer._do_chores = lambda: None
    run(sent.set_flags([2], FlagMode.ADD, ["\\Seen"]))
    (world.maildir() / ".Sent").rename(world.maildir() / ".Out.Old")
    assert [folder.name for folder in world.account().folders() if folder.id == sent.folder.id] == ["Out/Old"]
    assert [(type(change).__name__, change.old_name) for change in told] == [("FolderRenamed", "Sent")]
    assert world.open("Out/Old") is sent
    assert picture(sent) == {1: ((), ONE), 2: (("\\Seen",), TWO)}
    mirror.check()


def test_a_folder_renamed_to_the_name_of_one_that_is_gone(world):
    """To the index it is the folder of that name, with other mail in it."""
    world.append("Sent", ONE)
    world.append("Trash", TWO)
    shutil.rmtree(world.maildir() / ".Trash")
    (world.maildir() / ".Sent").rename(world.maildir() / ".Trash")
    assert [folder.name for folder in world.account().folders()].count("Trash") == 1
    assert picture(world.open("Trash")) == {2: ((), ONE)}
    assert "Sent" not in [folder.name for folder in world.account().folders()]


def test_folders_of_others_are_told_within_a_poll(world):
    """To sessions that have had their account for long."""
    account, told = world.account(), []
    account.watch(told.append)
    for part in ("cur", "new", "tmp"):
        (world.maildir() / ".Work" / part).mkdir(parents=True)
    run(world.store.poll())
    assert [(type(change).__name__, change.folder.name) for change in told] == [("FolderCreated", "Work")]
    (world.maildir() / ".Work").rename(world.maildir() / ".Play")
    run(world.store.poll())
    assert (type(told[1]).__name__, told[1].old_name, told[1].folder.name) == ("FolderRenamed", "Work", "Play")
    shutil.rmtree(world.maildir() / ".Play")
    run(world.store.poll())
    assert (type(told[2]).__name__, told[2].folder.name) == ("FolderDeleted", "Play")
    account.unwatch(told.append)
    run(world.store.poll())
    assert len(told) == 3


def test_a_folder_of_others_is_found_when_it_is_asked_for(world):
    account = world.account()
    for part in ("cur", "new", "tmp"):
        (world.maildir() / ".Work" / part).mkdir(parents=True)
    (world.maildir() / ".Work/new/1.x").write_bytes(ONE)
    assert run(account.status("Work")).messages == 1
    assert picture(run(account.open("Work"))) == {1: ((), ONE)}
    run(account.refresh())
    assert "Work" in [folder.name for folder in account.folders()]


def test_a_maildir_from_elsewhere_is_adopted(world):
    old = world.maildir(account="old@demo.test")
    for part in ("cur", "new", "tmp", ".Sent/cur", ".Work/cur", ".Work/new"):
        (old / part).mkdir(parents=True)
    (old / ".Work/cur/1700000000.x.host,S=19:2,S").write_bytes(ONE)
    account = world.account("old@demo.test")
    assert [folder.name for folder in account.folders()] == [
        *("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "Work")
    ]
    assert picture(run(account.open("Work"))) == {1: (("\\Seen",), ONE)}


def test_mail_finds_its_way_when_folders_were_taken_away(world):
    world.append("Sent", ONE)
    world.open("Sent"), world.open()
    shutil.rmtree(world.maildir(".Sent"))
    world.deliver(ONE, (ALICE, "Sent"))
    assert picture(world.open()) == {1: ((), ONE)}
    shutil.rmtree(world.maildir())
    world.deliver(ONE, (ALICE, "INBOX"))
    assert [octets for _, octets in picture(world.open()).values()] == [ONE]


def test_a_disk_that_is_not_mounted_is_no_expunge(world):
    world.append("INBOX", ONE)
    run(world.store.stop())
    (world.root / "mail").rename(world.root / "unmounted")
    with pytest.raises(MailError) as caught:
        world.start_again()
    assert caught.value.condition is Condition.UNAVAILABLE
    shutil.rmtree(world.root / "mail")
    (world.root / "unmounted").rename(world.root / "mail")
    world.start_again()
    assert picture(world.open()) == {1: ((), ONE)}


def test_a_clock_that_begins_at_nought(tmp_path):
    world = World(tmp_path, now=lambda: 0.0)
    world.append("INBOX", ONE)
    mailbox = world.open()
    run(mailbox.expunge([1]))
    (world.maildir() / "new" / "1.a,S=19,U=1").write_bytes(ONE)
    run(mailbox.refresh())
    assert list(mailbox.columns.uids) == [2]
    world.close()


def test_a_whole_folder_that_vanishes_while_it_is_open(world):
    world.append("Sent", ONE)
    mirror = Mirror(world.open("Sent"))
    world.maildir(".Sent").rename(world.root / "elsewhere")
    run(world.store.poll())
    world.account()
    assert [type(change).__name__ for change in mirror.changes] == ["MailboxInvalidated"]


def test_the_log_tells(world, told):
    world.append("INBOX", ONE)
    run(world.open().refresh())
    (world.maildir() / "new" / "1.a").write_bytes(ONE)
    run(world.open().refresh())
    world.reopen(without_index=True)
    world.open()
    assert [event.name for event, _ in told] == ["STORE_RECONCILED", "STORE_REBUILT"]
    assert told[0][1] == {"account": ALICE, "mailbox": "INBOX", "arrived": 1, "vanished": 0, "changed": 0}
    assert told[1][1]["messages"] == 2


def test_our_own_work_needs_no_listing(world, monkeypatch):
    """What only we change is never listed again."""
    mailbox = world.open()
    listed = []
    monkeypatch.setattr("mailstack.store.maildir.listing", lambda path: listed.append(path) or iter(()))
    world.append("INBOX", ONE, ONE)
    run(mailbox.set_flags([1, 2], FlagMode.ADD, ["\\Seen"]))
    run(mailbox.copy([1], "INBOX"))
    run(mailbox.move([2], "INBOX"))
    run(mailbox.expunge([1]))
    run(mailbox.refresh())
    run(world.store.poll())
    assert listed == []


def brought(world, names):
    for name in names:
        path = world.maildir() / "cur" / f"{name}.M1P1.other:2,"
        path.write_bytes(b"Subject: %d\n\n" % name)
        os.utime(path, (1000, 1000))  # nobody is still writing it


def subjects(mailbox):
    return [mailbox.octets(uid).split(b"\r\n")[0] for uid in mailbox.columns.uids]


def between_looks(monkeypatch, what):
    """Few files at once, and `what` happens before the second look."""
    looks, look = [], memory.look_at

    def looking(txn, mailbox):
        looks.append(len(looks))
        if len(looks) == 2:
            what(txn)
        return look(txn, mailbox)

    monkeypatch.setattr(memory, "ARRIVALS_AT_ONCE", 3)
    for module in (memory, account):
        monkeypatch.setattr(module, "look_at", looking)
    return looks


def test_very_many_files_come_by_and_by(world, monkeypatch):
    looks = between_looks(monkeypatch, lambda txn: None)
    world.account()
    brought(world, range(20, 10, -1))
    mailbox = world.open()
    assert subjects(mailbox) == [b"Subject: %d" % name for name in range(11, 21)], "the oldest first"
    assert list(mailbox.columns.uids) == list(range(1, 11))
    assert len(looks) == 5, "three a time, and a last look"
    assert not world.store._opened.memory.site.arriving
    run(mailbox.refresh())
    assert len(looks) == 5
    again = Mirror(mailbox)
    brought(world, range(30, 35))
    run(mailbox.refresh())
    assert len(mailbox.columns) == 15
    assert [len(change.uids) for change in again.changes] == [3, 2]


def test_what_happens_to_files_that_wait_their_turn(world, monkeypatch):
    def meanwhile(txn):
        folder = world.maildir() / "cur"
        (folder / "18.M1P1.other:2,").unlink()
        (folder / "19.M1P1.other:2,").rename(folder / "19.M1P1.other:2,F")
        brought(world, [15])

    between_looks(monkeypatch, meanwhile)
    world.account()
    brought(world, [11, 12, 13, 16, 17, 18, 19])
    mailbox = world.open()
    assert sorted(subjects(mailbox)) == [b"Subject: %d" % name for name in (11, 12, 13, 15, 16, 17, 19)]
    assert list(mailbox.columns.uids) == list(range(1, 8))
    (flagged,) = (uid for uid in mailbox.columns.uids if mailbox.columns.flags(uid))
    assert mailbox.octets(flagged).startswith(b"Subject: 19")


def test_a_failure_between_looks_loses_nothing(world, monkeypatch):
    def broken(txn):
        raise MailError(Condition.INTERNAL, "No more today")

    between_looks(monkeypatch, broken)
    world.account()
    brought(world, range(11, 21))
    with pytest.raises(MailError):
        world.open()
    mailbox = world.open()
    assert subjects(mailbox) == [b"Subject: %d" % name for name in range(11, 21)]


def test_a_lost_index_gives_all_uids_back_at_once(world, monkeypatch):
    world.append("INBOX", *(b"Subject: %d\r\n\r\n" % name for name in range(8)))
    run(world.open().expunge([2, 5]))
    brought(world, range(11, 16))
    monkeypatch.setattr(memory, "ARRIVALS_AT_ONCE", 3)
    world.reopen(without_index=True)
    mailbox = world.open()
    assert [uid for uid in mailbox.columns.uids if uid <= 8] == [1, 3, 4, 6, 7, 8]
    assert subjects(mailbox)[:6] == [b"Subject: %d" % name for name in (0, 2, 3, 5, 6, 7)]
    assert subjects(mailbox)[6:] == [b"Subject: %d" % name for name in range(11, 16)]
