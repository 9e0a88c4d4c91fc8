"""A disk that refuses, for as long as it does: what peers are told, what still works, and that it recovers by itself.

Every kind of file operation fails with every kind of fault, under every kind of command, until the
disk works again; SQLite's own writes and syncs too (through its VFS).
"""

import errno
import os

import pytest

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.store.values import FlagMode
from tests.faults.recorder import failing_sqlite, is_reachable, watched_sqlite
from tests.faults.script import SET_ASIDE, Player
from tests.store.world import ALICE, BOB, picture, run

NEW = b"Subject: new\r\n\r\ncomes now\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"x" * 70_000 + b"\r\n"
FAULTS = {
    errno.ENOSPC: Condition.STORAGE_FULL,
    errno.EDQUOT: Condition.STORAGE_FULL,
    errno.EIO: Condition.UNAVAILABLE,
    errno.EMFILE: Condition.UNAVAILABLE,
    errno.EROFS: Condition.UNAVAILABLE,
}
OPERATIONS = ("write", "link", "rename", "mkdir", "utime", "syncfs", "fsync", "commit")
LONG = os.environ.get("MAILSTACK_FAULTS") == "long"
PAIRS = [
    (operation, number)
    for operation in OPERATIONS
    for number in FAULTS
    if LONG or number in (errno.ENOSPC, errno.EIO) or operation == "write"
]
SQLITE_FAULTS = {  # SQLite's number → what the peer is told
    13: Condition.STORAGE_FULL,  # SQLITE_FULL
    778: Condition.UNAVAILABLE,  # SQLITE_IOERR_WRITE
}
INBOX = ALICE, "INBOX"
COMMANDS = (
    ("deliver", NEW, [(ALICE, "INBOX"), (BOB, "Sent")]),
    ("deliver", LARGE, [(ALICE, "INBOX"), (BOB, "INBOX")]),
    ("deliver", NEW, [("carol@demo.test", "INBOX")]),
    ("append", INBOX, [NEW, LARGE], ["\\Seen", "new-keyword"]),
    ("copy", INBOX, [1, 2], "Sent"),
    ("move", INBOX, [1, 2], "Archive"),
    ("set_flags", INBOX, [1], FlagMode.ADD, ["\\Flagged", "another"]),
    ("expunge", INBOX, [2]),
    ("create", ALICE, "Made"),
    ("rename", ALICE, "Sent", "Renamed"),
    ("delete", ALICE, "Trash"),
    ("enqueue", "m1", NEW),
    ("drop", "m0"),
)


@pytest.fixture
def fresh(tmp_path):
    with watched_sqlite():
        player = Player(tmp_path / "store")
    player.play("append", INBOX, [b"was there\r\n", b"this too\r\n"], ["word"])
    player.play("append", (ALICE, "Trash"), [b"old\r\n"], [])
    player.play("enqueue", "m0", b"queued\r\n")
    player.state()  # both accounts are there
    yield player
    player.world.close()


def refusing(operation, number):
    def before(what, path):
        if what == operation and "probe" not in path:
            raise OSError(number, os.strerror(number), path)

    return files.watched_by(before)


def seen(player):
    """Everything that sessions see."""
    accounts = {name: player.world.account(name) for name in player.world.store.accounts()}
    boxes = {
        (name, folder.name): picture(run(account.open(folder.name)))
        for name, account in accounts.items()
        for folder in account.folders()
    }
    return boxes, player.state().queued


def attempt(player, command):
    """The condition that it was refused with; None when it was carried out."""
    try:
        player.play(*command)
    except MailError as error:
        return error.condition
    return None


def check_refused_then_done(player, command, broken, condition):
    before = seen(player)
    with broken:
        told = attempt(player, command)
        assert told in (None, condition), command
        after = seen(player)  # reading goes on
        if told is not None:
            assert after == before, "half of it is there"
    if told is not None:
        assert attempt(player, command) is None, "it did not recover by itself"
    assert seen(player) != before
    assert player.world.store.trouble == ""
    for name in player.world.store.accounts():
        findings = run(player.world.store.check(name, repair=False)).findings
        assert all(SET_ASIDE in what for _, what in findings), findings


@pytest.mark.parametrize(("operation", "number"), PAIRS, ids=lambda each: errno.errorcode.get(each, each))
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command[0]}-{COMMANDS.index(command)}")
def test_a_refused_operation(fresh, command, operation, number):
    check_refused_then_done(fresh, command, refusing(operation, number), FAULTS[number])


@pytest.mark.skipif(not is_reachable(), reason="SQLite of this Python cannot be watched")
@pytest.mark.parametrize("number", SQLITE_FAULTS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command[0]}-{COMMANDS.index(command)}")
def test_a_database_that_refuses(fresh, command, number):
    check_refused_then_done(fresh, command, failing_sqlite(number), SQLITE_FAULTS[number])


def test_trouble_is_told(fresh):
    store = fresh.world.store
    assert store.trouble == ""
    with refusing("syncfs", errno.EIO):
        assert attempt(fresh, COMMANDS[0]) is Condition.UNAVAILABLE
        assert "Input/output error" in store.trouble
        assert attempt(fresh, COMMANDS[0]) is Condition.UNAVAILABLE
    assert attempt(fresh, COMMANDS[0]) is None
    assert store.trouble == ""
