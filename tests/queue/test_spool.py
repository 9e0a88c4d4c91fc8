import sqlite3

import pytest

from mailstack.queue import table
from tests.queue.world import World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, None)
    yield made
    made.close()


def reopen(world):
    world.ledger.connection.close()
    world.open()


def test_rows_without_a_file_are_due_at_once(world):
    """The runner finds the file missing, and tells the sender."""
    world.enqueue("m1", "x@t.test", "y@t.test")
    world.enqueue("m2", "x@t.test")
    (world.folder / "m1").unlink()
    reopen(world)
    assert len(world.waiting()) == 3
    world.clock.advance(1)
    world.spool.window.look(world.clock.seconds())
    due = []
    while (parcel := world.spool.agenda.take(world.clock.seconds())) is not None:
        due.append(parcel.message_id)
    assert "m1" in due


def test_files_without_rows_are_set_aside_and_halves_removed(world):
    (world.folder / "m9").write_bytes(b"never acknowledged, or all that is left")
    (world.folder / ".123.P1Q1").write_bytes(b"half")
    reopen(world)
    assert world.files() == []
    assert (world.folder / "orphaned" / "m9").read_bytes().startswith(b"never")
    reopen(world)
    assert (world.folder / "orphaned" / "m9").exists()


def test_a_large_message_is_moved_into_place(world):
    octets = b"x" * 99 + b"\n"
    world.enqueue("m1", "x@t.test", message=octets * 2000)
    content = world.spool.content("m1")
    assert content.size == 200_000
    assert content.read(199_990, 50) == octets[-10:]
    content.close()
    content.close()
    assert sorted(p.name for p in world.tmp_path.iterdir()) == ["index.sqlite", "queue"]


def test_the_agenda_is_filled_again_in_order(world):
    world.enqueue("m1", "x@t.test")
    world.clock.advance(5)
    world.enqueue("m2", "y@t.test", "z@t.test")
    reopen(world)
    world.spool.window.look(world.clock.seconds())
    first, second = world.spool.agenda.take(9e9), world.spool.agenda.take(9e9)
    assert (first.message_id, second.message_id, len(second.rows)) == ("m1", "m2", 2)


def test_migrations_run_once_and_a_newer_schema_is_refused():
    connection = sqlite3.connect(":memory:")
    table.migrate(connection)
    table.migrate(connection)
    connection.execute("INSERT INTO queue_schema VALUES (99)")
    with pytest.raises(RuntimeError, match="newer mailstack"):
        table.migrate(connection)
    connection.close()
