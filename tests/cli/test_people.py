"""Domains, accounts and aliases, on the files of a server that does not run."""

import pytest

from mailstack.accounts.passwords import verify
from mailstack.accounts.store import AccountStore
from mailstack.base.secret import Secret
from mailstack.cli import say
from tests.cli.world import World


def password_is(world: World, account: str, password: str) -> bool:
    people = AccountStore(world.state / "accounts.sqlite")
    try:
        kept = people.credential(account)
        return kept is not None and verify(kept.hashed, Secret(password))
    finally:
        people.close()


def test_the_first_steps(world: World) -> None:
    assert "There is no domain yet" in world.says("domain", "list")
    said = world.says("domain", "add", "Demo.Test")
    assert "demo.test.  MX  10 mail.demo.test." in said
    assert "There is no account yet" in world.says("account", "list")
    said = world.says("account", "add", "Alice@demo.test", "--password-stdin", typed="a-wonderland-of-9-hares\n")
    assert said.splitlines() == [
        "alice@demo.test is ready.  In a mail program:",
        "  User name   alice@demo.test",
        "  Incoming    IMAP  mail.demo.test  port 993   SSL/TLS",
        "  Incoming    POP3  mail.demo.test  port 995   SSL/TLS",
        "  Outgoing    SMTP  mail.demo.test  port 465   SSL/TLS",
    ]
    assert password_is(world, "alice@demo.test", "a-wonderland-of-9-hares")
    assert world.state.stat().st_mode & 0o777 == 0o700


def test_lists(demo: World) -> None:
    demo.run(
        "account",
        "add",
        "bob@demo.test",
        "--address",
        "b@demo.test",
        "--password-stdin",
        typed="a-wonderland-of-9-hares\n",
    )
    rows = demo.json("account", "list")
    assert [(row["name"], row["addresses"]) for row in rows] == [
        ("alice@demo.test", ["alice@demo.test"]),
        ("bob@demo.test", ["b@demo.test", "bob@demo.test"]),
    ]
    assert any("bob@demo.test" in line and "b@demo.test" in line for line in demo.says("account", "list").splitlines())
    assert demo.json("domain", "list") == [{"name": "demo.test", "accounts": 2, "aliases": 0}]
    assert "demo.test" in demo.says("domain", "list")


def test_a_password_typed_twice(demo: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "_can_ask", lambda: True)
    said = demo.says("account", "passwd", "alice@demo.test", typed="looking glass\nlooking glass\n")
    assert "looking" not in said
    assert said.endswith("alice@demo.test has a new password.\n")
    assert password_is(demo, "alice@demo.test", "looking glass")
    demo.run("account", "passwd", "alice@demo.test", typed="one\ntwo\n", status=1)
    assert password_is(demo, "alice@demo.test", "looking glass")


def test_passwords_that_cannot_be(demo: World) -> None:
    assert "no terminal to ask" in demo.refuses("account", "passwd", "alice@demo.test")
    assert "has no password" in demo.refuses("account", "passwd", "alice@demo.test", "--password-stdin", typed="\n")
    assert "cannot be used; allowed" in demo.refuses(
        "account", "passwd", "alice@demo.test", "--password-stdin", typed="x" * 2000
    )
    assert demo.run("account", "add", "eve@demo.test", "secret", status=2).stderr.endswith(
        "Got unexpected extra argument (secret)\n"
    )


def test_accounts_that_cannot_be(demo: World) -> None:
    add = ("account", "add")
    given = ("--password-stdin",)
    assert "first: mailstack domain add else.test" in demo.refuses(
        *add, "eve@else.test", *given, typed="a-wonderland-of-9-hares\n"
    )
    assert "is an address of the account" in demo.refuses(
        *add, "ALICE@demo.test", *given, typed="a-wonderland-of-9-hares\n"
    )
    assert "'eve' is not an address" in demo.refuses(*add, "eve", *given, typed="a-wonderland-of-9-hares\n")
    assert "there is no account eve@demo.test" in demo.refuses("account", "remove", "eve@demo.test", "--yes")


def test_removing_asks(demo: World) -> None:
    demo.run("account", "remove", "alice@demo.test", typed="n\n", status=1)
    assert len(demo.json("account", "list")) == 1
    demo.run("alias", "add", "info@demo.test", "alice@demo.test")
    said = demo.says("account", "remove", "alice@demo.test", typed="y\n")
    assert "its mail is kept" in said
    assert "The alias info@demo.test led to nobody else and is gone, too." in said
    assert demo.json("account", "list") == []


def test_removing_with_the_mail(demo: World) -> None:
    assert "0 messages deleted" in demo.says("account", "remove", "alice@demo.test", "--yes", "--delete-mail")


def test_aliases(demo: World) -> None:
    assert "There is no alias" in demo.says("alias", "list")
    said = demo.says("alias", "add", "Info@demo.test", "alice@demo.test", "far@else.test")
    assert said == "info@demo.test leads to alice@demo.test, far@else.test.\n"
    assert demo.json("alias", "list") == [{"name": "info@demo.test", "targets": ["alice@demo.test", "far@else.test"]}]
    assert "far@else.test" in demo.says("alias", "list")
    assert demo.says("alias", "remove", "info@demo.test", "far@else.test") == (
        "info@demo.test no longer leads to far@else.test.\n"
    )
    assert demo.says("alias", "remove", "info@demo.test") == "The alias info@demo.test is gone.\n"
    assert "there is no alias info@demo.test" in demo.refuses("alias", "remove", "info@demo.test")
    assert "there is no eve@demo.test to pass mail on to" in demo.refuses(
        "alias", "add", "info@demo.test", "eve@demo.test"
    )
    demo.run("alias", "add", "info@demo.test", status=2)


def test_domains(demo: World) -> None:
    assert "alice@demo.test is in the domain demo.test; remove it first" in demo.refuses(
        "domain", "remove", "demo.test"
    )
    demo.run("domain", "add", "else.test")
    assert demo.says("domain", "remove", "else.test") == "else.test is no longer served here.\n"
    assert "the domain demo.test is there already" in demo.refuses("domain", "add", "demo.test")


def test_quotas(world: World) -> None:
    world.says("domain", "add", "demo.test")
    world.says("account", "add", "alice@demo.test", "--password-stdin", typed="a-wonderland-of-9-hares\n")
    assert "no limit" in world.says("account", "quota")
    said = world.says("account", "quota", "alice@demo.test", "--storage", "5GiB")
    assert said == "The limits of alice@demo.test are set.\n"
    world.says("account", "quota", "@demo.test", "--messages", "100", "--storage", "1")
    assert world.json("account", "quota", "alice@demo.test") == [
        {
            "name": "alice@demo.test",
            "storage": {"used": 0, "limit": 5 << 30},
            "messages": {"used": 0, "limit": 100},
        }
    ]
    assert "5.0 GiB" in world.says("account", "quota", "@demo.test")
    world.says("account", "quota", "alice@demo.test", "--inherit")
    assert world.json("account", "quota")[0]["storage"]["limit"] == 1
    assert "allowed" in world.refuses("account", "quota", "alice@demo.test", "--storage", "many")
    assert "no account nobody@demo.test" in world.refuses("account", "quota", "nobody@demo.test")
    assert "say whose" in world.refuses("account", "quota", "--messages", "5")


def test_rights_limits_addresses(world: World) -> None:
    world.says("domain", "add", "demo.test")
    world.says("account", "add", "alice@demo.test", "--password-stdin", typed="a-wonderland-of-9-hares\n")
    assert world.says("account", "disable", "Alice@demo.test") == "alice@demo.test is disabled.\n"
    assert "disabled" in world.says("account", "list")
    assert world.says("account", "enable", "alice@demo.test") == "alice@demo.test may log in.\n"
    said = world.says("account", "allow", "alice@demo.test", "--no-send")
    assert said == "alice@demo.test may log in: yes; may send: no; takes mail: yes\n"
    assert world.json("account", "allow", "alice@demo.test", "--send", "--no-receive")["may_receive"] is False
    assert world.json("account", "list")[0]["may_receive"] is False
    assert world.says("account", "address", "alice@demo.test", "--add", "al@demo.test").split() == [
        "al@demo.test",
        "alice@demo.test",
    ]
    assert world.json("account", "address", "alice@demo.test", "--remove", "al@demo.test") == ["alice@demo.test"]
    rows = world.json("account", "limits", "alice@demo.test", "--messages-per-hour", "7")
    assert rows["messages_per_hour"] == {"used": 0, "limit": 7, "own": True}
    assert rows["messages_per_day"] == {"used": 0, "limit": 2000, "own": False}
    assert "its own" in world.says("account", "limits", "alice@demo.test")
    rows = world.json("account", "limits", "alice@demo.test", "--messages-per-hour", "default")
    assert rows["messages_per_hour"] == {"used": 0, "limit": 300, "own": False}
    assert "there is no account" in world.refuses("account", "limits", "eve@demo.test")
    assert "there is no account" in world.refuses("account", "disable", "eve@demo.test")
