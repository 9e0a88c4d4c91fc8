"""Quotas: counted along exactly, kept to by everything that comes in, mended by a check."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError
from mailstack.store.index import usage
from mailstack.store.values import Incoming, Quota, Usage
from tests.store.world import ALICE, BOB, World, run

MESSAGE = b"Subject: a\r\n\r\nbody\r\n"  # 20 octets


def kept(world, account=ALICE):
    """As it was counted along, which is what a count of all rows says."""
    number = world.account(account)._home.id
    counted = world.store.opened.memory.read(lambda db: usage.counted(db, number))
    assert world.account(account).usage() == counted
    return counted


def limited(tmp_path, **quotas):
    return World(tmp_path, quota_of=lambda account: quotas.get(account.partition("@")[0], Quota()))


def incoming(world):
    return Incoming(world.staged(MESSAGE))


def refused(work, *arguments, **options):
    with pytest.raises(MailError) as told:
        work(*arguments, **options)
    return told.value.condition


def test_what_comes_and_goes_is_counted(tmp_path):
    world = World(tmp_path)
    assert kept(world) == Usage()
    world.append("INBOX", MESSAGE, MESSAGE)
    world.deliver(MESSAGE, (ALICE, "INBOX"), (BOB, "INBOX"))
    assert kept(world) == Usage(3, 60)
    assert kept(world, BOB) == Usage(1, 20)
    inbox = world.open()
    run(inbox.copy([1], "Archive"))
    run(inbox.move([2], "Archive"))
    assert kept(world) == Usage(4, 80)
    run(inbox.expunge([1, 2, 99]))
    assert kept(world) == Usage(3, 60)
    run(world.account().delete("Archive"))
    assert kept(world) == Usage(1, 20)
    (world.maildir() / "cur" / "1700000000.theirs").write_bytes(b"Subject: b\n\n")  # 14 with CRLF
    run(world.store.poll())
    run(inbox.refresh())
    assert kept(world) == Usage(2, 34)
    for path in (world.maildir() / "cur").iterdir():
        path.unlink()
    run(inbox.refresh())
    assert kept(world) == Usage()


def test_the_count_is_made_again_with_the_index(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", MESSAGE)
    world.append("Archive", MESSAGE, MESSAGE)
    world.reopen(without_index=True)
    for folder in world.account().folders():
        world.open(folder.name).release()
    assert kept(world) == Usage(3, 60)


STEPS = {
    "append": lambda world, inbox, some: world.append("INBOX", MESSAGE),
    "copy": lambda world, inbox, some: run(inbox.copy(some, "Archive")),
    "move": lambda world, inbox, some: run(inbox.move(some[:1], "Sent")),
    "expunge": lambda world, inbox, some: run(inbox.expunge(some)),
    "replace": lambda world, inbox, some: run(inbox.replace((some or [9])[0], "Sent", incoming(world))),
    "folder": lambda world, inbox, some: run(world.account().rename("INBOX", f"Old {inbox.uidnext}")),
    "delete": lambda world, inbox, some: run(world.account().delete("Archive")),
}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=25))
def test_any_order_is_counted_exactly(tmp_path_factory, steps):
    world = World(tmp_path_factory.mktemp("store"), quota_of=lambda _: Quota(octets=200, messages=8))
    try:
        for step in steps:
            inbox = world.open()
            some = list(inbox.columns.uids)[:2]
            try:
                STEPS[step](world, inbox, some)
            except MailError as error:
                assert error.condition in {
                    Condition.OVER_QUOTA,
                    Condition.NO_SUCH_MAILBOX,
                    Condition.MAILBOX_EXISTS,
                    Condition.NO_SUCH_MESSAGE,
                }
            finally:
                inbox.release()
            now = kept(world)
            assert now.octets <= 200
            assert now.messages <= 8
    finally:
        world.close()


def test_nothing_comes_into_a_full_mailbox(tmp_path):
    world = limited(tmp_path, alice=Quota(octets=50))
    world.append("INBOX", MESSAGE, MESSAGE)
    assert refused(world.append, "INBOX", MESSAGE) is Condition.OVER_QUOTA
    assert refused(world.deliver, MESSAGE, (ALICE, "INBOX")) is Condition.OVER_QUOTA
    assert refused(run, world.open().copy([1], "Archive")) is Condition.OVER_QUOTA
    assert kept(world) == Usage(2, 40)
    run(world.open().move([1], "Archive"))
    run(world.open("Archive").expunge([1]))
    world.append("INBOX", MESSAGE)
    world.close()


def test_several_at_once_are_counted_together(tmp_path):
    world = limited(tmp_path, alice=Quota(messages=2))
    assert refused(world.append, "INBOX", MESSAGE, MESSAGE, MESSAGE) is Condition.OVER_QUOTA
    assert refused(world.deliver, MESSAGE, (ALICE, "INBOX"), (ALICE, "Sent"), (ALICE, "Junk")) is Condition.OVER_QUOTA
    assert kept(world) == Usage()
    assert world.files() == []


def test_a_delivery_that_is_too_much_for_one_is_refused_whole(tmp_path):
    world = limited(tmp_path, alice=Quota(octets=10))
    assert refused(world.deliver, MESSAGE, (BOB, "INBOX"), (ALICE, "INBOX")) is Condition.OVER_QUOTA
    assert kept(world, BOB) == Usage()


def test_a_replacement_counts_for_what_goes(tmp_path):
    world = limited(tmp_path, alice=Quota(octets=20, messages=1))
    world.append("INBOX", MESSAGE)
    run(world.open().replace(1, "INBOX", incoming(world)))
    assert kept(world) == Usage(1, 20)


def test_senders_are_asked_to_wait(tmp_path):
    world = limited(tmp_path, alice=Quota(octets=10, waits=True))
    assert refused(world.deliver, MESSAGE, (ALICE, "INBOX")) is Condition.OVER_QUOTA_NOW
    assert refused(world.store.expect_room, ALICE, 20) is Condition.OVER_QUOTA_NOW
    world.store.expect_room(ALICE, 10)
    world.store.expect_room(BOB, 1 << 40)


def test_a_mailbox_full_to_the_brim_has_room_for_nothing(tmp_path):
    world = limited(tmp_path, alice=Quota(octets=20))
    world.store.expect_room(ALICE, 0)
    world.append("INBOX", MESSAGE)
    assert refused(world.store.expect_room, ALICE, 0) is Condition.OVER_QUOTA


def test_reports_come_in_beyond_it(tmp_path):
    world = limited(tmp_path, alice=Quota(octets=1))
    staged = world.staged(MESSAGE)
    run(world.store.deliver(staged, [(ALICE, "INBOX")], keeps_to_quotas=False))
    assert kept(world) == Usage(1, 20)


def test_a_wrong_count_is_found_and_mended(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", MESSAGE)
    number = world.account()._home.id
    run(world.store.opened.memory.write(lambda txn: usage.correct(txn.db, number, Usage(7, 7))).__await__())
    checked = run(world.store.check(ALICE, repair=False))
    assert checked.findings == (("", "its count says 7 messages of 7 octets, there are 1 of 20"),)
    assert not checked.whole
    assert run(world.store.check(ALICE, repair=True)).whole
    assert run(world.store.check(ALICE, repair=False)).findings == ()
    assert kept(world) == Usage(1, 20)
