"""What can be asked, on real files."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailstack.accounts.passwords import Credential, make_credential
from mailstack.accounts.store import AccountStore
from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret
from mailstack.cli.reach import at_once
from mailstack.control.commands import account_commands, queue_commands, run
from mailstack.queue.api import EVERYBODY, Choice, QueuedRecipient, QueueState, RemoteReply
from mailstack.store.service import Store
from mailstack.store.values import Incoming


async def quick(password: Secret) -> Credential:
    return make_credential(password)


class World:
    def __init__(self, folder: Path) -> None:
        self.people = AccountStore(folder / "accounts.sqlite")
        self.mail = Store.inline(folder)
        self.commands = account_commands(self.people, quick, lambda: self.mail)

    def ask(self, command: str, **arguments: Any) -> Any:
        return at_once(run(self.commands, command, arguments))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.ask("domain add", name="Demo.Test")
    made.ask("account add", name="Alice@demo.test", password=Secret("x"), addresses=["al@demo.test"])
    yield made
    at_once(made.mail.stop())
    made.people.close()


def test_accounts(world: World) -> None:
    (alice,) = world.ask("account list")
    assert alice["name"] == "alice@demo.test"
    assert alice["addresses"] == ["al@demo.test", "alice@demo.test"]
    assert alice["added"].endswith("+00:00")
    before = world.people.credential("alice@demo.test")
    assert world.ask("account passwd", name="ALICE@demo.test", password=Secret("y")) == "alice@demo.test"
    assert world.people.credential("alice@demo.test") != before
    with pytest.raises(MailError, match=r"there is no account bob@demo.test; see: mailstack account list"):
        world.ask("account passwd", name="bob@demo.test", password=Secret("y"))


def test_domains(world: World) -> None:
    assert world.ask("domain add", name="bücher.example") == "xn--bcher-kva.example"
    assert world.ask("domain list") == [
        {"name": "demo.test", "accounts": 1, "aliases": 0},
        {"name": "xn--bcher-kva.example", "accounts": 0, "aliases": 0},
    ]
    assert world.ask("domain remove", name="Bücher.example") == "xn--bcher-kva.example"


def test_aliases(world: World) -> None:
    assert world.ask("alias add", name="Info@demo.test", targets=["Alice@demo.test", "x@else.test"]) == {
        "name": "info@demo.test",
        "targets": ["alice@demo.test", "x@else.test"],
    }
    world.ask("alias add", name="@demo.test", targets=["alice@demo.test"])
    assert [row["name"] for row in world.ask("alias list")] == ["@demo.test", "info@demo.test"]
    world.ask("alias remove", name="info@demo.test", targets=["x@else.test"])
    assert world.ask("alias remove", name="@demo.test") == "@demo.test"
    assert world.ask("account remove", name="alice@demo.test") == {
        "name": "alice@demo.test",
        "aliases_gone": ["info@demo.test"],
        "messages_deleted": 0,
    }


def append(world: World, folder: str) -> None:
    staged = world.mail.stage()
    staged.write(b"Subject: x\r\n\r\nx\r\n")
    staged.finish()
    alice = at_once(world.mail.account("alice@demo.test"))

    async def work() -> None:
        await alice.append(folder, [Incoming(staged)])

    at_once(work())
    staged.discard()


async def made_folder(world: World, name: str) -> None:
    alice = await world.mail.account("alice@demo.test")
    await alice.create(name)


def test_mail_stays_or_goes(world: World) -> None:
    at_once(made_folder(world, "Own/Inner"))
    for folder in ("INBOX", "Sent", "Own/Inner"):
        append(world, folder)
    assert world.ask("account remove", name="alice@demo.test")["messages_deleted"] == 0
    world.ask("account add", name="alice@demo.test", password=Secret("x"))
    assert world.ask("account remove", name="alice@demo.test", delete_mail=True)["messages_deleted"] == 3
    names = [folder.name for folder in at_once(world.mail.account("alice@demo.test")).folders()]
    assert "Sent" in names
    assert "Own/Inner" not in names


def test_faults(world: World) -> None:
    for command, arguments, condition in (
        ("account fly", {}, Condition.NOT_SUPPORTED),
        ("account passwd", {"nme": 1}, Condition.NOT_SUPPORTED),
        ("account add", {"name": "alice", "password": Secret("x")}, Condition.NO_SUCH_USER),
        ("domain add", {"name": "demo"}, Condition.NO_SUCH_DOMAIN),
        ("domain remove", {"name": "demo.test"}, Condition.IN_USE),
    ):
        with pytest.raises(MailError) as caught:
            world.ask(command, **arguments)
        assert caught.value.condition is condition


class FakeQueue:
    def list(
        self, choice: Choice = EVERYBODY, after: int = 0, shown: int = 1000
    ) -> tuple[list[QueuedRecipient], int | None]:
        now = datetime(2026, 11, 23, tzinfo=UTC)
        reply = RemoteReply("mx.else.test", 451, "4.7.1", "later", "RCPT TO:<x@else.test>")
        rows = [
            QueuedRecipient("m1", "alice@demo.test", "x@else.test", now, 1000, 2, now, QueueState.DEFERRED, reply),
            QueuedRecipient("m2", "", "y@else.test", now, 10, 0, None, QueueState.SENDING),
        ]
        return rows[after : after + shown], None if choice.which else 7

    async def retry(self, choice: Choice, after: int = 0) -> tuple[int, int | None]:
        return len(choice.which), after or None

    hold = release = drop = retry


def test_queue() -> None:
    commands = queue_commands(FakeQueue())  # type: ignore[arg-type]
    first, second = at_once(run(commands, "queue list", {"choice": {}}))["rows"]
    assert first == {
        "id": "m1",
        "sender": "alice@demo.test",
        "recipient": "x@else.test",
        "arrived": "2026-11-23T00:00:00+00:00",
        "size": 1000,
        "state": "deferred",
        "tries": 2,
        "next_try": "2026-11-23T00:00:00+00:00",
        "last_reply": {
            "host": "mx.else.test",
            "code": 451,
            "status": "4.7.1",
            "text": "later",
            "command": "RCPT TO:<x@else.test>",
        },
    }
    assert second["next_try"] is None
    assert second["last_reply"] is None
    assert at_once(run(commands, "queue retry", {"choice": {"which": "abc"}})) == {"count": 3, "after": None}
    assert at_once(run(commands, "queue drop", {"choice": {}, "after": 5})) == {"count": 0, "after": 5}


@pytest.mark.parametrize("choice", [{"planet": "x"}, {"state": "odd"}, {"older_than": "long"}])
def test_a_choice_of_another_version_chooses_nothing(choice: dict[str, object]) -> None:
    with pytest.raises(MailError) as caught:
        at_once(run(queue_commands(FakeQueue()), "queue drop", {"choice": choice}))  # type: ignore[arg-type]
    assert caught.value.condition is Condition.NOT_SUPPORTED
