"""An account's folders."""

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.store.values import DEFAULT_FOLDERS, FolderCreated, FolderRenamed, FolderSubscribed, SpecialUse
from tests.store.world import World, run

ONE = b"Subject: one\r\n\r\n1\r\n"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


def names(account):
    return [folder.name for folder in account.folders()]


def refused(condition, coroutine):
    with pytest.raises(MailError) as caught:
        run(coroutine)
    assert caught.value.condition is condition


def test_default_folders_are_there_and_subscribed(world):
    account = world.account()
    assert names(account)[0] == "INBOX"
    assert {folder.name: folder.special_use for folder in account.folders()} == dict(DEFAULT_FOLDERS) | {"INBOX": None}
    assert all(folder.subscribed for folder in account.folders())
    assert account.subscriptions() == sorted(names(account))
    assert (world.maildir(".Sent") / "maildirfolder").exists()


def test_default_folders_that_were_deleted_stay_so(world):
    run(world.account().delete("Junk"))
    world.reopen(without_index=True)
    assert "Junk" not in names(world.account())
    assert "Junk" in world.account().subscriptions()


def test_parents_are_made_too(world):
    account, changes = world.account(), []
    account.watch(changes.append)
    folder = run(account.create("Work/2026/Q1/"))
    assert folder == account.folder("Work/2026/Q1")
    assert [change.folder.name for change in changes] == ["Work", "Work/2026", "Work/2026/Q1"]
    assert all(isinstance(change, FolderCreated) for change in changes)


def test_children_of_a_deleted_mailbox_stay(world):
    run(world.account().create("A/B"))
    run(world.account().delete("A"))
    assert "A/B" in names(world.account())
    refused(Condition.NO_SUCH_MAILBOX, world.account().delete("A"))
    world.reopen(without_index=True)
    assert "A/B" in names(world.account())


def test_special_use_is_given_once_and_kept(world):
    account = world.account()
    refused(Condition.NOT_ALLOWED, account.create("Mine", SpecialUse.SENT))
    run(account.delete("Sent"))
    assert run(account.create("Mine", SpecialUse.SENT)).special_use is SpecialUse.SENT
    world.reopen(without_index=True)
    assert world.account().folder("Mine").special_use is SpecialUse.SENT


def test_rename_keeps_identity_and_open_sessions(world):
    world.append("Archive", ONE)
    account, mailbox, changes = world.account(), world.open("Archive"), []
    account.watch(changes.append)
    old = account.folder("Archive")
    run(account.rename("Archive", "Old/Mail"))
    new = account.folder("Old/Mail")
    assert (new.id, new.uidvalidity) == (old.id, old.uidvalidity)
    assert mailbox.folder.name == "Old/Mail"
    assert run(mailbox.expunge([1])) == (1,)
    assert [type(change) for change in changes] == [FolderCreated, FolderRenamed]
    assert not new.subscribed
    assert "Archive" in account.subscriptions()


@pytest.mark.parametrize(
    ("old", "new", "condition"),
    [
        ("Nowhere", "B", Condition.NO_SUCH_MAILBOX),
        ("Sent", "Trash", Condition.MAILBOX_EXISTS),
        ("Sent", "sent/x", None),
        ("Sent", "Sent/x", Condition.NOT_ALLOWED),
        ("Sent", "Sent", Condition.NOT_ALLOWED),
        ("Sent", "inbox", Condition.MAILBOX_EXISTS),
        ("INBOX", "Sent", Condition.MAILBOX_EXISTS),
        ("INBOX", "inbox", Condition.MAILBOX_EXISTS),
        ("Sent", "a//b", Condition.BAD_MAILBOX_NAME),
        ("INBOX", "a\0b", Condition.BAD_MAILBOX_NAME),
    ],
)
def test_rename_refused(world, old, new, condition):
    before = names(world.account())
    if condition is None:
        run(world.account().rename(old, new))
        return
    refused(condition, world.account().rename(old, new))
    assert names(world.account()) == before
    world.reopen(without_index=True)
    assert names(world.account()) == before


def test_subscriptions_need_no_mailbox(world):
    account, changes = world.account(), []
    account.watch(changes.append)
    run(account.subscribe("Not/There"))
    run(account.subscribe("Not/There"))
    run(account.unsubscribe("Never was"))
    assert changes == [FolderSubscribed(account.name, "Not/There", True)]
    refused(Condition.BAD_MAILBOX_NAME, account.subscribe("a\nb"))
    world.reopen(without_index=True)
    assert "Not/There" in world.account().subscriptions()


def test_one_pop3_session_at_a_time(world):
    account = world.account()
    release = account.lock_maildrop()
    with pytest.raises(MailError) as caught:
        world.account().lock_maildrop()
    assert caught.value.condition is Condition.IN_USE
    world.account("bob@demo.test").lock_maildrop()
    release()
    release()
    world.account().lock_maildrop()


def test_an_account_by_a_wrong_name(world):
    refused(Condition.NO_SUCH_USER, world.store.account("../alice@demo.test"))
    staged = world.staged(ONE)
    refused(
        Condition.NO_SUCH_USER,
        world.store.deliver(staged, [("alice@demo.test", "INBOX"), ("..@demo.test", "INBOX")]),
    )
    assert len(world.open().columns) == 0
