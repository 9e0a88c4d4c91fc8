"""Every file operation of every command fails once, or is the last before a kill: nothing acknowledged is lost."""

import errno
import itertools
import os
import shutil

import pytest

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.store.batches import Task, WriteJob
from mailstack.store.delivery import Delivery
from mailstack.store.values import FlagMode
from tests.store.world import ALICE, BOB, Mirror, World, picture, run

KEPT = b"Subject: kept\r\n\r\nwas there before\r\n"
NEW = b"Subject: new\r\n\r\ncomes now\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"x" * 78 + b"\r\n" + b"y" * 70000 + b"\r\n"


class Killed(BaseException):
    """The process ends here."""


def deliver(world):
    world.deliver(NEW, (ALICE, "INBOX"), (BOB, "Sent"), (ALICE, "Archive"))


def deliver_large(world):
    world.deliver(LARGE, (ALICE, "INBOX"), (BOB, "INBOX"))


def deliver_to_new_account(world):
    world.deliver(NEW, ("carol@demo.test", "INBOX"))


def append(world):
    world.append("Sent", NEW, NEW, flags=("\\Seen", "new-keyword"))


def copy(world):
    run(world.open().copy([1, 2], "Sent"))


def move(world):
    run(world.open().move([1, 2], "Archive"))


def expunge(world):
    run(world.open().expunge([1, 2]))


def set_flags(world):
    run(world.open().set_flags([1, 2], FlagMode.ADD, ["\\Flagged", "another"]))


def create(world):
    run(world.account().create("Made/Below"))


def rename(world):
    run(world.account().rename("Sent", "Renamed"))


def rename_inbox(world):
    run(world.account().rename("INBOX", "Old"))


def delete(world):
    run(world.account().delete("Trash"))


def subscribe(world):
    run(world.account().subscribe("Something"))


def annotate(world):
    run(world.account().annotate("Sent", {"/private/comment": b"something"}))


def find_foreign(world):
    for number in range(2):
        (world.maildir() / "new" / f"{number}.x").write_bytes(NEW.replace(b"\r\n", b"\n"))
    run(world.open().refresh())


COMMANDS = [
    deliver,
    deliver_large,
    deliver_to_new_account,
    append,
    copy,
    move,
    expunge,
    set_flags,
    create,
    rename,
    rename_inbox,
    delete,
    subscribe,
    annotate,
    find_foreign,
]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store with some mail, closed; copied for every step, as that is quicker than making it."""
    root = tmp_path_factory.mktemp("template") / "store"
    root.mkdir()
    world = World(root)
    world.append("INBOX", KEPT, KEPT, flags=("\\Seen", "old-keyword"))
    world.append("Trash", KEPT)
    world.deliver(KEPT, (BOB, "INBOX"))
    world.close()
    return root


@pytest.fixture
def prepare(template, tmp_path):
    """Makes a new copy each time; open it is, and INBOX, Sent and Archive of alice."""

    def prepared():
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        world = World(shutil.copytree(template, tmp_path / "store"))
        world.open(), world.open("Sent"), world.open("Archive")
        return world

    return prepared


def failing_at(number, fault):
    """A seam that lets `number` operations pass and then raises, once or (a kill) for ever."""
    count = itertools.count()
    seen = []

    def before(operation, path):
        if next(count) >= number and (
            not seen or (isinstance(fault, BaseException) and not isinstance(fault, Exception))
        ):
            seen.append(operation)
            raise fault

    return before, seen


def contents(world, account):
    """Every mailbox, each message as (flags, octets), without UIDs."""
    account = world.account(account)
    return {folder.name: sorted(picture(run(account.open(folder.name))).values()) for folder in account.folders()}


def all_octets(pictures):
    return sorted(octets for messages in pictures.values() for _, octets in messages)


def check_whole(world):
    """Index and folders agree, after a look, and also when the index is made again."""
    before = {name: contents(world, name) for name in (ALICE, BOB)}
    for folder in world.account().folders():
        Mirror(run(world.account().open(folder.name))).check()
    world.reopen()
    assert {name: contents(world, name) for name in (ALICE, BOB)} == before
    world.reopen(without_index=True)
    assert {name: contents(world, name) for name in (ALICE, BOB)} == before
    world.deliver(b"afterwards\r\n", (ALICE, "INBOX"))
    assert b"afterwards\r\n" in all_octets(contents(world, ALICE))


@pytest.mark.parametrize(
    ("command", "number"),
    [*((command, errno.EIO) for command in COMMANDS), (deliver, errno.ENOSPC), (append, errno.ENOSPC)],
    ids=lambda value: getattr(value, "__name__", None) or errno.errorcode[value],
)
def test_every_operation_fails_once(prepare, command, number):
    condition = {errno.EIO: Condition.UNAVAILABLE, errno.ENOSPC: Condition.STORAGE_FULL}[number]
    for step in itertools.count():
        world = prepare()
        before = contents(world, ALICE), contents(world, BOB)
        seam, seen = failing_at(step, OSError(number, os.strerror(number)))
        mirrors = [Mirror(world.open(name)) for name in ("INBOX", "Sent", "Archive")]
        failed = False
        with files.watched_by(seam):
            try:
                command(world)
            except MailError as error:
                assert error.condition is condition, seen
                failed = True
        for mirror in mirrors:
            if not mirror.mailbox.is_gone:
                mirror.check()
        if failed and command is not find_foreign:
            assert not any(mirror.changes for mirror in mirrors), "told of what did not happen"
            assert (contents(world, ALICE), contents(world, BOB)) == before
        check_whole(world)
        if not seen:
            world.close()
            break
        if failed:
            command(world)  # the same thing, again, works
        world.close()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_killed_at_every_operation(prepare, command):
    for step in itertools.count():
        world = prepare()
        before = all_octets(contents(world, ALICE)) + all_octets(contents(world, BOB))
        seam, seen = failing_at(step, Killed())
        acknowledged = False
        with files.watched_by(seam):
            try:
                command(world)
                acknowledged = True
            except Killed:
                pass
        if acknowledged and not seen:
            world.close()
            break
        world.crash()
        after = all_octets(contents(world, ALICE)) + all_octets(contents(world, BOB))
        may_go = [KEPT] * 2 if command is expunge else [KEPT] if command is delete else []
        missing = list(before)
        for octets in after:
            if octets in missing:
                missing.remove(octets)
        for octets in may_go:
            if octets in missing:
                missing.remove(octets)
        assert not missing, seen
        assert all(octets in (KEPT, NEW, LARGE) for octets in after), "half a message"
        check_whole(world)
        world.close()


def test_a_failed_sync_degrades_until_the_disk_works_again(prepare):
    world = prepare()
    broken = True
    asked = []

    def before(operation, _path):
        asked.append(operation)
        if broken and operation in ("syncfs", "fsync", "write"):
            raise OSError(errno.EIO, "broken")

    with files.watched_by(before):
        staged = world.staged(NEW)
        for _ in range(2):
            with pytest.raises(MailError) as caught:
                run(world.store.deliver(staged, [(ALICE, "INBOX")]))
            assert caught.value.condition is Condition.UNAVAILABLE
        assert "syncfs" not in asked[-3:], "a degraded store tries a probe, not the same sync"
        broken = False
        run(world.store.deliver(staged, [(ALICE, "INBOX")]))
    assert all_octets(contents(world, ALICE)).count(NEW) == 1
    check_whole(world)
    world.close()


def test_one_failing_job_takes_nobody_along(prepare):
    """Two in one batch: the second has a mailbox that is not there."""
    world = prepare()
    batches = world.store.opened.committer._batches

    def bad(connection):
        connection.execute("INSERT INTO account (name) VALUES ('bad')")
        raise MailError(Condition.NO_SUCH_USER, "no")

    def good(connection):
        connection.execute("INSERT INTO account (name) VALUES ('good')")
        return 7

    tasks = [Task(WriteJob(work), print) for work in (good, bad, good)]
    tasks[2] = Task(WriteJob(lambda connection: connection.execute("SELECT 1").fetchone()), print)
    batches.run(tasks)
    assert [task.result for task in tasks] == [7, None, (1,)]
    assert isinstance(tasks[1].failure, MailError)
    names = world.store.ledger.read(
        lambda db: [name for (name,) in db.execute("SELECT name FROM account ORDER BY name")]
    )
    assert "good" in names
    assert "bad" not in names
    world.close()


def test_joined_deliveries_fail_one_by_one(prepare):
    """Several in one batch are done as one; when a file operation fails once, only what it was for is lost."""
    texts = [b"Subject: %d\r\n\r\n" % number for number in range(3)]
    for step in itertools.count():
        world = prepare()
        memory = world.store.opened.memory
        jobs = [Delivery(memory.site, memory.apply, world.staged(text), ((ALICE, "INBOX"),)) for text in texts]
        tasks = [Task(job, lambda _: None) for job in jobs]
        mirror = Mirror(world.open())
        seam, seen = failing_at(step, OSError(errno.EIO, "broken"))
        batches = world.store.opened.committer._batches
        with files.watched_by(seam):
            batches.run(tasks)
        for task in tasks:
            if task.failure is None:
                task.job.publish(task.result)
        mirror.check()
        arrived = [octets for octets in all_octets(contents(world, ALICE)) if octets in texts]
        if seen and seen[0] in ("syncfs", "commit"):
            assert not arrived
            assert all(task.failure for task in tasks)
        else:
            assert arrived == texts  # the first attempt was undone; by itself each works
            assert not any(task.failure for task in tasks)
        check_whole(world)
        world.close()
        if not seen:
            break


def test_a_bad_delivery_takes_no_joined_one_along(prepare):
    world = prepare()
    memory = world.store.opened.memory
    places = [((ALICE, "INBOX"),), (("../up@demo.test", "INBOX"),), ((BOB, "INBOX"),)]
    tasks = [Task(Delivery(memory.site, memory.apply, world.staged(NEW), place), lambda _: None) for place in places]
    world.store.opened.committer._batches.run(tasks)
    assert [getattr(task.failure, "condition", None) for task in tasks] == [None, Condition.NO_SUCH_USER, None]
    for task in (tasks[0], tasks[2]):
        task.job.publish(task.result)
    assert all_octets(contents(world, ALICE)).count(NEW) == 1
    assert all_octets(contents(world, BOB)).count(NEW) == 1
    check_whole(world)
    world.close()
