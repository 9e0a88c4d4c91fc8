"""How much an account may send."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailstack.accounts.guardfile import GuardFile
from mailstack.accounts.sending import Sending, SendingLimits
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, add_sink, remove_sink

ALICE, BOB = "alice@demo.test", "bob@demo.test"


class World:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "guard.sqlite"
        self.now = 1_800_000_000.0
        self.own: dict[str, dict[str, int]] = {}
        self.warned: list[dict[str, Any]] = []
        self.file = GuardFile(self.path)
        self.sending = self.open()

    def open(self, **limits: int) -> Sending:
        self.sending = Sending(
            self.file, SendingLimits(**limits), lambda account: self.own.get(account, {}), lambda: self.now
        )
        return self.sending

    def refused(self, account: str, *recipients: str) -> str:
        with pytest.raises(MailError) as caught:
            self.sending.take(account, recipients)
        assert caught.value.condition is Condition.RATE_LIMITED
        return caught.value.public


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)

    def sink(event: Event, fields: Any) -> None:
        if event is Event.SENDING_LIMIT:
            made.warned.append(dict(fields))

    add_sink(sink)
    yield made
    remove_sink(sink)
    made.file.close()


def test_messages_an_hour(world: World) -> None:
    sending = world.open(messages_per_hour=3)
    for _ in range(3):
        sending.expect(ALICE, 1)
        sending.take(ALICE, ["x@far.test"])
    assert world.refused(ALICE, "x@far.test") == "This account may send 3 messages an hour; try again later"
    with pytest.raises(MailError):
        sending.expect(ALICE, 1)
    sending.take(BOB, ["x@far.test"])
    world.now += 3600 + 300
    sending.take(ALICE, ["x@far.test"])
    assert world.warned == [{"account": ALICE, "limit": "3 messages an hour"}]


def test_messages_a_day(world: World) -> None:
    sending = world.open(messages_per_day=24)
    for _ in range(24):
        sending.take(ALICE, ["x@far.test"])
        world.now += 1800
    assert "24 messages a day" in world.refused(ALICE, "x@far.test")
    world.now += 12 * 3600 + 300
    sending.take(ALICE, ["x@far.test"])


def test_recipients(world: World) -> None:
    sending = world.open(recipients_per_hour=5, recipients_per_day=7)
    sending.take(ALICE, [f"{number}@far.test" for number in range(4)])
    sending.expect(ALICE, 1)
    assert world.refused(ALICE, "a@far.test", "b@far.test").startswith("This account may send to 5 recipients an hour")
    world.now += 4000
    sending.take(ALICE, ["a@far.test"] * 3)
    world.now += 4000
    assert "7 recipients a day" in world.refused(ALICE, "a@far.test")


def test_new_recipients(world: World) -> None:
    """Old acquaintances cost nothing."""
    sending = world.open(new_recipients_per_day=2)
    sending.take(ALICE, ["a@far.test", "B@far.test"])
    for _ in range(50):
        sending.take(ALICE, ["A@far.test", "b@far.test"])
    assert "2 new recipients a day" in world.refused(ALICE, "c@far.test")
    sending.expect(ALICE, 1)
    world.now += 86400 + 300
    sending.take(ALICE, ["c@far.test", "d@far.test"])
    assert sending.used(ALICE)["new_recipients_per_day"] == (2, 2)


def test_what_was_refused_does_not_count(world: World) -> None:
    sending = world.open(recipients_per_hour=2)
    for _ in range(10):
        world.refused(ALICE, "a@far.test", "b@far.test", "c@far.test")
    sending.take(ALICE, ["a@far.test", "b@far.test"])


def test_limits_of_its_own(world: World) -> None:
    world.own = {ALICE: {"messages_per_hour": 2, "messages_per_day": 0}}
    sending = world.open(messages_per_hour=1, messages_per_day=1)
    sending.take(ALICE, ["x@far.test"])
    sending.take(ALICE, ["x@far.test"])
    assert "2 messages an hour" in world.refused(ALICE, "x@far.test")
    assert sending.used(ALICE)["messages_per_day"] == (2, 0)


def test_over_a_restart(world: World) -> None:
    world.open(messages_per_hour=2).take(ALICE, ["x@far.test"])
    world.now += 310
    world.sending.take(ALICE, ["x@far.test"])
    world.file.close()
    world.file = GuardFile(world.path)
    world.open(messages_per_hour=2, new_recipients_per_day=1)
    assert "2 messages an hour" in world.refused(ALICE, "x@far.test")
    assert world.sending.used(ALICE)["new_recipients_per_day"] == (1, 1)
    world.now += 86400
    world.open()
    assert world.file.sent() == []


def test_one_warning_an_hour(world: World) -> None:
    world.open(messages_per_day=1).take(ALICE, ["x@far.test"])
    for _ in range(25):
        world.refused(ALICE, "x@far.test")
        world.now += 300
    assert len(world.warned) == 3
