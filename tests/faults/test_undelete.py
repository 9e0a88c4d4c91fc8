"""A kill, or a fault, at every file operation of expunge, deletion and undelete: each message is there, once."""

import errno
import itertools
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from mailstack.base import files
from mailstack.base.errors import MailError
from mailstack.store.values import FlagMode
from tests.faults.test_store_files import Killed, all_octets, contents, failing_at
from tests.store.world import ALICE, World, run

TEXTS = [b"Subject: %d\r\n\r\n" % number for number in range(6)]
KEEP = 7 * 86400.0


def expunge(world):
    inbox = world.open()
    run(inbox.set_flags([1, 2], FlagMode.ADD, ["\\Seen", "word"]))
    run(inbox.expunge([1, 2]))


def delete(world):
    run(world.open("Archive").set_flags([1], FlagMode.ADD, ["\\Seen"]))
    run(world.account().delete("Archive"))


def undelete(world):
    run(world.store.bring_back(ALICE, run(world.store.kept(ALICE)), None))


COMMANDS = [expunge, delete, undelete]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template") / "store"
    root.mkdir()
    world = World(root, keep_expunged=KEEP)
    world.append("INBOX", *TEXTS[:3])
    world.append("Archive", *TEXTS[3:5])
    run(world.account().create("Old"))
    world.append("Old", TEXTS[5])
    run(world.open().expunge([3]))
    run(world.account().delete("Old"))
    world.close()
    return root


@pytest.fixture
def prepare(template, tmp_path):
    def prepared():
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        return World(shutil.copytree(template, tmp_path / "store"), keep_expunged=KEEP)

    return prepared


def every(world):
    """The octets of all messages, wherever they are."""
    live = all_octets(contents(world, ALICE))
    texts = [Path(each.path).read_bytes() for each in run(world.store.kept(ALICE))]
    return sorted(live + texts)


@pytest.mark.parametrize("without_index", [False, True], ids=["index", "no-index"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_killed(prepare, command, without_index):
    for step in itertools.count():
        world = prepare()
        seam, seen = failing_at(step, Killed())
        with files.watched_by(seam), suppress(Killed):
            command(world)
        world.crash(without_index=without_index)
        assert every(world) == TEXTS, seen
        assert run(world.store.check(ALICE, repair=False)).findings == (), seen
        undelete(world)
        assert all_octets(contents(world, ALICE)) == TEXTS
        world.close()
        if not seen:
            break
    assert step > 3


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_each_operation_fails_once(prepare, command):
    for step in itertools.count():
        world = prepare()
        seam, seen = failing_at(step, OSError(errno.EIO, "broken"))
        with files.watched_by(seam), suppress(MailError):
            command(world)
        world.reopen()
        assert every(world) == TEXTS, seen
        world.close()
        if not seen:
            break
    assert step > 3
