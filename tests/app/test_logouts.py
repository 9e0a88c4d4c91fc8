"""Ending what is logged in by what holds no longer; the clock is the test's."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.task import Clock

from mailstack.app.logouts import Logouts
from mailstack.base.events import Event, add_sink, remove_sink


class Connection:
    def __init__(self, cid: str) -> None:
        self.cid = cid
        self.heard: list[str] = []

    def shut_down(self) -> None:
        self.heard.append("goodbye")

    def abort(self, reason: str) -> None:
        self.heard.append(reason)


class Live:
    def __init__(self) -> None:
        self.ended: list[Any] = []
        self.kept: list[set[str]] = []

    def over(self) -> Iterator[tuple[str, str, str]]:
        while self.ended:
            found = self.ended.pop()
            if isinstance(found, Exception):
                raise found
            yield found

    def keep_only(self, connections: set[str]) -> None:
        self.kept.append(connections)


@pytest.fixture
def events() -> Iterator[list[Event]]:
    heard: list[Event] = []

    def sink(event: Event, _fields: Any) -> None:
        heard.append(event)

    add_sink(sink)
    yield heard
    remove_sink(sink)


def test_said_goodbye_and_cut(events: list[Event]) -> None:
    clock, live, one, other = Clock(), Live(), Connection("c1"), Connection("c2")
    logouts = Logouts(live, lambda: [one, other], clock)  # type: ignore[arg-type, list-item]
    logouts.startService()
    live.ended = [("c1", "alice@demo.test", "the account was changed")]
    clock.advance(1)
    assert one.heard == ["goodbye"]
    clock.pump([1] * 10)
    assert one.heard == ["goodbye", "logged out"]
    assert other.heard == []
    assert events == [Event.LOGGED_OUT]
    clock.pump([1] * 60)
    assert live.kept == [{"c1", "c2"}]
    logouts.stopService()
    assert clock.getDelayedCalls() == []


def test_a_look_that_fails_is_not_the_last(events: list[Event]) -> None:
    clock, live, one = Clock(), Live(), Connection("c1")
    logouts = Logouts(live, lambda: [one], clock)  # type: ignore[arg-type, list-item]
    logouts.startService()
    live.ended = [OSError("disk on fire")]
    clock.advance(1)
    live.ended = [("c1", "alice@demo.test", "the account is gone")]
    clock.advance(1)
    assert one.heard == ["goodbye"]
    assert events == [Event.INTERNAL_ERROR, Event.LOGGED_OUT]
    logouts.stopService()
