"""`mailstack import` and `export`, on the files of a server that does not run."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.world import World
from tests.store.world import World as Mail
from tests.store.world import picture, run

WHO = "alice@demo.test"
DATE = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
FROM = b"From far@elsewhere.test Mon Feb  3 04:05:06 2020\n"


@pytest.fixture
def there(world: World) -> World:
    world.says("domain", "add", "demo.test")
    world.says("account", "add", WHO, "--password-stdin", typed="a-wonderland-of-9-hares\n")
    return world


def mbox(path: Path, count: int, size: int = 10) -> Path:
    with path.open("wb") as file:
        for number in range(count):
            file.write(FROM + b"Subject: number %d\nStatus: RO\n\n" % number + b"x" * size + b"\n\n")
    return path


def held(world: World, name: str) -> list[tuple[tuple[str, ...], int, bytes]]:
    """(flags, date, octets) of a mailbox."""
    mail = Mail(world.state)
    try:
        box = mail.open(name)
        return [
            (flags, int(box.columns.internal_date(uid).timestamp()), octets)
            for uid, (flags, octets) in picture(box).items()
        ]
    finally:
        mail.close()


def filled(world: World) -> None:
    mail = Mail(world.state)
    run(mail.account().create("Größe/Ä.b"))
    mail.append("INBOX", b"Subject: one\r\n\r\nFrom x\r\n.\r\n", flags=("\\Seen", "work"), date=DATE)
    mail.append("INBOX", b"Subject: =?utf-8?q?zw=C3=B6lf?=\r\n\r\n", flags=("$Forwarded",), date=DATE)
    mail.append("Größe/Ä.b", b"Subject: three\r\n\r\n" + b"y" * 3_000_000, flags=("\\Flagged",), date=DATE)
    mail.close()


@pytest.mark.parametrize("form", ["mbox", "maildir", "eml"])
def test_out_and_in_again(there: World, tmp_path: Path, form: str) -> None:
    filled(there)
    names = ("INBOX", "Größe/Ä.b")
    before = [held(there, name) for name in names]
    assert "3 messages" in there.says("export", WHO, str(tmp_path / "out"), "--format", form)
    assert "messages" in there.says("export", WHO, str(tmp_path / "out"), "--format", form)  # again
    counts = there.json("import", WHO, str(tmp_path / "out"), "--into", "Back")
    found = {name: count["came"] for name, count in counts.items() if count["came"]}
    assert sum(found.values()) == 3
    inside = sorted(found, key=len)
    assert [len(held(there, name)) for name in inside] == [2, 1]
    for name, wanted in zip(inside, before, strict=True):
        back = held(there, name)
        if form != "eml":
            back = [
                (flags, date, octets.removesuffix(b"\r\n") if octets[-3:] == b"y\r\n" else octets)
                for flags, date, octets in back
            ]
        assert back == wanted
    assert there.json("import", WHO, str(tmp_path / "out"), "--into", "Back")[inside[0]] == {
        "came": 0,
        "before": 2,
        "bad": 0,
    }
    assert there.run("store", "check").exit_code == 0


def test_a_maildir_of_others(there: World, tmp_path: Path) -> None:
    source = tmp_path / "Maildir"
    for folder in ("", ".Sent", ".Lists.Announce"):
        for part in ("cur", "new", "tmp"):
            (source / folder / part).mkdir(parents=True)
    (source / "dovecot-keywords").write_text("0 $work\n1 later\n")
    for name, octets in {"cur/1000.x:2,FSab": b"A: 1\n\n", "new/999.y": b"A: 0\n\n", "cur/5:2,": b""}.items():
        (source / name).write_bytes(octets)
        os.utime(source / name, (DATE.timestamp(), DATE.timestamp()))
    (source / ".Lists.Announce/cur/7.z:2,RPT").write_bytes(b"A: 2\n\n")
    result = there.run("import", WHO, str(source), "--map", "Lists=Rundschreiben")
    assert "left out: ./cur/5:2,: an empty file" in result.stderr
    assert held(there, "INBOX") == [
        ((), DATE.timestamp(), b"A: 0\r\n\r\n"),
        (("\\Flagged", "\\Seen", "$work", "later"), DATE.timestamp(), b"A: 1\r\n\r\n"),
    ]
    assert held(there, "Rundschreiben/Announce")[0][0] == ("\\Answered", "\\Deleted", "$Forwarded")


def test_a_thunderbird_folder(there: World, tmp_path: Path) -> None:
    (tmp_path / "Mail" / "Work.sbd").mkdir(parents=True)
    mbox(tmp_path / "Mail" / "Inbox", 2)
    mbox(tmp_path / "Mail" / "Work.sbd" / "Old", 1)
    (tmp_path / "Mail" / "Inbox.msf").write_text("From nothing 10:10")
    (tmp_path / "Mail" / "notes.txt").write_text("no mail")
    dry = there.json("import", WHO, str(tmp_path / "Mail"), "--dry-run")
    assert [(row["mailbox"], row["messages"]) for row in dry] == [("INBOX", 2), ("Work/Old", 1)]
    there.says("import", WHO, str(tmp_path / "Mail"), "--folder", "Work/Old")
    assert [flags for flags, _, _ in held(there, "Work/Old")] == [("\\Seen",)]
    assert held(there, "INBOX") == []


def test_again(there: World, tmp_path: Path) -> None:
    source = mbox(tmp_path / "old.mbox", 3)
    assert there.json("import", WHO, str(source)) == {"old": {"came": 3, "before": 0, "bad": 0}}
    mbox(source, 4)
    assert there.json("import", WHO, str(source)) == {"old": {"came": 1, "before": 3, "bad": 0}}
    assert there.json("import", WHO, str(source), "--again")["old"]["came"] == 4
    assert len(held(there, "old")) == 8


def test_refused(there: World, tmp_path: Path) -> None:
    source = mbox(tmp_path / "old.mbox", 1)
    (tmp_path / "text").write_text("hello")
    assert "there is no account" in there.refuses("import", "bob@demo.test", str(source))
    assert "neither an mbox" in there.refuses("import", WHO, str(tmp_path / "text"))
    assert "write OLD=NEW" in there.refuses("import", WHO, str(source), "--map", "x")
    assert "has no mail" in there.refuses("import", WHO, str(source), "--folder", "x")
    assert "no such mailbox" in there.refuses("export", WHO, str(tmp_path / "out"), "--folder", "x")
    assert "name" in there.refuses("import", WHO, str(source), "--into", "a//b")


KILLED = """
import os, signal, sys
from mailstack.cli import carry
from mailstack.cli.main import cli
flush, left = carry.Carrier.flush, [int(sys.argv[1])]
def counted(self):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    flush(self)
carry.Carrier.flush = counted
cli.main(sys.argv[2:], standalone_mode=False)
"""


@pytest.mark.parametrize("after", [0, 1, 2])
def test_killed_and_begun_again(there: World, tmp_path: Path, after: int) -> None:
    source = mbox(tmp_path / "old.mbox", 250)
    arguments = ["--config", str(there.config), "import", WHO, str(source)]
    done = subprocess.run([sys.executable, "-c", KILLED, str(after), *arguments], capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    counts = there.json("import", WHO, str(source))["old"]
    assert counts == {"came": 250 - 100 * after, "before": 100 * after, "bad": 0}
    assert [octets.split(b"\r\n")[0] for _, _, octets in held(there, "old")] == [
        b"Subject: number %d" % number for number in range(250)
    ]
    assert not list((there.state / "mail" / ".importing").iterdir())


MEASURED = """
import re, sys
from mailstack.cli.main import cli
cli.main(sys.argv[1:], standalone_mode=False)
# not ru_maxrss, which counts what this process was before it became a Python
sys.stderr.write(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""


def test_memory_does_not_grow_with_the_number(there: World, tmp_path: Path) -> None:
    """The same at 200,000 messages: tests/bench/transfer.py."""

    def peak(*arguments: str) -> int:
        command = [sys.executable, "-c", MEASURED, "--config", str(there.config), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        return int(done.stderr)

    few = peak("import", WHO, str(mbox(tmp_path / "few.mbox", 300, 2000)))
    many = peak("import", WHO, str(mbox(tmp_path / "many.mbox", 3000, 2000)))
    large = peak("import", WHO, str(mbox(tmp_path / "large.mbox", 2, 40_000_000)))
    assert many - few < 4096, "KiB for 2,700 messages more"
    assert large - few < 12_000, "KiB for messages of 40 MB"
    out = peak("export", WHO, str(tmp_path / "out"), "--folder", "few")
    assert peak("export", WHO, str(tmp_path / "out"), "--folder", "many") - out < 4096
