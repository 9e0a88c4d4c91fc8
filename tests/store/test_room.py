"""The reserve of free space, and who may read the store's files."""

import os

import pytest

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.store.values import FlagMode
from tests.store.world import World, run

TEXT = b"Subject: one\r\n\r\n1\r\n"
GIB = 1 << 30


@pytest.fixture
def disk(monkeypatch):
    """What the disk says from now on; `None` is the real one."""
    said = {"room": files.Room(1000 * GIB, GIB, 0, 0)}
    monkeypatch.setattr(files, "room_of", lambda _path: said["room"])
    return said


@pytest.mark.parametrize(
    ("room", "is_refused"),
    [
        (files.Room(1000 * GIB, 101 << 20, 0, 0), False),
        (files.Room(1000 * GIB, 99 << 20, 0, 0), True),
        (files.Room(GIB, 11 << 20, 0, 0), False),  # a small disk: 1 %
        (files.Room(GIB, 10 << 20, 0, 0), True),
        (files.Room(1000 * GIB, GIB, 1000, 1), False),
        (files.Room(1000 * GIB, GIB, 1000, 0), True),
    ],
)
def test_new_mail_is_refused_below_the_reserve_and_taken_again(tmp_path, disk, room, is_refused):
    clock = [1000.0]
    world = World(tmp_path, now=lambda: clock[0])
    world.append("INBOX", TEXT)
    disk["room"] = room
    clock[0] += 2
    if is_refused:
        with pytest.raises(MailError) as caught:
            world.append("INBOX", TEXT)
        assert caught.value.condition is Condition.STORAGE_FULL
        assert run(world.open().set_flags([1], FlagMode.ADD, ["\\Seen"])) == (1,)
        assert run(world.open().copy([1], "Sent")).sources == (1,)
        disk["room"] = files.Room(1000 * GIB, GIB, 1000, 10)
        clock[0] += 2
    world.append("INBOX", TEXT)
    world.close()


def test_the_disk_is_not_asked_for_every_message(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(files, "room_of", lambda path: asked.append(path) or files.Room(1000 * GIB, GIB, 0, 0))
    world = World(tmp_path, now=lambda: 1000.0)
    for _ in range(5):
        world.append("INBOX", TEXT)
    assert len(asked) == 2  # the mail's disk and the index's
    world.close()


def test_nobody_else_can_read_the_store(tmp_path):
    old = os.umask(0)
    try:
        world = World(tmp_path / "store")
        world.append("INBOX", TEXT)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "store").rglob("*") if path.is_file()}
        world.close()
    finally:
        os.umask(old)
    assert {"index.sqlite", "index.sqlite-wal", "cache.sqlite", "lock"} <= set(modes)
    assert set(modes.values()) == {0o600}
