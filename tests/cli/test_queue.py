"""`mailstack queue`, on the files of a server that does not run."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailstack.cli.queue import _size, _span
from mailstack.queue import table
from mailstack.queue.api import Envelope, Recipient
from mailstack.queue.resting import RestingQueue
from tests.cli.world import World


@pytest.fixture
def waiting(world: World) -> World:
    """Two messages wait: one for two recipients."""
    (world.state / "queue").mkdir(parents=True)
    db = sqlite3.connect(world.state / "index.sqlite")
    arrived = datetime.now(UTC) - timedelta(hours=3)
    with db:
        table.migrate(db)
        for number, addresses in ((1, ("x@else.test", "y@third.test")), (2, ("z@else.test",))):
            envelope = Envelope(
                f"m{number}", "alice@demo.test", tuple(map(Recipient, addresses)), 5000 * number, arrived
            )
            table.insert(db, envelope, arrived.timestamp())
            (world.state / "queue" / envelope.id).write_bytes(b"x")
        db.execute(
            "UPDATE queue_recipient SET tries = 2, next_try = ?, host = 'mx.else.test', code = 451, status = '4.7.1',"
            " text = 'try \x1b[31mlater', command = 'DATA' WHERE address = 'x@else.test'",
            ((datetime.now(UTC) + timedelta(minutes=30)).timestamp(),),
        )
    db.close()
    return world


def test_empty(world: World) -> None:
    assert world.says("queue", "list") == "The queue is empty.\n"
    assert world.json("queue", "list") == []
    assert world.says("queue", "retry", "all") == "The queue is empty.\n"
    assert "nothing in the queue goes by 'x.test'" in world.refuses("queue", "retry", "x.test")


def test_list(waiting: World) -> None:
    rows = waiting.json("queue", "list")
    assert [(row["id"], row["recipient"], row["tries"]) for row in rows] == [
        ("m1", "x@else.test", 2),
        ("m1", "y@third.test", 0),
        ("m2", "z@else.test", 0),
    ]
    said = waiting.says("queue", "list")
    assert said.splitlines()[:4] == [
        "m1  from <alice@demo.test>, 4.9 KiB, for 3 h",
        "    x@else.test  tried 2\N{MULTIPLICATION SIGN}, next in 29 min",
        "        mx.else.test: 451 4.7.1 try ?[31mlater",
        "    y@third.test  tried 0\N{MULTIPLICATION SIGN}, next due",
    ]
    assert "\x1b" not in said


def test_retry(waiting: World) -> None:
    assert waiting.says("queue", "retry", "else.test") == "2 recipients will be tried now.\n"
    due = [datetime.fromisoformat(row["next_try"]) for row in waiting.json("queue", "list")]
    assert all(moment <= datetime.now(UTC) + timedelta(seconds=1) for moment in due)


def test_drop(waiting: World) -> None:
    waiting.run("queue", "drop", "m1", typed="n\n", status=1)
    assert waiting.says("queue", "drop", "x@else.test", "--yes") == "1 recipient dropped.\n"
    assert (waiting.state / "queue" / "m1").exists()
    assert waiting.says("queue", "drop", "all", "--yes") == "2 recipients dropped.\n"
    assert list((waiting.state / "queue").iterdir()) == []
    assert waiting.json("queue", "list") == []


def test_a_broken_queue(world: World) -> None:
    world.state.mkdir()
    (world.state / "index.sqlite").write_bytes(b"x" * 5000)
    assert "cannot be used: file is not a database" in world.refuses("queue", "list")


def test_an_index_without_a_queue(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "index.sqlite").close()
    assert RestingQueue(str(tmp_path / "index.sqlite"), str(tmp_path)).list() == []


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 s"), (90, "90 s"), (150, "2 min"), (3 * 3600, "3 h"), (5 * 86400, "5 d")]
)
def test_spans(seconds: float, said: str) -> None:
    assert _span(seconds) == said


@pytest.mark.parametrize(("octets", "said"), [(10, "10 B"), (5000, "4.9 KiB"), (3 << 20, "3.0 MiB")])
def test_sizes(octets: int, said: str) -> None:
    assert _size(octets) == said
