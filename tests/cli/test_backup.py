"""`mailstack backup` and `restore`, on the files of a server that does not run."""

import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from mailstack.store import backup as module
from mailstack.store.backup import Backup
from mailstack.store.values import FlagMode
from tests.cli.test_transfer import DATE, WHO, held
from tests.cli.test_transfer import there as _there
from tests.cli.world import World
from tests.store.world import World as Mail
from tests.store.world import picture, run

there = _there
ONE, TWO, THREE = (
    b"Subject: %b\r\nMessage-ID: <%b@x.test>\r\n\r\n" % (word, word) for word in (b"one", b"two", b"three")
)


def filled(world: World) -> None:
    mail = Mail(world.state)
    mail.append("INBOX", ONE, flags=("\\Seen", "work"), date=DATE)
    mail.append("INBOX", TWO, date=DATE)
    mail.append("Archive", THREE, flags=("\\Flagged",), date=DATE)
    mail.close()


def inodes(folder: Path) -> set[int]:
    return {path.stat().st_ino for path in folder.rglob("*") if path.is_file() and path.parent.name == "cur"}


def test_a_snapshot_is_whole(there: World, tmp_path: Path) -> None:
    filled(there)
    before = {name: held(there, name) for name in ("INBOX", "Archive")}
    taken = there.json("backup", str(tmp_path / "backup"))
    assert (taken["messages"], taken["linked"], taken["copied"]) == (3, 3, 0)
    snapshot = Path(taken["path"])
    assert (snapshot / "mailstack.toml").read_text() == there.config.read_text()
    assert inodes(snapshot / "mail") == inodes(there.state / "mail"), "it takes no room"
    # copied back as it is, it is the same server
    shutil.rmtree(there.state)
    shutil.copytree(snapshot / "state", there.state)
    shutil.copytree(snapshot / "mail", there.state / "mail")
    assert {name: held(there, name) for name in ("INBOX", "Archive")} == before
    assert there.json("account", "list")[0]["name"] == WHO
    assert there.says("store", "check") == "1 account, 3 messages looked at.\n"


def test_only_what_is_new_is_copied(there: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on another file system: what cannot be linked to the mail is linked to the snapshot before."""
    filled(there)
    link = os.link

    def elsewhere(source: Path, target: Path) -> None:
        if str(source).startswith(str(there.state)):
            raise OSError(18, "Invalid cross-device link")
        link(source, target)

    monkeypatch.setattr(module.os, "link", elsewhere)
    moments = iter(range(1_800_000_000, 1_900_000_000, 60))
    monkeypatch.setattr(module.Backup, "take", _at(moments))
    first = there.json("backup", str(tmp_path / "backup"))
    assert (first["linked"], first["copied"]) == (0, 3)
    mail = Mail(there.state)
    mail.append("INBOX", b"Subject: four\r\n\r\n")
    run(mail.open().set_flags([2], FlagMode.ADD, ["\\Flagged"]))
    mail.close()
    second = there.json("backup", str(tmp_path / "backup"))
    assert (second["linked"], second["copied"]) == (3, 1)
    assert len(inodes(Path(second["path"])) & inodes(Path(first["path"]))) == 3


def _at(moments):
    take = Backup.take

    def taken(self):
        moment = next(moments)
        self.now = lambda: moment
        return take(self)

    return taken


def test_mail_that_moves_meanwhile_is_never_missing(there: World, tmp_path: Path) -> None:
    """Every message is in the snapshot once, though another thread moves all of them to and fro."""
    mail = Mail(there.state)
    mail.append("INBOX", *[b"Subject: %d\r\n\r\n" % number for number in range(60)])
    stop = threading.Event()
    mail.close()
    stores = []

    def move() -> None:
        world = Mail(there.state)
        stores.append(world)
        source, target = "INBOX", "Archive"
        while not stop.is_set():
            box = world.open(source)
            for uid in list(box.columns.uids):
                run(box.move([uid], target))
            box.release()
            source, target = target, source
        world.close()

    mover = threading.Thread(target=move)
    mover.start()
    try:
        taken = [
            Backup(there.state, there.state / "mail", "", tmp_path / f"backup{number}").take() for number in range(3)
        ]
    finally:
        stop.set()
        mover.join()
    for each in taken:
        state = tmp_path / "again"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(Path(each.path, "state"), state)
        shutil.copytree(Path(each.path, "mail"), state / "mail")
        again = Mail(state)
        texts = [text for name in ("INBOX", "Archive") for _, text in picture(again.open(name)).values()]
        assert sorted(texts) == sorted(b"Subject: %d\r\n\r\n" % number for number in range(60))
        assert run(again.store.check(WHO, repair=False)).findings == ()
        again.close()


def test_an_interrupted_backup_leaves_no_snapshot(there: World, tmp_path: Path, monkeypatch) -> None:
    filled(there)
    monkeypatch.setattr(module.shutil, "copy2", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert "No space left" in there.refuses("backup", str(tmp_path / "backup"))
    assert list((tmp_path / "backup").iterdir()) == []


def test_restore_brings_only_what_is_missing(there: World, tmp_path: Path) -> None:
    filled(there)
    there.says("backup", str(tmp_path / "backup"))
    mail = Mail(there.state)
    run(mail.open().expunge([1]))
    run(mail.open().move([2], "Sent"))
    run(mail.account().delete("Archive"))
    mail.close()
    assert there.json("restore", str(tmp_path / "backup"), WHO) == {
        **dict.fromkeys(("INBOX", "Archive"), 1),
        **dict.fromkeys(("Drafts", "Junk", "Sent", "Trash"), 0),
    }
    assert held(there, "INBOX") == [(("\\Seen", "work"), DATE.timestamp(), ONE)]
    assert held(there, "Archive") == [(("\\Flagged",), DATE.timestamp(), THREE)]
    assert sum(there.json("restore", str(tmp_path / "backup"), WHO).values()) == 0
    assert there.says("store", "check") == "1 account, 3 messages looked at.\n"


def test_restore_one_message_or_mailbox(there: World, tmp_path: Path) -> None:
    filled(there)
    there.says("backup", str(tmp_path / "backup"))
    mail = Mail(there.state)
    run(mail.open().expunge([1, 2]))
    run(mail.open("Archive").expunge([1]))
    mail.close()
    place = str(tmp_path / "backup")
    assert there.json("restore", place, WHO, "--message", "<two@x.test>", "--into", "Found") == {"Found": 1}
    assert there.json("restore", place, WHO, "--folder", "Archive") == {"Archive": 1}
    assert there.json("restore", place, WHO, "--folder", "INBOX", "--message", "ONE") == {"INBOX": 1}
    assert [text for _, _, text in held(there, "Found")] == [TWO]


def test_refused(there: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "has no snapshot" in there.refuses("restore", str(tmp_path / "empty"), WHO)
    filled(there)
    there.says("backup", str(tmp_path / "backup"))
    assert "no mail of bob" in there.refuses("restore", str(tmp_path / "backup"), "bob@demo.test")
    assert "no such mailbox" in there.refuses("restore", str(tmp_path / "backup"), WHO, "--folder", "x")


def test_a_backup_is_never_within_what_it_backs_up(there: World) -> None:
    filled(there)
    assert "take another folder" in there.refuses("backup", str(there.state / "backup"))
    assert not (there.state / "backup").exists()


def test_databases_are_those_of_the_moment(there: World, tmp_path: Path) -> None:
    filled(there)
    taken = there.json("backup", str(tmp_path / "backup"))
    for name in ("index.sqlite", "accounts.sqlite"):
        database = sqlite3.connect(Path(taken["path"], "state", name))
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()
