"""App passwords, and how a login takes them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstack.accounts.passwords import Credential
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from tests.accounts import people
from tests.accounts.test_foreign import HASHES, PASSWORD
from tests.accounts.test_login import World, refused, scram

ALICE = "alice@demo.test"


def peer(protocol: str = "imap", ip: str = "192.0.2.1") -> Peer:
    return Peer(ip, 1, protocol, tls=True, protocol=protocol)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def make(world: World, name: str = "phone", **bounds: object) -> str:
    everything = {"scopes": ["smtp", "imap", "pop3"], "networks": [], "ends": None, "now": 0}
    return world.store.app_passwords.make(ALICE, name, **(everything | bounds)).reveal()  # type: ignore[arg-type]


def test_made(world: World) -> None:
    first, second = make(world), make(world, "tablet")
    assert re.fullmatch(r"([a-z2-7]{5}-){3}[a-z2-7]{5}", first)
    assert first != second
    for protocol in ("imap", "pop3", "submission"):
        for typed in (first, first.upper().replace("-", " "), second.replace("-", "")):
            assert world.ask(ALICE, typed, peer=peer(protocol)).account == ALICE
    assert world.ask(ALICE, people.PASSWORD.reveal()).account == ALICE
    assert world.ask("a.liddell@demo.test", first, peer=peer()).account == ALICE
    with refused(Condition.LOGIN_FAILED):
        world.ask("bob@demo.test", first, peer=peer())
    with refused(Condition.LOGIN_FAILED):
        scram(world, ALICE, first)
    with pytest.raises(MailError, match="already"):
        make(world)
    with pytest.raises(MailError, match="no account"):
        world.store.app_passwords.make("eve@demo.test", "x", scopes=[], networks=[], ends=None, now=0)


def test_scopes(world: World) -> None:
    typed = make(world, scopes=["smtp"])
    world.ask(ALICE, typed, peer=peer("submission"))
    with refused(Condition.LOGIN_FAILED):
        world.ask(ALICE, typed, peer=peer("imap"))


def test_networks(world: World) -> None:
    typed = make(world, networks=["198.51.100.0/24", "2001:db8::/32"])
    for ip in ("198.51.100.9", "::ffff:198.51.100.9", "2001:db8::9"):
        world.ask(ALICE, typed, peer=peer(ip=ip))
    with refused(Condition.LOGIN_FAILED):
        world.ask(ALICE, typed, peer=peer(ip="198.51.101.9"))


def test_expiry_and_use(world: World) -> None:
    typed = make(world, ends=1000)
    world.clock.advance(900)
    world.ask(ALICE, typed, peer=peer("pop3"))
    [kept] = world.store.app_passwords.of(ALICE)
    assert (kept.used, kept.used_ip, kept.used_protocol) == (900, "192.0.2.1", "pop3")
    world.clock.advance(30)
    world.ask(ALICE, typed, peer=peer("imap"))
    assert world.store.app_passwords.of(ALICE) == [kept]
    world.clock.advance(70)
    with refused(Condition.LOGIN_FAILED):
        world.ask(ALICE, typed, peer=peer("pop3"))


def test_revoked_alone(world: World) -> None:
    phone, tablet = make(world), make(world, "tablet")
    world.ask(ALICE, phone, peer=peer())
    assert list(world.login.live.over()) == []
    world.store.app_passwords.revoke(ALICE, "phone")
    assert [account for _, account, _ in world.login.live.over()] == [ALICE]
    with refused(Condition.LOGIN_FAILED):
        world.ask(ALICE, phone, peer=peer())
    world.ask(ALICE, tablet, peer=peer())
    with pytest.raises(MailError, match="no app password phone"):
        world.store.app_passwords.revoke(ALICE, "phone")
    world.store.remove_account(ALICE)
    assert world.store.app_passwords.of(ALICE) == []


def test_a_disabled_account_has_none(world: World) -> None:
    typed = make(world)
    world.store.set_right(ALICE, "enabled", given=False)
    with refused(Condition.ACCOUNT_DISABLED):
        world.ask(ALICE, typed, peer=peer())


def test_nothing_of_it_is_kept_or_shown(world: World, tmp_path: Path) -> None:
    typed = make(world)
    world.store.close()
    letters = typed.replace("-", "").encode()
    for file in tmp_path.iterdir():
        assert letters not in file.read_bytes()
    world.store = type(world.store)(tmp_path / "accounts.sqlite")


@pytest.mark.parametrize("scheme", ["SHA512-CRYPT", "BLF-CRYPT", "PBKDF2", "SSHA512"])
def test_a_hash_of_another_server_is_upgraded(world: World, scheme: str) -> None:
    """The first login that shows the password makes argon2id and SCRAM keys of it."""
    world.store.set_credential(ALICE, Credential(HASHES[scheme]))
    with refused(Condition.LOGIN_FAILED):
        scram(world, ALICE, PASSWORD)
    with refused(Condition.LOGIN_FAILED):
        world.ask(ALICE, "wrong")
    world.ask(ALICE, PASSWORD)
    kept = world.store.credential(ALICE)
    assert kept is not None
    assert kept.hashed.startswith("$argon2id$")
    assert scram(world, ALICE, PASSWORD).account == ALICE
    world.ask(ALICE, PASSWORD)
