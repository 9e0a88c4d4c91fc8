"""`mailstack undelete`, on the files of a server that does not run."""

from tests.cli.world import World
from tests.store.world import World as Mail
from tests.store.world import run

WHO = "alice@demo.test"


def expunged(world: World) -> None:
    mail = Mail(world.state, keep_expunged=86400)
    for number in range(3):
        mail.append("INBOX", b"From: far@elsewhere.test\r\nSubject: number %d\r\n\r\n" % number)
    mail.append("Archive", b"Subject: archived\r\n\r\n")
    run(mail.open().copy([3], "Archive"))
    run(mail.open().expunge([1, 2, 3]))
    run(mail.account().delete("Archive"))
    mail.close()


def test_list(world: World) -> None:
    expunged(world)
    rows = world.json("undelete", WHO)
    assert {row["subject"] for row in rows} == {"number 0", "number 1", "number 2", "archived"}
    assert "far@elsewhere.test" in world.says("undelete", WHO, "--list", "--folder", "inbox")
    assert len(world.json("undelete", WHO, "--list", "--folder", "Archive")) == 2
    assert "nothing to bring back" in world.says("undelete", WHO, "--list", "--folder", "Sent")


def test_bring_back(world: World) -> None:
    expunged(world)
    first = world.json("undelete", WHO)[0]
    assert world.says("undelete", WHO, first["id"]) == "INBOX: 1 message brought back.\n"
    assert world.says("undelete", WHO, "--folder", "Archive") == "Archive: 2 messages brought back.\n"
    # the third of the INBOX is in the Archive as well: only its ID brings it back
    assert world.says("undelete", WHO, "--all") == "INBOX: 1 message brought back.\n"
    [last] = world.json("undelete", WHO)
    assert last["elsewhere"]
    assert world.json("undelete", WHO, last["id"], "--into", "Found") == {"Found": 1}
    assert world.says("undelete", WHO, "--all") == "There was nothing to bring back.\n"
    assert world.says("store", "check") == "1 account, 5 messages looked at.\n"


def test_refused(world: World) -> None:
    expunged(world)
    assert "there is no 0123" in world.refuses("undelete", WHO, "0123")
    assert "no mail here" in world.refuses("undelete", "nobody@demo.test", "--all")
    assert "--since" in world.refuses("undelete", WHO, "--since", "tomorrow")


def test_since(world: World) -> None:
    expunged(world)
    assert len(world.json("undelete", WHO, "--list", "--since", "1h")) == 5
    assert world.says("undelete", WHO, "--since", "0") == "There was nothing to bring back.\n"
