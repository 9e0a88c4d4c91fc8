"""The store as a service: threads, start and stop, the ledger, versions."""

import pytest
from twisted.internet.defer import Deferred, gatherResults

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.store import opened, schema
from mailstack.store.schema import Migration
from mailstack.store.service import Store
from mailstack.store.values import FlagMode
from tests.fakes.spin import Spinner
from tests.store.world import ALICE, Mirror, World, picture, run

ONE = b"Subject: one\r\n\r\n1\r\n"


@pytest.fixture
def spinner():
    spinner = Spinner()
    yield spinner
    spinner.close()


@pytest.fixture(params=["syncfs", "fsync", "none"])
def store(request, tmp_path, spinner):
    store = Store(str(tmp_path), reactor=spinner.reactor, durability=request.param)
    store.start()
    yield store
    spinner.run(store.stop())


async def deliver(store, text, mailbox="INBOX"):
    staged = store.stage()
    staged.write(text)
    staged.finish()
    try:
        await store.deliver(staged, [(ALICE, mailbox)])
    finally:
        staged.discard()


def test_many_at_once_through_the_thread(spinner, store, tmp_path):
    async def work():
        account = await store.account(ALICE)
        mirror = Mirror(await account.open("INBOX"))
        await gatherResults([Deferred.fromCoroutine(deliver(store, b"%d\r\n" % number)) for number in range(50)])
        mirror.check()
        mailbox = mirror.mailbox
        assert sorted(octets for _, octets in picture(mailbox).values()) == sorted(b"%d\r\n" % n for n in range(50))
        assert await mailbox.set_flags(range(1, 51), FlagMode.ADD, ["\\Seen", "word"]) == tuple(range(1, 51))
        assert len((await mailbox.move(range(1, 11), "Archive")).targets) == 10
        assert await mailbox.expunge(range(11, 21)) == tuple(range(11, 21))
        mirror.check()
        return mirror

    mirror = spinner.run(work())
    before = picture(mirror.mailbox)
    spinner.run(store.stop())
    # names say everything: chores were done before it stopped
    assert all(path.name.endswith(":2,Sa") for path in (tmp_path / "mail/demo.test/alice/cur").iterdir())
    for without_index in (False, True):
        world = World(tmp_path)
        world.reopen(without_index=without_index)
        assert picture(world.open()) == before
        assert len(world.open("Archive").columns) == 10
        world.close()


def test_the_timer_finds_foreign_mail(spinner, store, tmp_path):
    async def opened():
        return Mirror(await (await store.account(ALICE)).open("INBOX"))

    mirror = spinner.run(opened())
    (tmp_path / "mail/demo.test/alice/new/1.a").write_bytes(ONE)
    spinner.until(lambda: mirror.changes)
    mirror.check()


def test_failures_come_back_through_the_thread(spinner, store):
    with pytest.raises(MailError) as caught:
        spinner.run(store.account("nobody"))
    assert caught.value.condition is Condition.NO_SUCH_USER

    def wrong(_connection):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spinner.run(store.ledger.write(wrong))
    assert spinner.run(store.ledger.write(lambda connection: 5)) == 5


def test_giving_up_waiting_is_not_giving_up_the_work(spinner, store):
    spinner.run(store.account(ALICE))
    waiting = Deferred.fromCoroutine(deliver(store, ONE))
    waiting.addErrback(lambda failure: failure.trap(Exception) and None)
    waiting.cancel()

    async def look():
        return (await (await store.account(ALICE)).status("INBOX")).messages

    assert spinner.run(look()) == 1


def test_a_broken_disk_is_tried_every_second_until_it_works(spinner, store):
    spinner.run(store.account(ALICE))
    broken = [True]

    def before(operation, _path):
        if broken[0] and operation in ("syncfs", "fsync", "commit"):
            raise OSError(5, "broken")

    with files.watched_by(before):
        with pytest.raises(MailError) as caught:
            spinner.run(deliver(store, ONE))
        assert caught.value.condition is Condition.UNAVAILABLE
        broken[0] = False
        batches = store.opened.committer._batches
        spinner.until(lambda: not batches.degraded)
    spinner.run(deliver(store, ONE))


def test_after_the_stop(spinner, tmp_path):
    store = Store(str(tmp_path), reactor=spinner.reactor)
    store.start()
    spinner.run(store.stop())
    with pytest.raises(MailError) as caught:
        spinner.run(store.account(ALICE))
    assert caught.value.condition is Condition.SHUTTING_DOWN


# --- without threads ---


def test_one_process_at_a_time(tmp_path):
    world = World(tmp_path)
    with pytest.raises(MailError) as caught:
        Store.inline(tmp_path)
    assert caught.value.condition is Condition.IN_USE
    world.close()
    World(tmp_path).close()


def test_what_was_never_accepted_is_cleared_away(tmp_path):
    world = World(tmp_path)
    staged = world.staged(bytes(100_000))
    assert len(list((tmp_path / "mail/.staging").iterdir())) == 1
    world.crash()
    assert not list((tmp_path / "mail/.staging").iterdir())
    staged.discard()
    world.close()


def test_a_ledger_write_happens_wholly_or_not_at_all(tmp_path):
    world = World(tmp_path)
    ledger = world.store.ledger

    async def make():
        await ledger.write(lambda db: db.execute("CREATE TABLE mine (a INTEGER)"))
        await ledger.durable()

    run(make())

    def half(db):
        db.execute("INSERT INTO mine VALUES (1)")
        raise MailError(Condition.LIMIT, "no more")

    async def fail():
        await ledger.write(half)

    with pytest.raises(MailError):
        run(fail())
    assert ledger.read(lambda db: db.execute("SELECT * FROM mine").fetchall()) == []
    world.close()


def test_components_are_migrated_each_by_its_own_number(tmp_path):
    world = World(tmp_path)

    async def migrate(*migrations):
        await world.store.ledger.write(lambda db: schema.migrate(db, "other", migrations))

    first = Migration(("CREATE TABLE other (a INTEGER)",), breaks_older=True)
    second = Migration(("ALTER TABLE other ADD b INTEGER DEFAULT 3", "INSERT INTO other (a) VALUES (1)"))
    third = Migration(("ALTER TABLE other DROP COLUMN a",), breaks_older=True)
    run(migrate(first))
    run(migrate(first, second))
    run(migrate(first, second))
    assert world.store.ledger.read(lambda db: db.execute("SELECT * FROM other").fetchall()) == [(1, 3)]
    run(migrate(first))  # the update is taken back: the older code can live with the second
    run(migrate(first, second, third))
    with pytest.raises(MailError) as caught:
        run(migrate(first, second))
    assert caught.value.condition is Condition.NOT_SUPPORTED
    world.close()


def test_uidvalidity_rises_though_the_clock_stands(tmp_path):
    world = World(tmp_path, now=lambda: 1_700_000_000.0)
    given = [folder.uidvalidity for folder in world.account().folders()]
    for _ in range(3):
        given.append(run(world.account().create("A")).uidvalidity)
        run(world.account().delete("A"))
        world.reopen(without_index=True)
    assert len(set(given)) == len(given)
    assert sorted(given)[-3:] == given[-3:]
    world.close()


@pytest.mark.parametrize(
    ("boot", "end", "is_kept"),
    [("0000000a", "crash", True), ("0000000b", "crash", False), ("", "crash", False), ("0000000b", "reopen", True)],
)
def test_the_cache_goes_when_the_power_may_have_gone(tmp_path, monkeypatch, boot, end, is_kept):
    """It is not synced while it is used; another number of the system's start after a crash may mean a power cut."""
    monkeypatch.setattr(opened, "BOOT_ID", str(tmp_path / "boot"))
    (tmp_path / "boot").write_text("0000000a-x")
    world = World(tmp_path / "store")
    world.append("INBOX", b"Subject: one\r\n\r\n")
    world.open().kept("envelope", 1, lambda _content: b"before")
    world.store.opened.memory.kept.flush()
    (tmp_path / "boot").write_text(boot)
    getattr(world, end)()
    assert world.open().kept("envelope", 1, lambda _content: b"after") == (b"before" if is_kept else b"after")
    world.close()
