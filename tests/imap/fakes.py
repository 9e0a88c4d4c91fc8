"""A store in memory and a connection without a socket, for sessions and commands.

The store keeps the promises of `store.api` that sessions rely on: columns hold a
change before watchers hear of it, UIDs only grow.  Durability is the real one's business.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from mailstack.accounts.api import Principal
from mailstack.base.engine import NEED_DATA, After, Peer
from mailstack.base.errors import Condition, MailError
from mailstack.imap.server.factory import ImapSessions
from mailstack.imap.server.session import ImapSettings
from mailstack.imap.values import ImapLimits
from mailstack.store.values import (
    DEFAULT_FOLDERS,
    DIGEST_UIDS,
    Appended,
    Arrived,
    Copied,
    Digest,
    Expunged,
    FlagMode,
    FlagsChanged,
    Folder,
    MailboxInvalidated,
    Status,
)

PASSWORDS = {"alice@demo.test": "alice-secret", "bob@demo.test": "bob-secret"}


class FakeColumns:
    def __init__(self):
        self.uids = []
        self.rows = {}  # uid: [flags, octets, date]
        self.modseqs = {}

    def position(self, uid):
        return self.uids.index(uid) if uid in self.rows else None

    def flags(self, uid):
        return self.rows[uid][0]

    def flags_between(self, start, stop):
        return [self.flags(uid) for uid in self.uids[start:stop]]

    def size(self, uid):
        return len(self.rows[uid][1])

    def internal_date(self, uid):
        return self.rows[uid][2]

    def sizes_between(self, start, stop):
        return [self.size(uid) for uid in self.uids[start:stop]]

    def seconds_between(self, start, stop):
        return [int(self.internal_date(uid).timestamp()) for uid in self.uids[start:stop]]

    def modseq(self, uid):
        return self.modseqs[uid] if uid in self.rows else self.rows[uid]

    def modseqs_between(self, start, stop):
        return [self.modseq(uid) for uid in self.uids[start:stop]]

    def changed_since(self, modseq):
        return [uid for uid in self.uids if self.modseqs[uid] > modseq]

    def first_unseen(self):
        return next((uid for uid in self.uids if "\\Seen" not in self.flags(uid)), None)


class FakeContent:
    def __init__(self, octets):
        self.octets, self.size = octets, len(octets)

    def read(self, offset, length):
        return self.octets[offset : offset + length]

    def close(self):
        pass


class FakeMailbox:
    def __init__(self, account, folder):
        self.account, self.folder = account, folder
        self.columns = FakeColumns()
        self.uidnext, self.recent, self.highest_modseq = 1, 1, 1
        self.keywords = []
        self.watchers, self.sessions = [], 0
        self.digests = {}
        self.made = {}  # (item, uid): what is kept
        self.tombstones = {}  # uid: modseq

    def claim_recent(self):
        first, self.recent = self.recent, self.uidnext
        return first

    def watch(self, watcher):
        self.watchers.append(watcher)

    def unwatch(self, watcher):
        self.watchers.remove(watcher)

    def release(self):
        self.sessions -= 1

    def publish(self, change):
        for watcher in list(self.watchers):
            watcher(change)

    def content(self, uid):
        if uid not in self.columns.rows:
            raise MailError(Condition.NO_SUCH_MESSAGE, "Message is gone")
        return FakeContent(self.columns.rows[uid][1])

    def octets(self, uid):
        content = self.content(uid)
        return content.read(0, content.size)

    def saved(self, uids):
        return [1_800_000_000 if uid in self.columns.rows else None for uid in uids]

    def digest(self, item, number):
        return self.digests.get((item, number)) or Digest.of({})

    def keep_digest(self, item, records):
        number = min(records) // DIGEST_UIDS
        kept = dict(self.digest(item, number).records()) | records
        self.digests[item, number] = Digest.of(kept)
        return self.digests[item, number]

    def kept(self, item, uid, make):
        return make(self.content(uid))

    def kept_of(self, item, uids):
        return [self.made.get((item, uid)) for uid in uids]

    def keep(self, item, uid, octets):
        self.made[item, uid] = octets

    async def refresh(self):
        pass

    def add(self, octets=b"Subject: hi\r\n\r\nhi\r\n", flags=(), date=None):
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        self.columns.uids.append(uid)
        self.columns.rows[uid] = [tuple(flags), octets, date or datetime(2024, 2, 1, 10, 0, tzinfo=UTC)]
        self.learn(flags)
        self.change(uid)
        self.publish(Arrived(self.folder.id, (uid,)))
        return uid

    def change(self, *uids):
        self.highest_modseq += 1
        self.columns.modseqs.update(dict.fromkeys(uids, self.highest_modseq))

    def learn(self, flags):
        self.keywords += [flag for flag in flags if not flag.startswith("\\") and flag not in self.keywords]

    async def set_flags(self, uids, mode, flags, *, source=None):
        flags, changed = tuple(flags), []
        self.learn(flags)
        for uid in uids:
            if uid not in self.columns.rows:
                continue
            old = self.columns.rows[uid][0]
            added = old + tuple(flag for flag in flags if flag not in old)
            left = tuple(flag for flag in old if flag not in flags)
            new = {FlagMode.REPLACE: flags, FlagMode.ADD: added, FlagMode.REMOVE: left}[mode]
            new = tuple(sorted(new, key=lambda flag: (not flag.startswith("\\"), flag)))
            if set(new) != set(old):
                self.columns.rows[uid][0] = new
                changed.append(uid)
        if changed:
            self.change(*changed)
            self.publish(FlagsChanged(self.folder.id, tuple(changed), self.highest_modseq, source))
        return tuple(changed)

    async def set_flags_unchanged(self, uids, mode, flags, *, unchanged_since, source=None):
        there = [uid for uid in uids if uid in self.columns.rows]
        refused = [uid for uid in there if self.columns.modseq(uid) > unchanged_since]
        passed = [uid for uid in there if uid not in refused]
        return await self.set_flags(passed, mode, flags, source=source), tuple(refused)

    def expunged_since(self, modseq):
        return sorted(uid for uid, own in self.tombstones.items() if own > modseq)

    async def expunge(self, uids):
        gone = tuple(uid for uid in uids if self.columns.rows.pop(uid, None))
        self.columns.uids = [uid for uid in self.columns.uids if uid not in gone]
        if gone:
            self.highest_modseq += 1
            self.tombstones.update(dict.fromkeys(gone, self.highest_modseq))
            self.publish(Expunged(self.folder.id, gone, self.highest_modseq))
        return gone

    async def copy(self, uids, target):
        there = self.account.mailbox(target)
        sources = tuple(uid for uid in uids if uid in self.columns.rows)
        rows = [self.columns.rows[uid] for uid in sources]
        return Copied(there.folder.uidvalidity, sources, tuple(there.add(row[1], row[0], row[2]) for row in rows))

    async def move(self, uids, target):
        copied = await self.copy(uids, target)
        await self.expunge(copied.sources)
        return copied

    def status(self):
        flags = [row[0] for row in self.columns.rows.values()]
        return Status(
            messages=len(flags),
            recent=sum(uid >= self.recent for uid in self.columns.uids),
            unseen=sum("\\Seen" not in each for each in flags),
            deleted=sum("\\Deleted" in each for each in flags),
            uidnext=self.uidnext,
            uidvalidity=self.folder.uidvalidity,
            size=sum(len(row[1]) for row in self.columns.rows.values()),
            highest_modseq=self.highest_modseq,
        )


class FakeAccount:
    def __init__(self, name):
        self.name = name
        self.boxes = {}
        self.subscribed = set()
        self.watchers = []
        self.last_id = 0
        for folder, use in (("INBOX", None), *DEFAULT_FOLDERS):
            self.add_folder(folder, use)
            self.subscribed.add(folder)

    async def refresh(self):
        pass

    def add_folder(self, name, special_use=None):
        self.last_id += 1
        self.boxes[name] = FakeMailbox(self, Folder(self.last_id, name, 1000 + self.last_id, special_use))
        return self.boxes[name].folder

    def mailbox(self, name):
        if name not in self.boxes:
            raise MailError(Condition.NO_SUCH_MAILBOX, "No such mailbox")
        return self.boxes[name]

    def folders(self):
        found = (replace(box.folder, subscribed=name in self.subscribed) for name, box in self.boxes.items())
        return sorted(found, key=lambda folder: (folder.name != "INBOX", folder.name))

    def folder(self, name):
        return self.mailbox(name).folder

    def subscriptions(self):
        return sorted(self.subscribed)

    async def create(self, name, special_use=None):
        return self.add_folder(name, special_use)

    async def delete(self, name):
        box = self.mailbox(name)
        del self.boxes[name]
        box.publish(MailboxInvalidated(box.folder.id, "Mailbox has been deleted"))

    async def rename(self, old_name, new_name):
        for name in [name for name in self.boxes if name == old_name or name.startswith(old_name + "/")]:
            box = self.boxes.pop(name)
            box.folder = replace(box.folder, name=new_name + name[len(old_name) :])
            self.boxes[box.folder.name] = box

    async def subscribe(self, name):
        self.subscribed.add(name)

    async def unsubscribe(self, name):
        self.subscribed.discard(name)

    def annotations(self, _name):
        return {}

    async def status(self, name):
        return self.mailbox(name).status()

    def known_status(self, name):
        return self.mailbox(name).status()

    def watch(self, watcher):
        self.watchers.append(watcher)

    def unwatch(self, watcher):
        if watcher in self.watchers:
            self.watchers.remove(watcher)

    watch_messages, unwatch_messages = watch, unwatch

    async def open(self, name):
        box = self.mailbox(name)
        box.sessions += 1
        return box

    async def append(self, name, messages):
        box = self.mailbox(name)
        uids = [box.add(each.staged.read(0, each.staged.size), each.flags, each.internal_date) for each in messages]
        return Appended(box.folder.id, box.folder.uidvalidity, tuple(uids))


class FakeStaged:
    def __init__(self):
        self.data, self.finished, self.discarded = b"", False, False

    @property
    def size(self):
        return len(self.data)

    def write(self, data):
        self.data += data

    def park(self):
        self.parked = True

    def finish(self):
        self.finished = True

    def head(self):
        return self.data

    def read(self, offset, length):
        return self.data[offset : offset + length]

    def discard(self):
        self.discarded = True


class FakeStore:
    def __init__(self):
        self.accounts = {}
        self.staged = []

    async def account(self, name):
        return self.accounts.setdefault(name, FakeAccount(name))

    def stage(self):
        self.staged.append(FakeStaged())
        return self.staged[-1]


class FakeLogin:
    async def verify(self, claim, peer, cid="-"):
        if PASSWORDS.get(claim.name) != claim.password.reveal():
            raise MailError(Condition.LOGIN_FAILED, "Wrong name or password")
        return Principal(claim.name, frozenset({claim.name}))


class FakeWire:
    """The pump of net.connection, without a transport: everything is handled by the end of `feed`."""

    cid = "c1"
    unread = 0

    def __init__(self, sessions, peer):
        self.peer = peer
        self.said = b""
        self.closed = self.started_tls = False
        self.rooms = 0
        self.pumping = False
        self.engine, self.session = sessions(self)
        self.engine.send(self.session.greet())
        self.flush()

    def feed(self, octets):
        if self.closed:
            return
        self.engine.receive(octets)
        self.pumping = True
        asyncio.run(self._pump())
        self.pumping = False
        self.flush()
        self.obey()

    async def _pump(self):
        while (event := self.engine.next_event()) is not NEED_DATA:
            response = await self.session.handle(event)
            if response is not None:
                self.engine.send(response)

    def obey(self):
        if self.engine.after is After.CLOSE and not self.closed:
            self.closed = True
            self.session.lost("closed")
        elif self.engine.after is After.START_TLS:
            self.started_tls = True
            self.engine.tls_started()
            self.peer = replace(self.peer, tls=True)
            self.session.tls_started()

    def send(self, response):
        self.engine.send(response)
        if not self.pumping:
            self.flush()
            self.obey()

    def flush(self):
        self.said += self.engine.data_to_send()

    def settled(self):
        """Nobody counts strangers here."""

    async def room(self):
        self.rooms += 1
        self.flush()

    def close(self):
        self.closed = True

    def heard(self):
        said, self.said = self.said, b""
        return said


class World:
    """One store, as many connections as a test wants."""

    def __init__(self, **settings):
        limits = settings.pop("limits", None) or ImapLimits()
        settings.setdefault("clear_login_on_loopback", True)
        self.store = FakeStore()
        self.sessions = ImapSessions(self.store, FakeLogin(), ImapSettings(limits=limits, **settings))

    def connect(self, **peer):
        peer = {"ip": "127.0.0.1", "port": 4000, "listener": "imap", **peer}
        return Talk(FakeWire(self.sessions, Peer(**peer)))

    def login(self, account="alice@demo.test"):
        talk = self.connect()
        talk.say(f"L LOGIN {account} {PASSWORDS[account]}")
        return talk

    def account(self, name="alice@demo.test"):
        return asyncio.run(self.store.account(name))

    def box(self, name="INBOX", account="alice@demo.test"):
        return self.account(account).mailbox(name)


class Talk:
    """Lines to say, lines heard."""

    def __init__(self, wire):
        self.wire = wire

    def say(self, *lines):
        """Send lines (a str, or octets as they are), and what is heard then, as lines."""
        for line in lines:
            self.wire.feed(line if isinstance(line, bytes) else line.encode() + b"\r\n")
        return self.heard()

    def heard(self):
        return self.wire.heard().decode().split("\r\n")[:-1]
