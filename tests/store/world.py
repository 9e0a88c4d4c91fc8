"""A store without threads for tests: everything has ended when the call returns."""

from pathlib import Path

from mailstack.base import files
from mailstack.store.service import Store
from mailstack.store.values import Incoming

ALICE = "alice@demo.test"
BOB = "bob@demo.test"


def run(coroutine):
    """What a coroutine returns that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits for something")


class World:
    """One store folder, and the store that has it open just now."""

    def __init__(self, root, **options):
        self.root = Path(root)
        self.options = {"durability": "none", **options}
        self.store = self._started()

    def _started(self):
        store = Store(str(self.root), **self.options)
        store.start()
        return store

    def account(self, name=ALICE):
        return run(self.store.account(name))

    def open(self, name="INBOX", account=ALICE):
        return run(self.account(account).open(name))

    def staged(self, text=b"Subject: test\r\n\r\nbody\r\n"):
        staged = self.store.stage()
        with files.passing():  # `write` raises OSError, as its interface says
            staged.write(text)
        staged.finish()
        return staged

    def append(self, name, *texts, flags=(), date=None, account=ALICE):
        messages = [Incoming(self.staged(text), flags, date) for text in texts]
        try:
            return run(self.account(account).append(name, messages)).uids
        finally:
            for each in messages:
                each.staged.discard()

    def deliver(self, text, *recipients):
        staged = self.staged(text)
        try:
            run(self.store.deliver(staged, recipients))
        finally:
            staged.discard()

    def maildir(self, name="", account=ALICE):
        local, _, domain = account.partition("@")
        return self.root / "mail" / domain / local / name

    def files(self, folder="", account=ALICE):
        return sorted(path.name for path in (self.maildir(folder, account) / "cur").iterdir())

    def reopen(self, *, without_index=False):
        run(self.store.stop())
        self.start_again(without_index=without_index)

    def crash(self, *, without_index=False):
        """Like kill -9: nothing is finished, what is in the page cache stays."""
        self.store.abandon()
        self.start_again(without_index=without_index)

    def start_again(self, *, without_index=False):
        if without_index:
            for path in self.root.glob("index.sqlite*"):
                path.unlink()
        self.store = self._started()

    def close(self):
        run(self.store.stop())


def body_of(mailbox, uid):
    content = mailbox.content(uid)
    try:
        return content.read(0, content.size)
    finally:
        content.close()


def picture(mailbox):
    """uid → (flags, octets): everything that a session can see."""
    columns = mailbox.columns
    return {uid: (columns.flags(uid), body_of(mailbox, uid)) for uid in columns.uids}


class Mirror:
    """A session's picture, kept by changes alone; it must never differ from the columns."""

    def __init__(self, mailbox):
        self.mailbox = mailbox
        self.flags = {uid: mailbox.columns.flags(uid) for uid in mailbox.columns.uids}
        self.changes = []
        mailbox.watch(self)

    def __call__(self, change):
        self.changes.append(change)
        kind = type(change).__name__
        if kind == "Arrived":
            assert list(change.uids) == sorted(change.uids)
            assert min(change.uids) > max(self.flags, default=0)
            self.flags |= {uid: self.mailbox.columns.flags(uid) for uid in change.uids}
        elif kind == "FlagsChanged":
            self.flags |= {uid: self.mailbox.columns.flags(uid) for uid in change.uids}
        elif kind == "Expunged":
            for uid in change.uids:
                del self.flags[uid]

    def check(self):
        assert self.flags == {uid: self.mailbox.columns.flags(uid) for uid in self.mailbox.columns.uids}
