"""Who goes first."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mailstack.accounts import hashing as hashing_module
from mailstack.accounts.hashing import Hashing


class Threads:
    """In place of the pool: work is done when the test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Deferred[Any], Any]] = []

    def __call__(self, _reactor: Any, _pool: Any, work: Any) -> "Deferred[Any]":
        deferred: Deferred[Any] = Deferred()
        self.begun.append((deferred, work))
        return deferred

    def finish(self) -> None:
        deferred, work = self.begun.pop(0)
        deferred.callback(work())


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    made = Threads()
    monkeypatch.setattr(hashing_module, "deferToThreadPool", made)
    return made


def test_a_flood_leaves_one_thread(threads: Threads) -> None:
    hashing, done = Hashing(None), []

    def ask(name: str, *, known: bool) -> None:
        Deferred.fromCoroutine(hashing(lambda: name, known=known)).addCallback(done.append)

    for number in range(10):
        ask(f"stranger {number}", known=False)
    assert len(threads.begun) == 1
    ask("alice", known=True)
    assert len(threads.begun) == 2
    ask("bob", known=True)
    threads.finish()
    threads.finish()
    threads.finish()
    assert done == ["stranger 0", "alice", "bob"]
    while threads.begun:
        threads.finish()
    assert done == ["stranger 0", "alice", "bob", *(f"stranger {number}" for number in range(1, 10))]
    ask("carol", known=True)
    threads.finish()
    assert done[-1] == "carol"


def test_rows_are_apart(threads: Threads) -> None:
    hashing = Hashing(None)
    for _ in range(201):
        Deferred.fromCoroutine(hashing(lambda: None, known=False))
    assert hashing.overrun(known=False)
    assert not hashing.overrun(known=True)


def test_work_that_fails_gives_its_place_back(threads: Threads) -> None:
    hashing, failed = Hashing(None, threads=1), []
    for _ in range(3):
        Deferred.fromCoroutine(hashing(lambda: None)).addErrback(failed.append)
    for _ in range(3):
        threads.begun.pop(0)[0].errback(ValueError("no"))
    assert len(failed) == 3
    assert hashing._busy == 0
