"""Who is sent away, what is remembered of it over a restart; and a hundred thousand guesses."""

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailstack.accounts import proofs as proofs_module
from mailstack.accounts.api import Claim
from mailstack.accounts.bans import BanRules
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.guard import Guard, GuardRules
from mailstack.accounts.guardfile import GuardFile
from mailstack.accounts.login import PasswordLogin
from mailstack.accounts.passwords import Credential
from mailstack.accounts.store import AccountStore
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.base.secret import Secret

IP = "192.0.2.1"
ALICE = "alice@demo.test"


class World:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "guard.sqlite"
        self.now = 1_800_000_000.0
        self.logged: list[tuple[Event, dict[str, Any]]] = []
        self.guard = self.open()

    def open(self, **rules: Any) -> Guard:
        return Guard(GuardFile(self.path), lambda: self.now, GuardRules(**rules))

    def again(self, **rules: Any) -> Guard:
        self.guard.close()
        self.guard = self.open(**rules)
        return self.guard

    def guess(self, ip: str = IP, count: int = 20) -> None:
        for number in range(count):
            self.guard.failed(ip, str(number).encode())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)

    def sink(event: Event, fields: Any) -> None:
        made.logged.append((event, dict(fields)))

    add_sink(sink)
    yield made
    remove_sink(sink)
    made.guard.close()


def test_banned_from_logging_in_only(world: World) -> None:
    world.guess()
    assert world.guard.arrived(IP, login=True) == "banned: 20 wrong passwords within an hour"
    assert world.guard.refusal(IP) == "banned: 20 wrong passwords within an hour"
    assert world.guard.arrived(IP, login=False) == ""
    [(event, fields)] = world.logged
    assert event is Event.BANNED
    assert fields == {"network": IP, "seconds": 900, "reason": "20 wrong passwords within an hour"}


def test_bans_outlive_a_restart(world: World) -> None:
    world.guess()
    guard = world.again()
    assert guard.arrived(IP, login=True)
    assert [ban.network for ban in guard.bans()] == [IP]
    assert guard.lift(IP) == IP
    assert not world.again().arrived(IP, login=True)
    with pytest.raises(MailError, match="no ban of"):
        world.guard.lift(IP)


def test_by_hand(world: World) -> None:
    world.guard.ban("198.51.100.7/24", "scans", 3600.0)
    assert world.again().arrived("198.51.100.200", login=False) == "banned: scans"
    world.now += 3600
    assert world.guard.arrived("198.51.100.200", login=False) == ""
    with pytest.raises(MailError, match="neither an address nor a network"):
        world.guard.ban("example.org", "", 1.0)


def test_never_who_has_just_logged_in(world: World) -> None:
    """Nor after a restart; and for as long as the trust lasts."""
    world.guard.succeeded(ALICE, IP)
    world.guess(count=1000)
    world.again()
    world.guess(count=1000)
    assert world.guard.arrived(IP, login=True) == ""
    world.now += 8 * 86400
    world.guess()
    assert world.guard.arrived(IP, login=True)


def test_new_networks_are_news(world: World) -> None:
    assert not world.guard.succeeded(ALICE, IP)  # the account's very first
    assert not world.guard.succeeded(ALICE, IP)
    assert world.guard.succeeded(ALICE, "198.51.100.1")
    assert not world.guard.succeeded(ALICE, "198.51.100.99")  # of the same /24
    world.again()
    assert not world.guard.succeeded(ALICE, "198.51.100.1")
    assert world.guard.knows(ALICE, IP)
    assert not world.guard.knows("bob@demo.test", IP)
    assert world.guard.succeeded(ALICE, "203.0.113.1")


def test_never(world: World) -> None:
    world.again(never=(ip_network("192.0.2.0/28"), ip_network("::1")), connections_a_minute=1)
    world.guess(count=100)
    assert [world.guard.arrived(IP, login=True) for _ in range(5)] == [""] * 5
    assert [world.guard.arrived("::1", login=True) for _ in range(5)] == [""] * 5
    assert world.guard.arrived("192.0.2.99", login=True) == ""
    assert world.guard.arrived("192.0.2.99", login=True)


def test_connections(world: World) -> None:
    guard = world.again(connections_a_minute=3, connections_a_minute_wide=5)
    answers = [guard.arrived(IP, login=False) for _ in range(4)]
    assert answers[:3] == ["", "", ""]
    assert answers[3] == "more than 3 connections a minute from 192.0.2.1 (abuse.connections_…)"
    assert [guard.arrived("192.0.2.2", login=False) for _ in range(3)][-1].startswith("more than 5 connections")
    world.now += 60
    assert guard.arrived(IP, login=False) == ""


def test_errors(world: World) -> None:
    guard = world.again(errors_an_hour=10)
    guard.left(IP, 0)
    guard.left(IP, 10)
    assert guard.arrived(IP, login=True) == ""
    guard.left(IP, 1)
    assert guard.arrived(IP, login=True) == "banned: more than 10 errors within an hour"


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "guard.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(MailError, match="may be removed"):
        GuardFile(tmp_path / "guard.sqlite")


# --- brute force -------------------------------------------------------------------------------------------------


class Siege:
    """A hundred people; each password is the 90th of the list that every guesser has.  Time is the test's."""

    WORDS = tuple(f"password{number}" for number in range(100))

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.store = AccountStore(folder / "accounts.sqlite")
        self.store.add_domain("demo.test")
        self.names = [f"person{number}@demo.test" for number in range(100)]
        for name in self.names:
            self.store.add_account(name, Credential(self.WORDS[90]))
        rules = GuardRules(bans=BanRules())
        self.guard = Guard(GuardFile(folder / "guard.sqlite"), self.clock.seconds, rules)
        self.login = PasswordLogin(self.store, AccountDirectory(self.store), self.clock, inline=True, guard=self.guard)
        self.results: Counter[str] = Counter()

    def attempt(self, name: str, password: str, ip: str) -> "Deferred[Any]":
        asked = Deferred.fromCoroutine(self.login.verify(Claim("PLAIN", name, Secret(password)), Peer(ip, 1, "imaps")))
        return asked.addBoth(self._count)

    def _count(self, result: Any) -> Any:
        if isinstance(result, Failure):
            assert isinstance(result.value, MailError)
            self.results[result.value.condition.name] += 1
            return None
        self.results["in"] += 1
        return result

    def close(self) -> None:
        self.clock.advance(60)
        self.guard.close()
        self.store.close()


def test_a_hundred_thousand_guesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a thousand addresses, a hundred each, in an hour.  People log in and never wait; nothing is found."""
    hashed: Counter[str] = Counter()

    def verify(kept: str, password: Secret) -> bool:
        hashed["verified"] += 1
        return kept == password.reveal()

    monkeypatch.setattr(proofs_module, "verify", verify)
    monkeypatch.setattr(proofs_module, "verify_nobody", lambda _: bool(hashed.update(["verified"])))
    monkeypatch.setattr(proofs_module, "is_as_made_now", lambda *_: True)
    siege = Siege(tmp_path)
    addresses = [f"127.{number // 250}.{number % 250}.7" for number in range(1000)]
    for name, ip in zip(siege.names, addresses, strict=False):  # people live at some of those networks, too
        assert siege.attempt(name, siege.WORDS[90], ip.removesuffix("7") + "8").called
    people = siege.results.pop("in")
    assert people == 100
    tried = 0
    for step in range(100):
        for number, ip in enumerate(addresses):
            tried += 1
            name = siege.names[(number + step // 10) % 100]
            if not siege.guard.arrived(ip, login=True):
                siege.attempt(name, siege.WORDS[step], ip)
        for name, ip in zip(siege.names, addresses, strict=False):
            if step % 10 == 0:
                assert siege.attempt(name, siege.WORDS[90], ip.removesuffix("7") + "8").called
        siege.clock.advance(36)
    assert tried == 100_000
    assert siege.results.pop("in") == 1000  # all of them the people's own
    assert siege.results[Condition.LOGIN_FAILED.name] <= 20 * 1000 * 3
    assert len(siege.guard.bans()) > 900
    siege.close()
