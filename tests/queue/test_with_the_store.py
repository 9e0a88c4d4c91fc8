"""The queue on the store's own ledger and staging, and what a failing disk does to it."""

from datetime import UTC, datetime

import pytest
from twisted.internet.task import Clock

from mailstack.base import files
from mailstack.base.errors import MailError
from mailstack.queue.api import Envelope, Recipient
from mailstack.queue.pick import Agenda, Limits, by_domain
from mailstack.queue.spool import Spool
from mailstack.store.service import Store
from tests.queue.world import START, by, run

CALLS = 12


def opened(tmp_path, **more):
    clock = Clock()
    clock.rightNow = START
    store = Store(str(tmp_path), durability="none", now=clock.seconds)
    store.start()
    spool = Spool(tmp_path / "queue", store.ledger, Agenda(Limits()), lane_of=by_domain(), now=clock.seconds, **more)
    run(spool.open())
    return store, spool


def enqueue(store, spool, message_id, octets):
    staged = store.stage()
    staged.write(octets)
    staged.finish()
    arrived = datetime.fromtimestamp(START, UTC)
    try:
        run(spool.enqueue(Envelope(message_id, "a@here.test", (Recipient("x@t.test"),), staged.size, arrived), staged))
    finally:
        staged.discard()


def stop(store):
    run(store.stop())


@pytest.mark.parametrize("size", [100, 200_000])
@pytest.mark.parametrize("sync_each", [False, True])
def test_kept_over_a_restart(tmp_path, size, sync_each):
    store, spool = opened(tmp_path, sync_each=sync_each)
    enqueue(store, spool, "m1", b"x" * size)
    stop(store)
    store, spool = opened(tmp_path)
    assert [queued.message_id for queued in spool.list()[0]] == ["m1"]
    content = spool.content("m1")
    assert content.read(0, size + 1) == b"x" * size
    content.close()
    assert run(spool.drop(by("m1"))) == (1, None)
    assert [p.name for p in (tmp_path / "queue").iterdir()] == []
    stop(store)


@pytest.mark.parametrize("size", [100, 200_000])
@pytest.mark.parametrize("call", range(CALLS))
def test_the_disk_fails_at_the_nth_operation(tmp_path, call, size):
    """Either it is queued, whole, or the caller was told; a restart agrees."""
    store, spool = opened(tmp_path, sync_each=True)
    count = 0

    def fail(operation, path):
        nonlocal count
        count += 1
        if count == call + 1:
            raise OSError(28, "No space left on device")

    queued = False
    with files.watched_by(fail):
        try:
            enqueue(store, spool, "m1", b"x" * size)
            queued = True
        except (MailError, OSError):
            pass
    stop(store)
    store, spool = opened(tmp_path)
    assert bool(spool.list()[0]) is queued
    assert (tmp_path / "queue" / "m1").exists() is queued
    stop(store)
