"""`mailstack store`, on the files of a server that does not run."""

import json

from tests.cli.world import World
from tests.store.world import World as Mail


def test_check(world: World) -> None:
    mail = Mail(world.state)
    mail.append("INBOX", b"Subject: one\r\n\r\n1\r\n")
    mail.close()
    assert world.says("store", "check") == "1 account, 1 messages looked at.\n"
    (path,) = (mail.maildir() / "cur").iterdir()
    path.write_bytes(b"short\r\n")
    told = world.refuses("store", "check", "alice@demo.test")
    assert "store check --repair" in told
    assert "UID 1: its file has 7 octets" in world.says("store", "check", "--repair")
    (checked,) = json.loads(world.says("store", "check", "--json"))
    assert checked == {"account": "alice@demo.test", "messages": 1, "findings": [], "whole": True}


def test_rebuild(world: World) -> None:
    mail = Mail(world.state)
    mail.append("INBOX", b"Subject: one\r\n\r\n1\r\n", flags=("\\Seen",))
    mail.close()
    assert world.says("store", "rebuild") == "1 account, 1 messages are in the index.\n"
    assert world.says("store", "rebuild", "alice@demo.test") == "1 account, 1 messages are in the index.\n"


def test_an_index_that_cannot_be_read(world: World) -> None:
    mail = Mail(world.state)
    mail.append("INBOX", b"Subject: one\r\n\r\n1\r\n", flags=("\\Seen",))
    mail.close()
    index = world.state / "index.sqlite"
    index.write_bytes(b"rubbish" * 1000)
    result = world.run("store", "rebuild")
    assert "it is set aside as" in result.stderr
    assert "1 account, 1 messages" in result.stdout
    assert [path.read_bytes()[:7] for path in world.state.glob("index.sqlite.damaged-*")] == [b"rubbish"]
    mail = Mail(world.state)
    assert mail.open().columns.flags(1) == ("\\Seen",)
    mail.close()
