"""What other programs do in a watched mailbox, seen through the reactor: by inotify at once, without it by the poll."""

import pytest

from mailstack.base import inotify
from mailstack.store import service, watching
from mailstack.store.service import Store
from tests.fakes.spin import Spinner
from tests.store.world import ALICE, Mirror

TEXT = b"Subject: one\r\n\r\n1\r\n"


@pytest.fixture
def spinner():
    spinner = Spinner()
    yield spinner
    spinner.close()


@pytest.fixture(params=["inotify", "poll"])
def opened(request, tmp_path, spinner, monkeypatch):
    """(the mirror of a watched INBOX, its Maildir); only one of the two ways works."""
    if request.param == "inotify":
        monkeypatch.setattr(service, "POLL_SECONDS", 3600.0)
    else:

        def no_inotify():
            raise OSError("none here")

        monkeypatch.setattr(watching, "FolderEvents", no_inotify)
        monkeypatch.setattr(service, "POLL_SECONDS", 0.1)
    store = Store(str(tmp_path), reactor=spinner.reactor, durability="none")
    store.start()

    async def open_inbox():
        return Mirror(await (await store.account(ALICE)).open("INBOX"))

    yield spinner.run(open_inbox()), tmp_path / "mail/demo.test/alice"
    spinner.run(store.stop())


def bring(maildir, name, part):
    (maildir / "tmp" / name).write_bytes(TEXT)
    (maildir / "tmp" / name).rename(maildir / part / name)


def test_mail_comes_is_flagged_and_goes(spinner, opened):
    mirror, maildir = opened
    bring(maildir, "1.x", "new")
    spinner.until(lambda: mirror.flags == {1: ()})
    bring(maildir, "2.x:2,S", "cur")
    spinner.until(lambda: mirror.flags == {1: (), 2: ("\\Seen",)})
    (first,) = (maildir / "cur").glob("1.x*")
    first.rename(first.with_name(first.name.replace(":2,", ":2,F")))
    spinner.until(lambda: mirror.flags[1] == ("\\Flagged",))
    (second,) = (maildir / "cur").glob("2.x*")
    second.unlink()
    spinner.until(lambda: mirror.flags == {1: ("\\Flagged",)})
    mirror.check()


def test_nobody_is_told_who_does_not_watch(spinner, opened):
    mirror, maildir = opened
    mailbox = mirror.mailbox
    mailbox.unwatch(mirror)
    bring(maildir, "1.x", "new")
    other = Mirror(mailbox)
    bring(maildir, "2.x", "new")
    spinner.until(lambda: len(other.flags) == 2)
    assert mirror.changes == []


def test_a_renamed_folder_is_still_followed(spinner, opened):
    mirror, maildir = opened
    account_path = maildir

    async def rename():
        memory = mirror.mailbox._memory
        account = memory.accounts[ALICE]
        sent = Mirror(await account.open("Sent"))
        await account.rename("Sent", "Old")
        return sent

    sent = spinner.run(rename())
    bring(account_path / ".Old", "1.x", "new")
    spinner.until(lambda: sent.flags == {1: ()})

    async def delete():
        await mirror.mailbox._memory.accounts[ALICE].delete("Old")

    spinner.run(delete())
    assert type(sent.changes[-1]).__name__ == "MailboxInvalidated"


def test_many_changes_are_one_set(tmp_path):
    events = inotify.FolderEvents()
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    a, b = events.add(str(tmp_path / "a")), events.add(str(tmp_path / "b"))
    for number in range(100):
        (tmp_path / "a" / str(number)).write_bytes(b"")
    assert events.read() == {a}
    (tmp_path / "a" / "1").rename(tmp_path / "b" / "1")
    assert events.read() == {a, b}
    assert events.read() == set()
    events.remove(a)
    assert events.read() == {a}  # the end of it
    (tmp_path / "a" / "2").unlink()
    assert events.read() == set()
    with pytest.raises(FileNotFoundError):
        events.add(str(tmp_path / "nowhere"))
    events.close()
