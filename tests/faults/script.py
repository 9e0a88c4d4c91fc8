"""Random commands over a store and its queue, and what may be found after one was cut short."""

import itertools
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mailstack.base.errors import MailError
from mailstack.queue.api import Choice, Envelope, Recipient
from mailstack.queue.pick import Agenda, Limits, by_domain
from mailstack.queue.spool import Spool
from mailstack.store.values import FlagMode, Incoming
from tests.store.world import ALICE, BOB, World, picture, run

NOW = 1_800_000_000.0
FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "word", "other"]
SET_ASIDE = "set aside in tmp"  # half a file, never acknowledged: the only thing that a check may find
KINDS = [
    *("deliver", "append", "copy", "move", "set_flags", "expunge"),
    *("create", "rename", "delete", "enqueue", "drop"),
]
PLACES = [(account, name) for account in (ALICE, BOB) for name in ("INBOX", "Sent", "Archive")]


@dataclass
class State:
    """What can be seen: uidvalidity → (modseq, uid → (flags, octets)), and message id → octets for the queue."""

    boxes: dict = field(default_factory=dict)
    queued: dict = field(default_factory=dict)

    def places(self):
        """octets → where they are."""
        places = {}
        for uidvalidity, (_, messages) in self.boxes.items():
            for uid, (_, text) in messages.items():
                places.setdefault(text, set()).add((uidvalidity, uid))
        return places


class Player:
    """Carries commands out on one store folder.  `options` are the store's."""

    def __init__(self, root, *, now=NOW, **options):
        self.world = World(root, now=lambda: now, **options)
        self.spool = Spool(
            Path(root) / "queue",
            self.world.store.ledger,
            Agenda(Limits()),
            lane_of=by_domain(),
            now=lambda: now,
            sync_each=options.get("durability") == "fsync",
        )
        run(self.spool.open())

    def play(self, command, *arguments):
        run(self.start(command, *arguments))

    def start(self, command, *arguments):
        """A coroutine that ends when the command is acknowledged."""
        return getattr(self, command)(*arguments)

    async def deliver(self, text, places):
        staged = self.world.staged(text)
        await self.world.store.deliver(staged, places)
        staged.discard()

    async def append(self, place, texts, flags):
        messages = [Incoming(self.world.staged(text), flags) for text in texts]
        account = await self.world.store.account(place[0])
        await account.append(place[1], messages)
        for each in messages:
            each.staged.discard()

    async def opened(self, place):
        account = await self.world.store.account(place[0])
        return await account.open(place[1])

    async def copy(self, place, uids, target):
        await (await self.opened(place)).copy(uids, target)

    async def move(self, place, uids, target):
        await (await self.opened(place)).move(uids, target)

    async def set_flags(self, place, uids, mode, flags):
        await (await self.opened(place)).set_flags(uids, mode, flags)

    async def expunge(self, place, uids):
        await (await self.opened(place)).expunge(uids)

    async def create(self, account, name):
        await (await self.world.store.account(account)).create(name)

    async def rename(self, account, name, new_name):
        await (await self.world.store.account(account)).rename(name, new_name)

    async def delete(self, account, name):
        await (await self.world.store.account(account)).delete(name)

    async def enqueue(self, message_id, text):
        staged = self.world.staged(text)
        recipients = Recipient("x@y.test"), Recipient("z@w.test")
        envelope = Envelope(message_id, "a@b.test", recipients, len(text), datetime.fromtimestamp(NOW, UTC))
        await self.spool.enqueue(envelope, staged)
        staged.discard()

    async def drop(self, message_id):
        await self.spool.drop(Choice(which=message_id))

    def state(self):
        state = State()
        for name in (ALICE, BOB):
            account = self.world.account(name)
            for folder in account.folders():
                mailbox = run(account.open(folder.name))
                assert folder.uidvalidity not in state.boxes
                state.boxes[folder.uidvalidity] = mailbox.highest_modseq, picture(mailbox)
                assert mailbox.uidnext > max(mailbox.columns.uids, default=0)
                mailbox.release()
        for recipient in self.spool.list()[0]:
            content = self.spool.content(recipient.message_id)
            state.queued[recipient.message_id] = content.read(0, content.size)
            content.close()
        return state


class Author:
    """Chooses commands that are possible just now: each kind once, in any order, then as it happens."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.serial = itertools.count(1)
        self.extra = []  # mailboxes that come, are renamed, and go
        self.queued = ["m0"]
        self.due = self.random.sample(KINDS, len(KINDS))
        places = sorted(self.due.index(kind) for kind in ("create", "rename", "delete"))
        for at, kind in zip(places, ("create", "rename", "delete"), strict=True):
            self.due[at] = kind

    def next(self, player):
        """(kind, arguments…)"""
        possible = [*KINDS, "copy", "move", "set_flags", "expunge"]
        while True:
            kind = self.due.pop(0) if self.due else self.random.choice(possible)
            if kind in ("create", "rename", "delete"):
                command = self.folder(kind)
            elif kind in ("enqueue", "drop"):
                command = self.queue(kind)
            elif kind in ("deliver", "append"):
                command = self.new_mail(kind)
            else:
                command = self.old_mail(kind, player)
            if command is not None:
                return command

    def text(self):
        size = self.random.choice([0, 10, 300, 70_000])
        return b"Subject: %d\r\n\r\n" % next(self.serial) + b"x" * size + b"\r\n"

    def new_mail(self, kind):
        places = PLACES + self.extra
        if kind == "deliver":
            return kind, self.text(), self.random.sample(places, self.random.randint(1, 3))
        texts = [self.text() for _ in range(self.random.randint(1, 3))]
        return kind, self.random.choice(places), texts, self.random.sample(FLAGS, 2)

    def old_mail(self, kind, player):
        places = PLACES + self.extra
        for place in self.random.sample(places, len(places)):
            uids = [uid for uid in self.uids(player, place) if self.random.random() < 0.6]
            if not uids:
                continue
            if kind == "expunge":
                return kind, place, uids
            if kind == "set_flags":
                return kind, place, uids, self.random.choice(list(FlagMode)), self.random.sample(FLAGS, 2)
            return kind, place, uids, self.random.choice([name for account, name in places if account == place[0]])
        return None

    def uids(self, player, place):
        """None in a mailbox that an earlier command of the same batch is going to make."""
        with suppress(MailError):
            mailbox = run(player.opened(place))
            mailbox.release()
            return mailbox.columns.uids
        return ()

    def queue(self, kind):
        if kind == "enqueue":
            self.queued.append(f"m{next(self.serial)}")
            return kind, self.queued[-1], self.text()
        return (kind, self.queued.pop()) if self.queued else None

    def folder(self, kind):
        name = f"F{next(self.serial)}"
        if kind == "create":
            self.extra.append((self.random.choice([ALICE, BOB]), name))
            return kind, *self.extra[-1]
        if not self.extra:
            return None
        account, old_name = self.extra.pop(self.random.randrange(len(self.extra)))
        if kind == "delete":
            return kind, account, old_name
        self.extra.append((account, name))
        return kind, account, old_name, name


def check(player, before, after, why):
    """What is found now; `before` was acknowledged, `after` is what the commands under way would have made of it."""
    found = player.state()
    check_boxes(found, before, after, why)
    for message_id, text in found.queued.items():
        assert text in (before.queued.get(message_id), after.queued.get(message_id)), why
    assert before.queued.keys() & after.queued.keys() <= found.queued.keys(), why
    left = {path.name for path in (player.world.root / "queue").iterdir()} - {"orphaned"}  # for unclaimed files
    assert left == found.queued.keys(), why
    for name in player.world.store.accounts():
        findings = run(player.world.store.check(name, repair=False)).findings
        assert all(SET_ASIDE in what for _, what in findings), (findings, why)
    return found


def check_boxes(found, before, after, why):
    places, places_after = before.places(), after.places()
    touched = {text for text in places | places_after if places.get(text) != places_after.get(text)}
    assert before.boxes.keys() & after.boxes.keys() <= found.boxes.keys(), why
    lost = places.keys() & places_after.keys() - found.places().keys()
    assert not lost, why
    for uidvalidity, (modseq, messages) in found.boxes.items():
        old_modseq, old = before.boxes.get(uidvalidity, (0, {}))
        _, new = after.boxes.get(uidvalidity, (0, {}))
        assert modseq >= old_modseq, why
        for uid in old.keys() & new.keys():
            assert messages.get(uid) in (old[uid], new[uid]), (
                uidvalidity,
                uid,
                messages.get(uid),
                old[uid],
                new[uid],
                why,
            )
        for uid, (_, text) in messages.items():
            if uid in old:
                assert old[uid][1] == text, ("a UID has another meaning", uidvalidity, uid, why)
            else:
                assert text in touched, ("twice", uidvalidity, uid, why)  # it came, and nobody was told of its UID
