"""`mailstack queue`, on the files of a server that does not run."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailstack.cli.queue import _size
from mailstack.cli.reasons import span
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


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["all"], "xyz"),
        (["m1"], "xy"),
        (["ELSE.test"], "xz"),
        (["Y@third.test"], "y"),
        (["--domain", "*.test"], "xyz"),
        (["--domain", "third.test"], "y"),
        (["--sender", "demo.test", "--recipient", "z@*"], "z"),
        (["--sender", "alice@demo.test"], "xyz"),
        (["--sender", "<>"], ""),
        (["--age", "2h"], "xyz"),
        (["--age", "4h"], ""),
        (["--reason", "451 4.7.1"], "x"),
        (["--reason", "MX.else"], "x"),
        (["--state", "deferred"], "x"),
        (["--state", "new"], "yz"),
        (["--state", "held"], ""),
        (["else.test", "--state", "new"], "z"),
    ],
)
def test_filters(waiting: World, options: list[str], found: str) -> None:
    assert "".join(row["recipient"][0] for row in waiting.json("queue", "list", *options)) == found


def test_limit(waiting: World) -> None:
    assert len(waiting.json("queue", "list", "--limit", "2")) == 2
    assert len(waiting.json("queue", "list", "--limit", "0")) == 3


def test_hold_and_release(waiting: World) -> None:
    assert "2 recipients held" in waiting.says("queue", "hold", "m1")
    assert [row["state"] for row in waiting.json("queue", "list")] == ["held", "held", "new"]
    assert "held" in waiting.says("queue", "list").splitlines()[1]
    assert "mailstack queue release m1" in waiting.says("queue", "why", "x@else.test")
    assert "1 recipient will be tried again" in waiting.says("queue", "release", "--recipient", "y@*")
    assert waiting.says("queue", "retry", "x@else.test") == "1 recipient will be tried now.\n"
    assert [row["state"] for row in waiting.json("queue", "list")] == ["deferred", "new", "new"]


def test_commands_that_change_want_to_know_what(waiting: World) -> None:
    for command in ("retry", "hold", "release", "drop"):
        assert "say which" in waiting.refuses("queue", command)
    assert "--age" in waiting.run("queue", "drop", "--age", "soon", status=2).output


def test_why(waiting: World) -> None:
    db = sqlite3.connect(waiting.state / "index.sqlite")
    with db:
        for hours, code, text in ((3, 451, "greylisted, come back"), (2, 421, "busy"), (1, 421, "busy")):
            tried = (datetime.now(UTC) - timedelta(hours=hours)).timestamp()
            status = f"4.7.{code - 420}"
            db.execute(
                "INSERT INTO queue_try VALUES (1, ?, 'mx.else.test', ?, ?, ?, 'RCPT TO:<x>')",
                (tried, code, status, text),
            )
    db.close()
    said = waiting.says("queue", "why", "x@else.test").splitlines()
    assert said[0].startswith("x@else.test: message m1 from <alice@demo.test>, here since ")
    assert "mx.else.test said 451 4.7.31 greylisted, come back (to our RCPT TO)" in said[1]
    assert "2 tries: mx.else.test said 421 4.7.1 busy" in said[2]
    assert "too busy" in said[3]
    assert said[4].startswith("    Next: a try at ")
    assert "in 29 min" in said[4]
    assert "notice of delay at" in said[5]
    assert "given up at" in said[6]
    assert "not been tried yet" in waiting.says("queue", "why", "y@third.test")
    [row] = waiting.json("queue", "why", "x@else.test")
    assert [each["code"] for each in row["heard"]] == [451, 421, 421]
    assert "nothing in the queue fits" in waiting.refuses("queue", "why", "other.test")


def test_show(waiting: World) -> None:
    (waiting.state / "queue" / "m1").write_bytes(b"Subject: hello\r\n\r\nbody\x1b\r\n")
    said = waiting.says("queue", "show", "m1")
    assert "x@else.test" in said
    assert "Subject: hello" in said
    assert "body" not in said
    assert "body?" in waiting.says("queue", "show", "m1", "--whole")
    assert waiting.json("queue", "show", "m1")["size"] == 25
    for name in ("m9", "../index.sqlite", "."):
        assert "no message" in waiting.refuses("queue", "show", name)


def test_a_broken_queue(world: World) -> None:
    world.state.mkdir()
    (world.state / "index.sqlite").write_bytes(b"x" * 5000)
    assert "cannot be used: file is not a database" in world.refuses("queue", "list")


def test_an_index_without_a_queue(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "index.sqlite").close()
    assert RestingQueue(str(tmp_path / "index.sqlite"), str(tmp_path)).list() == ([], None)


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 s"), (90, "90 s"), (150, "2 min"), (3 * 3600, "3 h"), (5 * 86400, "5 d")]
)
def test_spans(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(("octets", "said"), [(10, "10 B"), (5000, "4.9 KiB"), (3 << 20, "3.0 MiB")])
def test_sizes(octets: int, said: str) -> None:
    assert _size(octets) == said
