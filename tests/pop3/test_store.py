"""POP3 over the real store: sizes, octets, deletions, and IMAP's removals behind its back."""

import pytest

from mailstack.base.errors import MailError
from mailstack.pop3.server.factory import Pop3Sessions
from mailstack.store.service import Store
from mailstack.store.values import INBOX, Incoming
from tests.pop3.world import SETTINGS, World, finish

ALICE = "alice@demo.test"
ONE = b"Subject: one\r\n\r\n.dot\r\n8-bit: \xe4\r\n"
TWO = b"Subject: two\r\n\r\n" + b"line\r\n" * 30_000 + b"no end"


class StoreWorld(World):
    """The real store in place of the fake."""

    def __init__(self, store):
        super().__init__()
        self.sessions = Pop3Sessions(store, self, SETTINGS)


@pytest.fixture
def store(tmp_path):
    store = Store(str(tmp_path), durability="none")
    store.start()
    yield store
    finish(store.stop())


@pytest.fixture
def world(store):
    return StoreWorld(store)


def add(store, *messages):
    account = finish(store.account(ALICE))
    for data in messages:
        staged = store.stage()
        staged.write(data)
        staged.finish()
        finish(account.append(INBOX, [Incoming(staged)]))
        staged.discard()


def test_octets_and_sizes(store, world):
    add(store, ONE, TWO)
    client = world.logged_in()
    assert client.say("LIST").split("\r\n")[1:] == [f"1 {len(ONE)}", f"2 {len(TWO)}", "."]
    assert client.feed(b"RETR 1\r\n").partition(b"\r\n")[2] == ONE.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    assert client.feed(b"RETR 2\r\n").partition(b"\r\n")[2] == TWO + b"\r\n.\r\n"
    ids = client.say("UIDL").split("\r\n")[1:-1]
    assert client.say("QUIT") == "+OK goodbye"
    client = world.logged_in()
    assert client.say("UIDL").split("\r\n")[1:-1] == ids


def test_deletion_and_seen(store, world):
    add(store, ONE, TWO, ONE)
    client = world.logged_in()
    client.say("DELE 2")
    client.say("RETR 3")
    client.say("QUIT")
    box = finish(finish(store.account(ALICE)).open(INBOX))
    first, third = box.columns.uids
    assert "\\Seen" not in box.columns.flags(first)
    assert "\\Seen" in box.columns.flags(third)
    box.release()


def test_one_maildrop(store, world):
    client = world.logged_in()
    account = finish(store.account(ALICE))
    with pytest.raises(MailError):
        account.lock_maildrop()
    client.lose()
    account.lock_maildrop()()


def test_removed_by_another_session(store, world):
    add(store, ONE, TWO)
    client = world.logged_in()
    box = finish(finish(store.account(ALICE)).open(INBOX))
    finish(box.expunge(box.columns.uids[:1]))
    add(store, TWO)
    assert client.say("RETR 1").startswith("-ERR [SYS/PERM] ")
    assert client.say("LIST 1") == f"+OK 1 {len(ONE)}"
    client.say("DELE 1")
    assert client.say("QUIT") == "+OK goodbye"
    assert len(box.columns.uids) == 2
    box.release()
