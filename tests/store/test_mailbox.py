"""What a session sees of one mailbox."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.store.values import FlagMode, FlagsChanged, MailboxInvalidated
from tests.store.world import ALICE, BOB, Mirror, World, body_of, picture, run

ONE = b"Subject: one\r\n\r\n1\r\n"
TWO = b"Subject: two\r\n\r\n2\r\n"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


def refused(condition, coroutine):
    with pytest.raises(MailError) as caught:
        run(coroutine)
    assert caught.value.condition is condition


def test_delivered_once_for_all(world):
    world.deliver(ONE, (ALICE, "INBOX"), (BOB, "inbox"), (BOB, "INBOX"), (BOB, "Sent"), (BOB, "No such"))
    assert [body_of(world.open(), uid) for uid in world.open().columns.uids] == [ONE]
    assert list(world.open("INBOX", BOB).columns.uids) == [1]
    assert list(world.open("Sent", BOB).columns.uids) == [1]
    (path,) = (world.maildir() / "cur").iterdir()
    assert path.stat().st_nlink == 3


def test_a_delivery_is_seen_by_every_session(world):
    first, second = Mirror(world.open()), Mirror(world.open())
    assert first.mailbox is second.mailbox
    world.deliver(ONE, (ALICE, "INBOX"))
    assert first.changes == second.changes != []
    first.check()


def test_dates_and_sizes(world):
    date = datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-5)))
    (uid,) = world.append("INBOX", ONE, date=date)
    columns = world.open().columns
    assert columns.internal_date(uid) == date
    assert columns.internal_date(uid).tzinfo is UTC
    assert columns.size(uid) == len(ONE)
    assert columns.position(uid) == 0
    assert columns.position(uid + 1) is None
    with pytest.raises(KeyError):
        columns.flags(uid + 1)
    world.reopen(without_index=True)
    assert world.open().columns.internal_date(uid) == date


def test_recent_is_told_once_and_remembered(world):
    world.append("INBOX", ONE, TWO)
    mailbox = world.open()
    assert run(world.account().status("INBOX")).recent == 2
    assert mailbox.claim_recent() == 1
    assert mailbox.claim_recent() == 3
    world.append("INBOX", ONE)
    assert run(world.account().status("INBOX")).recent == 1
    world.crash()
    assert world.open().claim_recent() == 3


def test_flags_tell_who_asked(world):
    world.append("INBOX", ONE)
    mirror, me = Mirror(world.open()), object()
    changed = run(mirror.mailbox.set_flags([1], FlagMode.ADD, ["\\Seen"], source=me))
    assert changed == (1,)
    assert mirror.changes == [FlagsChanged(mirror.mailbox.folder.id, (1,), 3)]
    assert mirror.changes[0].source is me
    assert mirror.mailbox.highest_modseq == mirror.mailbox.columns.modseq(1) == 3
    assert run(mirror.mailbox.set_flags([1], FlagMode.ADD, ["\\seen"])) == ()
    assert len(mirror.changes) == 1


def test_keywords_in_use(world):
    world.append("INBOX", ONE, flags=("$Forwarded", "\\Seen"))
    mailbox = world.open()
    run(mailbox.set_flags([1], FlagMode.ADD, ["Later"]))
    assert mailbox.keywords == ["$Forwarded", "Later"]
    run(mailbox.set_flags([1], FlagMode.REMOVE, ["never-heard-of"]))
    assert mailbox.keywords == ["$Forwarded", "Later"]
    world.reopen(without_index=True)
    assert world.open().columns.flags(1) == ("\\Seen", "$Forwarded", "Later")


def test_more_than_26_keywords_one_after_the_other(world):
    world.append("INBOX", ONE)
    mailbox = world.open()
    for number in range(40):
        run(mailbox.set_flags([1], FlagMode.REPLACE, [f"k{number}"]))
    assert mailbox.columns.flags(1) == ("k39",)
    refused(Condition.LIMIT, mailbox.set_flags([1], FlagMode.ADD, [f"x{number}" for number in range(26)]))
    assert mailbox.columns.flags(1) == ("k39",)
    world.reopen(without_index=True)
    assert world.open().columns.flags(1) == ("k39",)


def test_keywords_go_along_by_name(world):
    world.append("Sent", ONE, flags=("first", "second"))
    world.append("INBOX", TWO, flags=("second",))
    run(world.open().copy([1], "Sent"))
    assert world.open("Sent").columns.flags(2) == ("second",)
    run(world.open("Sent").move([1], "INBOX"))
    assert world.open().columns.flags(2) == ("first", "second")


def test_gone_messages_are_left_out(world):
    world.append("INBOX", ONE, TWO, ONE)
    mailbox = world.open()
    assert run(mailbox.expunge([2, 9])) == (2,)
    assert run(mailbox.expunge([2])) == ()
    assert run(mailbox.copy([1, 2, 3], "Sent")).sources == (1, 3)
    assert run(mailbox.move([2], "Sent")).targets == ()
    refused(Condition.NO_SUCH_MAILBOX, mailbox.copy([1], "Nowhere"))
    with pytest.raises(MailError) as caught:
        mailbox.content(2)
    assert caught.value.condition is Condition.NO_SUCH_MESSAGE


def test_moving_within_a_mailbox_gives_new_uids(world):
    world.append("INBOX", ONE, TWO)
    mirror = Mirror(world.open())
    assert run(mirror.mailbox.move([1], "inbox")).targets == (3,)
    assert run(mirror.mailbox.copy([2], "INBOX")).targets == (4,)
    mirror.check()
    assert [octets for _, octets in picture(mirror.mailbox).values()] == [TWO, ONE, TWO]


def test_the_highest_uid_is_not_given_again_after_the_index_is_lost(world):
    world.append("INBOX", ONE, TWO)
    run(world.open().expunge([2]))
    world.crash(without_index=True)
    assert world.append("INBOX", ONE)[0] > 2


def test_an_open_content_outlives_its_message(world):
    world.append("INBOX", ONE)
    content = world.open().content(1)
    run(world.open().expunge([1]))
    assert content.read(0, 1000) == ONE
    assert content.read(9, 3) == ONE[9:12]
    assert content.read(1000, 3) == b""
    content.close()
    content.close()


def test_contents_while_names_are_behind(world):
    """Between a commit and the renaming of its files, and after somebody else's renaming."""
    world.append("INBOX", ONE)
    mailbox = world.open()
    (path,) = (world.maildir() / "cur").iterdir()
    path.rename(str(path) + "FS")
    assert body_of(mailbox, 1) == ONE
    path.with_name(path.name + "FS").unlink()
    with pytest.raises(MailError):
        mailbox.content(1)


def test_rendered_parts_are_made_once(world):
    world.append("INBOX", ONE)
    made = []

    def make(content):
        made.append(1)
        return content.read(0, 12)

    for _ in range(2):
        assert world.open().kept("envelope", 1, make) == b"Subject: one"
    world.reopen()
    assert world.open().kept("envelope", 1, make) == b"Subject: one"
    assert len(made) == 1
    assert world.open().kept("body", 1, lambda content: b"other") == b"other"
    world.close()
    (world.root / "cache.sqlite").write_bytes(b"no database")
    world.start_again()
    assert world.open().kept("envelope", 1, make) == b"Subject: one"


def test_a_deleted_mailbox_invalidates_its_sessions(world):
    world.append("Sent", ONE)
    mirror = Mirror(world.open("Sent"))
    run(world.account().delete("Sent"))
    assert [type(change) for change in mirror.changes] == [MailboxInvalidated]
    refused(Condition.NO_SUCH_MAILBOX, mirror.mailbox.set_flags([1], FlagMode.ADD, ["\\Seen"]))
    refused(Condition.NO_SUCH_MAILBOX, mirror.mailbox.refresh())
    mirror.mailbox.release()
    old = mirror.mailbox.folder
    new = run(world.account().create("Sent"))
    assert new.uidvalidity > old.uidvalidity
    assert new.id != old.id


def test_columns_stay_after_the_last_session_and_are_still_right(world):
    mailbox = world.open()
    mailbox.release()
    world.append("INBOX", ONE)
    again = world.open()
    assert again is mailbox
    assert list(again.columns.uids) == [1]


def test_flags_of_many_at_once(world):
    world.append("INBOX", ONE, flags=("\\Seen",))
    world.append("INBOX", TWO, flags=("first",))
    columns = world.open().columns
    assert columns.flags_between(0, 9) == [("\\Seen",), ("first",)]
    run(world.open().set_flags([1, 2], FlagMode.REPLACE, ["second"]))
    assert columns.flags_between(1, 2) == [("second",)]
    assert columns.flags_between(2, 2) == []


def test_reading_on_sees_what_happens_meanwhile(world):
    """Rows are read ahead; what was flagged, renamed, moved or expunged since is not what they said."""
    uids = world.append("INBOX", *(b"Subject: %d\r\n\r\n" % n for n in range(8)))
    mailbox = world.open()
    assert [mailbox.octets(uid) for uid in uids[:2]] == [b"Subject: 0\r\n\r\n", b"Subject: 1\r\n\r\n"]
    run(mailbox.set_flags([3], FlagMode.ADD, ["\\Flagged"]))
    assert mailbox.octets(3) == b"Subject: 2\r\n\r\n"
    run(mailbox.expunge([4]))
    with pytest.raises(MailError):
        mailbox.octets(4)
    (fifth,) = (path for path in (world.maildir() / "cur").iterdir() if ",U=5" in path.name)
    fifth.rename(fifth.with_name(fifth.name + "S"))
    assert mailbox.octets(5) == b"Subject: 4\r\n\r\n"
    run(mailbox.move([6], "Sent"))
    with pytest.raises(MailError):
        mailbox.content(6)
    assert mailbox.octets(8) == b"Subject: 7\r\n\r\n"
    run(world.account().create("Other"))
    run(world.account().rename("Sent", "Gone"))
    moved = world.open("Gone")
    assert moved.octets(1) == b"Subject: 5\r\n\r\n"


def test_a_short_file_is_a_message_that_is_not_there(world):
    world.append("INBOX", ONE)
    mailbox = world.open()
    (path,) = (world.maildir() / "cur").iterdir()
    path.write_bytes(b"Sub")
    with pytest.raises(MailError) as caught:
        mailbox.octets(1)
    assert caught.value.condition is Condition.NO_SUCH_MESSAGE
