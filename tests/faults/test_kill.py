"""kill -9 of a whole process at its n-th file or database operation, for every n; then the store is opened again.

A script of commands is made from a seed and played once undisturbed, which gives the state after
every command.  Then a child process plays it again and ends itself (no exception, no cleaning up,
SQLite's log as it is) at the n-th operation, having told through a pipe which commands had ended.
What was acknowledged must be there, once, under its UID; of the one command under way
anything may have happened that loses no mail and gives no UID another meaning.
"""

import itertools
import os
import random
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailstack.base import files
from mailstack.queue.api import Choice, Envelope, Recipient
from mailstack.queue.pick import Agenda, Limits, by_domain
from mailstack.queue.spool import Spool
from mailstack.store.values import FlagMode
from tests.store.world import ALICE, BOB, World, picture, run

NOW = 1_800_000_000.0
LONG = os.environ.get("MAILSTACK_FAULTS") == "long"
SEEDS = range(60) if LONG else range(2)
STATES_A_SEED = 1_000_000 if LONG else 25
STEPS = 14
FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "word", "other"]
PLACES = [(account, name) for account in (ALICE, BOB) for name in ("INBOX", "Sent", "Archive")]


@dataclass
class State:
    """What can be seen: uidvalidity → (modseq, uid → (flags, octets)), and message id → octets for the queue."""

    boxes: dict = field(default_factory=dict)
    queued: dict = field(default_factory=dict)

    def places(self):
        """octets → the mailboxes that have them."""
        places = {}
        for uidvalidity, (_, messages) in sorted(self.boxes.items()):
            for _, text in messages.values():
                places.setdefault(text, []).append(uidvalidity)
        return places


class Player:
    """Carries commands out on one store folder."""

    def __init__(self, root):
        self.world = World(root, now=lambda: NOW)
        self.spool = Spool(
            Path(root) / "queue", self.world.store.ledger, Agenda(Limits()), lane_of=by_domain(), now=lambda: NOW
        )
        run(self.spool.open())

    def play(self, command, *arguments):
        getattr(self, command)(*arguments)

    def deliver(self, text, places):
        self.world.deliver(text, *places)

    def append(self, place, texts, flags):
        self.world.append(place[1], *texts, flags=flags, account=place[0])

    def opened(self, place):
        return self.world.open(place[1], account=place[0])

    def copy(self, place, uids, target):
        run(self.opened(place).copy(uids, target))

    def move(self, place, uids, target):
        run(self.opened(place).move(uids, target))

    def set_flags(self, place, uids, mode, flags):
        run(self.opened(place).set_flags(uids, mode, flags))

    def expunge(self, place, uids):
        run(self.opened(place).expunge(uids))

    def create(self, account, name):
        run(self.world.account(account).create(name))

    def rename(self, account, name, new_name):
        run(self.world.account(account).rename(name, new_name))

    def delete(self, account, name):
        run(self.world.account(account).delete(name))

    def enqueue(self, message_id, text):
        staged = self.world.staged(text)
        envelope = Envelope(
            message_id, "a@b.test", (Recipient("x@y.test"),), len(text), datetime.fromtimestamp(NOW, UTC)
        )
        run(self.spool.enqueue(envelope, staged))
        staged.discard()

    def drop(self, message_id):
        run(self.spool.drop(Choice(which=message_id)))

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
    """Chooses commands that are possible just now."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.serial = itertools.count(1)
        self.extra = [(ALICE, "Extra"), (BOB, "Extra")]
        self.queued = []

    def text(self):
        size = self.random.choice([0, 10, 3000, 70_000])
        return b"Subject: %d\r\n\r\n" % next(self.serial) + b"x" * size + b"\r\n"

    def next(self, player):
        pick = self.random
        place, other = pick.choice(PLACES), pick.choice(PLACES)
        mailbox = player.opened(place)
        uids = [uid for uid in mailbox.columns.uids if pick.random() < 0.6]
        mailbox.release()
        kinds = ["deliver", "append", "enqueue", "folder"] + ["copy", "move", "set_flags", "expunge"] * 2 * bool(uids)
        kind = pick.choice(kinds + ["drop"] * bool(self.queued))
        if kind == "deliver":
            return kind, self.text(), pick.sample(PLACES, pick.randint(1, 3))
        if kind == "append":
            return kind, place, [self.text() for _ in range(pick.randint(1, 3))], pick.sample(FLAGS, 2)
        if kind in ("copy", "move"):
            return kind, place, uids, other[1]
        if kind == "set_flags":
            return kind, place, uids, pick.choice(list(FlagMode)), pick.sample(FLAGS, 2)
        if kind == "expunge":
            return kind, place, uids
        return self.folder_or_queue(kind, place[0])

    def folder_or_queue(self, kind, account):
        if kind == "drop":
            return kind, self.queued.pop()
        if kind == "enqueue":
            self.queued.append(f"m{next(self.serial)}")
            return kind, self.queued[-1], self.text()
        name = f"F{next(self.serial)}"
        mine = [each for each in self.extra if each[0] == account and each[1] != "Extra"]
        if not mine:
            self.extra.append((account, name))
            return "create", account, name
        self.extra.remove(mine[0])
        if self.random.random() < 0.5:
            self.extra.append((account, name))
            return "rename", account, mine[0][1], name
        return "delete", account, mine[0][1]


def counting(player, tick):
    """`tick()` ahead of every file operation and every SQL statement of the writer."""
    player.world.store.opened.committer._batches._connection.set_trace_callback(lambda _sql: tick())
    return files.watched_by(lambda _operation, _path: tick())


def write_script(seed, root):
    """(commands, the state before the first and after each, how many operations it took)."""
    player, author = Player(root), Author(seed)
    commands, states, count = [], [player.state()], itertools.count()
    for _ in range(STEPS):
        commands.append(author.next(player))
        with counting(player, lambda: next(count)):
            player.play(*commands[-1])
        player.world.store.opened.committer._batches._connection.set_trace_callback(None)
        states.append(player.state())
    player.world.close()
    return commands, states, next(count)


def play_until(root, commands, stop_at):
    """In a child that ends at operation `stop_at`: how many commands had ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            count = itertools.count(1)
            player = Player(root)
            with counting(player, lambda: next(count) >= stop_at and os._exit(9)):
                for command in commands:
                    player.play(*command)
                    os.write(writing, b".")
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        ended = len(pipe.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, 9)
    return ended


def check(root, before, after, why):
    """`before` is what was acknowledged, `after` what the command under way would have made of it."""
    player = Player(root)
    found = player.state()
    check_boxes(found, before, after, why)
    for message_id, text in found.queued.items():
        assert text in (before.queued.get(message_id), after.queued.get(message_id)), why
    assert before.queued.keys() & after.queued.keys() <= found.queued.keys(), why
    left = {path.name for path in (root / "queue").iterdir()} - {"orphaned"}  # where unclaimed files are put
    assert left == found.queued.keys(), why
    for name in player.world.store.accounts():
        assert run(player.world.store.check(name, repair=False)).findings == (), why
    player.world.close()
    for index in root.glob("index.sqlite*"):
        index.unlink()
    again = World(root, now=lambda: NOW)
    rebuilt = {
        folder.uidvalidity: picture(run(again.account(name).open(folder.name)))
        for name in (ALICE, BOB)
        for folder in again.account(name).folders()
    }
    assert rebuilt == {uidvalidity: messages for uidvalidity, (_, messages) in found.boxes.items()}, why
    again.close()


def check_boxes(found, before, after, why):
    places, places_after = before.places(), after.places()
    touched = {text for text in places | places_after if places.get(text) != places_after.get(text)}
    assert before.boxes.keys() & after.boxes.keys() <= found.boxes.keys() <= before.boxes.keys() | after.boxes.keys()
    lost = places.keys() & places_after.keys() - found.places().keys()
    assert not lost, why
    for uidvalidity, (modseq, messages) in found.boxes.items():
        old_modseq, old = before.boxes.get(uidvalidity, (0, {}))
        _, new = after.boxes.get(uidvalidity, (0, {}))
        assert modseq >= old_modseq, why
        for uid in old.keys() & new.keys():
            assert messages.get(uid) in (old[uid], new[uid]), why
        for uid, (_, text) in messages.items():
            known = old.get(uid) or new.get(uid)
            if known is None:
                assert text in touched, ("twice", why)  # it came, and nobody was told of its UID
            else:
                assert known[1] == text, ("a UID has another meaning", why)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template") / "store"
    player = Player(root)
    for number, (account, name) in enumerate(PLACES):
        player.world.append(name, b"%d\r\n" % number, b"%d again\r\n" % number, flags=("word",), account=account)
    player.enqueue("m0", b"queued\r\n")
    player.world.close()
    return root


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_every_operation_of_a_script(template, tmp_path, seed, capsys):
    commands, states, operations = write_script(seed, shutil.copytree(template, tmp_path / "whole"))
    points = range(1, operations + 1)
    if len(points) > STATES_A_SEED:
        points = sorted(random.Random(seed).sample(points, STATES_A_SEED))
    for stop_at in points:
        root = shutil.copytree(template, tmp_path / "store")
        ended = play_until(root, commands, stop_at)
        under_way = min(ended + 1, len(commands))
        check(root, states[ended], states[under_way], (seed, stop_at, ended, commands[min(ended, STEPS - 1)]))
        shutil.rmtree(root)
    with capsys.disabled():
        print(f"\nseed {seed}: killed at {len(points)} of {operations} operations, whole after each")
