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

import pytest

from mailstack.base import files
from tests.faults.script import NOW, PLACES, Author, Player, check
from tests.store.world import ALICE, BOB, World, picture, run

LONG = os.environ.get("MAILSTACK_FAULTS") == "long"
SEEDS = range(12) if LONG else range(2)
STATES_A_SEED = 1_000 if LONG else 25
STEPS = 14


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


def check_twice(root, before, after, why):
    """As it is, and when its index is made again."""
    player = Player(root)
    found = check(player, before, after, why)
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


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template") / "store"
    player = Player(root)
    for number, (account, name) in enumerate(PLACES):
        player.world.append(name, b"%d\r\n" % number, b"%d again\r\n" % number, flags=("word",), account=account)
    player.play("enqueue", "m0", b"queued\r\n")
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
        check_twice(root, states[ended], states[under_way], (seed, stop_at, ended, commands[min(ended, STEPS - 1)]))
        shutil.rmtree(root)
    with capsys.disabled():
        print(f"\nseed {seed}: killed at {len(points)} of {operations} operations, whole after each")
