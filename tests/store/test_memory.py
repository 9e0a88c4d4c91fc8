"""One bound of all that is kept in memory, across accounts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mailstack.store.allowance import Allowance
from mailstack.store.memory import Memory
from tests.store.world import ALICE, BOB, World, run

MIB = 1 << 20


class Shelf:
    def __init__(self, *octets):
        self.kept = list(octets)

    @property
    def octets(self):
        return sum(self.kept)

    def give_back(self):
        return len(self.kept) > 1 and bool(self.kept.pop(0))


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        ([10, 10], [70], ([10, 10], [70])),  # one may use what the other does not
        ([40, 30, 20], [10, 10], ([30, 20], [10, 10])),  # whoever is most over its share gives, the oldest first
        ([40], [60, 30], ([40], [30])),
        ([90], [5, 5, 5], ([90], [5, 5])),  # what is in use cannot be given
        ([90], [20], ([90], [20])),
    ],
)
def test_parts_share_a_bound(first, second, left):
    shelves = Shelf(*first), Shelf(*second)
    allowance = Allowance(100, [(shelf, 0.5) for shelf in shelves])
    allowance.keep()
    assert tuple(shelf.kept for shelf in shelves) == left
    assert allowance.used == sum(map(sum, left))


def test_what_is_not_in_use_goes_and_comes_again(tmp_path):
    world = World(tmp_path, memory=0)
    memory: Memory = world.store.opened.memory
    for name in (ALICE, BOB):
        world.append("INBOX", b"Subject: one\r\n\r\n", account=name)
    inbox = world.open(account=ALICE)
    assert inbox.kept("envelope", 1, lambda _content: b"made") == b"made"
    assert inbox.kept("other", 1, lambda _content: b"more") == b"more"
    for name in ("Sent", "Drafts", "Trash"):
        world.open(name, account=BOB).release()
    assert len(memory.mailboxes) == 2  # the one in use, and the last
    assert memory.kept.octets < 1000
    assert inbox.kept("envelope", 1, lambda _content: b"again") in (b"made", b"again")
    run(world.store.account(BOB))
    assert list(memory.accounts) == [BOB] or ALICE in memory.accounts
    held = world.account(ALICE)
    world.account(BOB)
    run(held.create("New"))
    assert "New" in [folder.name for folder in world.account(ALICE).folders()]
    assert world.account(ALICE) is held, "whoever has a session keeps its account"
    world.close()


def test_a_thousand_open_accounts(tmp_path):
    """340 MB are offered to be kept; what is counted and what the system says agree."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.thousand", str(tmp_path / "store"), str(32 * MIB)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["counted"] <= 32 * MIB
    assert told["open"] <= 40 * MIB, "a thousand accounts with a mailbox open in each"
    assert told["kept"] <= 48 * MIB, told
    assert told["mailboxes"] < 1000
