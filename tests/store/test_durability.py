"""What is synced by name where nothing syncs a whole file system."""

from mailstack.base import files
from mailstack.store import filing, foldering
from mailstack.store.batches import Task
from mailstack.store.durability import SyncEach
from mailstack.store.txn import StoreJob
from tests.store.world import ALICE, World, picture

TEXT = b"Subject: one\r\n\r\n1\r\n"


def together(world, *works):
    """Jobs in one batch; what was synced."""
    memory, synced = world.store.opened.memory, []
    tasks = [Task(StoreJob(memory.site, work, memory.apply, None), lambda _: None) for work in works]
    with files.watched_by(lambda operation, path: synced.append(path) if operation == "fsync" else None):
        world.store.opened.committer._batches.run(tasks)
    for task in tasks:
        assert task.failure is None
        task.job.publish(task.result)
    return synced


def test_a_folder_that_a_later_job_of_the_batch_renames(tmp_path):
    world = World(tmp_path, durability="fsync")
    world.open("Sent")
    staged = world.staged(TEXT)
    synced = together(
        world,
        lambda txn: filing.deliver(txn, [(staged, ((ALICE, "Sent"),), True)]),
        lambda txn: foldering.rename(txn, ALICE, "Sent", "Old"),
        lambda txn: foldering.rename(txn, ALICE, "Old", "Older"),
    )
    assert f"{world.maildir('.Older')}/cur" in synced
    assert list(picture(world.open("Older")).values()) == [((), TEXT)]
    assert str(world.maildir(".Older")) in together(
        world,
        lambda txn: foldering.create(txn, ALICE, "New", None),
        lambda txn: foldering.delete(txn, ALICE, "Older"),
        lambda txn: foldering.rename(txn, ALICE, "New", "Older"),
    )
    assert not world.store.opened.committer._batches.degraded
    assert picture(world.open("Older")) == {}
    world.close()


def test_what_another_program_took_away_is_left_out(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    synced = []
    with files.watched_by(lambda _, path: synced.append(path)):
        SyncEach(str(tmp_path)).sync([f"{tmp_path}/gone", f"{tmp_path}/a"])
    assert synced == [f"{tmp_path}/gone", f"{tmp_path}/a"]
