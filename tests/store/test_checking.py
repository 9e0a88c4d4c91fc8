"""`store check`: every difference is named, and repair makes the index follow the files without losing mail."""

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.store import snapshot
from mailstack.store.index import snapshots
from tests.store.world import ALICE, World, picture, run

TEXTS = [b"Subject: %d\r\n\r\n%d\r\n" % (number, number) for number in range(4)]


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "FROM_MESSAGES", 2)
    world = World(tmp_path)
    world.append("INBOX", *TEXTS, flags=("\\Seen", "word"))
    world.open()
    world.reopen()
    world.open()
    yield world
    world.close()


def sql(statement):
    def damage(world):
        world.store.ledger.write(lambda db: db.execute(statement))

    return damage


def cut_short(world):
    (world.maildir() / "cur" / world.files()[1]).write_bytes(b"Subject: other\r\n\r\n")


def lose_text(world):
    (world.maildir() / "mailstack-folder").unlink()


def other_uidvalidity(world):
    path = world.maildir() / "mailstack-folder"
    path.write_text(path.read_text().replace("uidvalidity 1", "uidvalidity 2"))


def break_snapshot(world):
    mailbox = world.open()

    def work(db):
        modseq, blob = snapshots.get(db, mailbox.folder.id)
        snapshots.put(db, mailbox.folder.id, modseq, blob[:48] + bytes(8) + blob[56:])

    world.store.ledger.write(work)


DAMAGE = {
    "UID 3: its file is missing": sql("UPDATE message SET base = base || 'x' WHERE uid = 3"),
    "UID 2: its file has 18 octets": cut_short,
    "has UIDVALIDITY 0": lose_text,
    "has UIDVALIDITY 2": other_uidvalidity,
    "UIDNEXT is 2, but there is a UID 4": sql("UPDATE mailbox SET uidnext = 2 WHERE name = 'INBOX'"),
    "HIGHESTMODSEQ is 1, but there is a MODSEQ": sql("UPDATE mailbox SET modseq = 1 WHERE name = 'INBOX'"),
    "snapshot is not what its rows say": break_snapshot,
    "is not in the index": sql("DELETE FROM message WHERE uid = 1"),
}


@pytest.mark.parametrize(("told", "damage"), DAMAGE.items(), ids=lambda value: getattr(value, "__name__", None))
def test_damage_is_named_and_mended(world, told, damage):
    damage(world)
    before = run(world.store.check(ALICE, repair=False))
    assert not before.whole
    assert any(told in what for _, what in before.findings), before.findings
    assert run(world.store.check(ALICE, repair=False)).findings == before.findings  # looking changes nothing
    mended = run(world.store.check(ALICE, repair=True))
    assert mended.whole, mended.findings
    assert run(world.store.check(ALICE, repair=False)).findings == ()
    world.reopen()
    assert run(world.store.check(ALICE, repair=False)).findings == ()
    octets = {text for _, text in picture(world.open()).values()}
    lost = {TEXTS[1]} if damage is cut_short else set()
    assert octets >= set(TEXTS) - lost


def test_octets_that_changed_get_another_uid(world):
    cut_short(world)
    run(world.store.check(ALICE, repair=True))
    messages = picture(world.open())
    assert 2 not in messages
    assert messages[max(messages)] == (("\\Seen", "word"), b"Subject: other\r\n\r\n")
    assert max(messages) > 4


def test_what_others_did_and_we_have_still_to_see_is_no_damage(world):
    (world.maildir() / "new" / "1.x").write_bytes(b"Subject: x\r\n\r\n")
    (world.maildir() / "cur" / world.files()[0]).unlink()
    checked = run(world.store.check(ALICE, repair=False))
    assert (checked.findings, checked.messages, checked.whole) == ((), 4, True)


def test_accounts(world):
    assert world.store.accounts() == [ALICE]
    with pytest.raises(MailError) as caught:
        run(world.store.check("nobody@demo.test", repair=False))
    assert caught.value.condition is Condition.NO_SUCH_USER
    assert world.store.accounts() == [ALICE]
