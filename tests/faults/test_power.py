"""Power cuts: what was not synced is lost, in any part and order; then the store is opened again.

Random commands are carried out, alone and several in one batch, while everything that
reaches the files is recorded, SQLite's own writes too.  Then the power is cut after each of
these events, and at each cut the disk is laid out as it may be (tests.faults.disk): all that
was not synced is lost, or kept, or half written, or single changes of it are lost, or random
ones.  What was acknowledged before the cut must be there, once, under its UID; nothing of what
was under way may be half there; modseqs only grow; `store check` finds nothing.
"""

import hashlib
import os
import random
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.store import commit, foldering, opened
from mailstack.store.batches import Task
from mailstack.store.digests import Digests
from mailstack.store.kept import Kept
from mailstack.store.values import SpecialUse
from tests.faults.recorder import Recorder, is_reachable, watched_sqlite
from tests.faults.script import PLACES, Author, Player, check

LONG = os.environ.get("MAILSTACK_FAULTS") == "long"
SEEDS = range(24) if LONG else range(2)
STEPS = 12
RANDOM_TRIES = 20 if LONG else 4
MOST_TRIED = 2_000 if LONG else 400  # different states a seed; more than that are chosen from at random
CHECKPOINT_PAGES = 30  # of SQLite's log, so that it begins anew a few times in a script


class _Later:
    """The answer to a job that waits for its batch."""

    def __init__(self, task):
        self.task = task

    def __await__(self):
        yield
        if self.task.failure is not None:
            raise self.task.failure
        return self.task.result


class Gathering(commit.InlineCommitter):
    """Jobs of several callers in one batch, as the thread would gather them; chores only when told to."""

    waiting = None  # not gathering

    def submit(self, job):
        if self.waiting is None:
            return super().submit(job)
        self.waiting.append(Task(job, lambda _task: None))
        return _Later(self.waiting[-1])

    def _do_chores(self):
        pass

    def do_chores(self):
        super()._do_chores()

    def flush(self):
        tasks, self.waiting = self.waiting, []
        self._batches.run(tasks)
        commit._release(tasks, self._batches)


def together(player, commands):
    """All of them in as few batches as it takes; afterwards all are acknowledged (or refused)."""
    committer = player.world.store.opened.committer
    committer.waiting = []
    coroutines = [player.start(*command) for command in commands]
    while coroutines := [each for each in coroutines if _goes_on(each)]:
        committer.flush()
    committer.waiting = None


def _goes_on(coroutine):
    try:
        coroutine.send(None)
    except StopIteration:
        return False
    except MailError as error:  # an earlier command of the batch has taken the folder away
        assert error.condition in (Condition.NO_SUCH_MAILBOX, Condition.MAILBOX_EXISTS, Condition.NO_SUCH_MESSAGE)
        return False
    return True


@contextmanager
def small_world():
    """Accounts with three mailboxes, and no cache."""
    folders = (("Sent", SpecialUse.SENT), ("Archive", SpecialUse.ARCHIVE))
    with (
        mock.patch.object(foldering, "DEFAULT_FOLDERS", folders),
        mock.patch.object(opened, "Kept", lambda _path, octets: Kept(None, octets)),
        mock.patch.object(opened, "Digests", lambda _path, octets: Digests(None, octets)),
    ):
        yield


def play(root, seed, durability):
    """(the recorder, the states before and after each batch, the batches)."""
    author, chance = Author(seed), random.Random(seed)
    with mock.patch.object(opened, "InlineCommitter", Gathering), watched_sqlite():
        player = Player(root, durability=durability)
    committer = player.world.store.opened.committer
    committer._batches._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    for number, (account, name) in enumerate(PLACES):
        player.world.append(name, b"%d\r\n" % number, b"%d again\r\n" % number, flags=("word",), account=account)
    player.play("enqueue", "m0", b"queued\r\n")
    committer.do_chores()
    states, batches = [player.state()], []
    recorder = Recorder(root)
    with recorder.recording():
        for _ in range(STEPS):
            count = chance.choice([1, 1, 2, 4])
            batches.append([author.next(player) for _ in range(count)])
            together(player, batches[-1])
            recorder.mark("acknowledged")
            if chance.random() < 0.6:
                committer.do_chores()
            states.append(player.state())
    folders, octets, _ = recorder.look()
    player.world.store.abandon()
    final = recorder.disk()
    for event in recorder.events:
        if not isinstance(event, str):
            final.happen(event)
    final.keep_all()
    seen = {inode: names for inode, names in final.folders.items() if inode in folders}
    assert (seen, {inode: final.octets[inode] for inode in octets}) == (folders, octets), "something was not recorded"
    return recorder, states, [*batches, []]


class Cuts:
    """All disks that a power cut may have left, each with what was acknowledged, in order of appearance."""

    def __init__(self, recorder, seed):
        self.total = 0
        self._recorder, self._random = recorder, random.Random(seed)
        self._logical = {}

    def different(self):
        found = {}
        disk, acknowledged = self._recorder.disk(), 0
        for at, event in enumerate(self._recorder.events):
            if event == "acknowledged":
                acknowledged += 1
                disk.tell_again()
            else:
                disk.happen(event)
            for tree in disk.outcomes(self._random, RANDOM_TRIES):
                self.total += 1
                if tree is not None:
                    found.setdefault((acknowledged, self._fingerprint(tree)), (at, acknowledged, tree))
        return list(found.values())

    def _fingerprint(self, tree):
        """The same for disks on which the store has the same to work with: databases as SQLite recovers them."""
        rest = frozenset((path, octets) for path, (octets, _) in tree.items() if "index.sqlite" not in path)
        return hash(rest), self._database(tree["/index.sqlite"][0], tree.get("/index.sqlite-wal", (b"",))[0])

    def _database(self, octets, log):
        key = hash(octets), hash(log)
        if key not in self._logical:
            self._logical[key] = _content(octets, log)
        return self._logical[key]


def _content(octets, log):
    """What SQLite finds in a database with this log."""
    with tempfile.TemporaryDirectory(dir=_fast()) as folder:
        path = Path(folder) / "index.sqlite"
        path.write_bytes(octets)
        path.with_name("index.sqlite-wal").write_bytes(log)
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            rows = [database.execute(f"SELECT * FROM {table}").fetchall() for (table,) in tables]
    return hashlib.sha256(repr(rows).encode()).digest()


def _fast():
    """A file system in memory, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Place:
    """A folder that is laid out again and again; files that the last use has left alone are not written again."""

    def __init__(self, root):
        self.root = root
        self._written = {}  # path → (inode, octets)

    def lay_out(self, tree):
        self._clear(self.root, "", tree)
        for path, (octets, ns) in tree.items():
            place = f"{self.root}{path}"
            if octets is None:
                if not os.path.isdir(place):  # noqa: PTH112  most of the time of this test
                    os.mkdir(place)  # noqa: PTH102
            elif not self._is_there(path, place, octets, ns):
                with open(place, "wb") as file:  # noqa: PTH123
                    file.write(octets)
                os.utime(place, ns=(ns, ns))
                self._written[path] = os.stat(place).st_ino, octets  # noqa: PTH116

    def _is_there(self, path, place, octets, ns):
        """Nobody writes into a file but SQLite."""
        inode, before = self._written.get(path, (0, None))
        if before != octets or "sqlite" in path:
            return False
        try:
            found = os.stat(place)  # noqa: PTH116
        except FileNotFoundError:
            return False
        return (found.st_ino, found.st_size, found.st_mtime_ns) == (inode, len(octets), ns)

    def _clear(self, folder, path, tree):
        for entry in list(os.scandir(folder)):
            here = f"{path}/{entry.name}"
            if entry.is_dir():
                if here in tree:
                    self._clear(entry.path, here, tree)
                else:
                    shutil.rmtree(entry.path)
            elif here not in tree:
                os.unlink(entry.path)  # noqa: PTH108


pytestmark = pytest.mark.skipif(not is_reachable(), reason="SQLite of this Python cannot be watched")


@pytest.fixture
def fast_folder():
    with tempfile.TemporaryDirectory(dir=_fast()) as folder:
        yield Path(folder)


@pytest.mark.parametrize("durability", ["syncfs", "fsync"])
@pytest.mark.parametrize("seed", SEEDS)
def test_power_cut_at_every_write(fast_folder, seed, durability, capsys):
    with small_world():
        recorder, states, batches = play(fast_folder / "store", seed, durability)
        cuts = Cuts(recorder, seed)
        different = cuts.different()
        tried = different if len(different) <= MOST_TRIED else random.Random(seed).sample(different, MOST_TRIED)
        place = Place(str(fast_folder / "after"))
        (fast_folder / "after").mkdir()
        for at, acknowledged, tree in tried:
            place.lay_out(tree)
            why = (seed, durability, at, recorder.events[at], batches[acknowledged])
            player = Player(fast_folder / "after", now=time.time())
            check(player, states[acknowledged], states[min(acknowledged + 1, STEPS)], why)
            player.world.store.abandon()
    with capsys.disabled():
        print(
            f"\n{durability}, seed {seed}: power cut at {len(recorder.events)} events,"
            f" {cuts.total} disks, {len(different)} of them different, {len(tried)} tried, whole after each"
        )
