"""Where addresses lead."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstack.accounts.api import Directory, Forward, Local, NotOurs, Resolution, Unknown
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.store import AccountStore
from tests.accounts.people import credential, population


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    made = population(tmp_path)
    made.add_domain("xn--bcher-kva.example")
    made.add_account("carol+real@demo.test", credential())
    made.add_alias("sales@demo.test", ["alice+sales@demo.test", "far@else.test"])
    made.add_alias("all@demo.test", ["bob@demo.test", "sales@demo.test", "bob@demo.test", "alice@demo.test"])
    made.add_alias("loop1@demo.test", ["bob@demo.test"])
    made.add_alias("loop2@demo.test", ["loop1@demo.test"])
    made.add_alias("loop1@demo.test", ["loop2@demo.test"])
    made.add_alias("empty1@demo.test", ["all@demo.test"])
    made.add_alias("empty2@demo.test", ["empty1@demo.test"])
    made.add_alias("empty1@demo.test", ["empty2@demo.test"])
    made.remove_alias("empty1@demo.test", ["all@demo.test"])
    made.add_alias("@xn--bcher-kva.example", ["bob@demo.test"])
    yield made
    made.close()


@pytest.fixture
def directory(store: AccountStore) -> AccountDirectory:
    return AccountDirectory(store)


@pytest.mark.parametrize(
    ("address", "leads"),
    [
        ("alice@demo.test", Local("alice@demo.test")),
        ("ALICE@Demo.Test", Local("alice@demo.test")),
        ("a.liddell@demo.test", Local("alice@demo.test")),
        ("alice+shop@demo.test", Local("alice@demo.test", "shop")),
        ("alice+shop+more@demo.test", Local("alice@demo.test", "shop+more")),
        ("alice+@demo.test", Local("alice@demo.test", "")),
        ("carol+real@demo.test", Local("carol+real@demo.test")),
        ("carol@demo.test", Unknown()),
        ("+alice@demo.test", Unknown()),
        ("eve@demo.test", Unknown()),
        ("eve@else.test", NotOurs()),
        ("eve", NotOurs()),
        ("", NotOurs()),
        ("postmaster", Local("alice@demo.test")),
        ("Postmaster@demo.test", Local("alice@demo.test")),
        ("postmaster@bücher.example", Local("alice@demo.test")),
        ("sales@demo.test", Forward(("alice+sales@demo.test", "far@else.test"))),
        ("sales+tag@demo.test", Forward(("alice+sales@demo.test", "far@else.test"))),
        (
            "all@demo.test",
            Forward(("bob@demo.test", "alice+sales@demo.test", "far@else.test", "alice@demo.test")),
        ),
        ("loop1@demo.test", Forward(("bob@demo.test",))),
        ("loop2@demo.test", Forward(("bob@demo.test",))),
        ("empty1@demo.test", Unknown()),
        ("anybody@bücher.example", Forward(("bob@demo.test",))),
        ("anybody@XN--Bcher-kva.example", Forward(("bob@demo.test",))),
    ],
)
def test_resolve(directory: Directory, address: str, leads: Resolution) -> None:
    assert directory.resolve(address) == leads


def test_other_separators(store: AccountStore) -> None:
    assert AccountDirectory(store, "-").resolve("alice-shop@demo.test") == Local("alice@demo.test", "shop")
    assert AccountDirectory(store, "").resolve("alice+shop@demo.test") == Unknown()


def test_domains(directory: Directory) -> None:
    assert directory.is_own_domain("Demo.test")
    assert directory.is_own_domain("bücher.example")
    assert not directory.is_own_domain("else.test")
    assert set(directory.own_domains()) == {"demo.test", "xn--bcher-kva.example"}


def test_changes_of_others_are_seen_at_once(store: AccountStore, directory: Directory) -> None:
    assert directory.resolve("dora@demo.test") == Unknown()
    other = AccountStore(store.path)
    other.add_account("dora@demo.test", credential())
    assert directory.resolve("dora@demo.test") == Local("dora@demo.test")
    other.close()
    store.remove_account("dora@demo.test")
    assert directory.resolve("dora@demo.test") == Unknown()


def test_postmaster_may_be_somebody(store: AccountStore, directory: Directory) -> None:
    store.add_alias("postmaster@demo.test", ["bob@demo.test"])
    assert directory.resolve("postmaster") == Forward(("bob@demo.test",))


def test_postmaster_of_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    store = AccountStore(folder / "accounts.sqlite")
    assert AccountDirectory(store).resolve("postmaster") == NotOurs()
    store.add_domain("demo.test")
    assert AccountDirectory(store).resolve("postmaster") == Unknown()
    store.close()


def test_who_may_send_as_what(directory: AccountDirectory) -> None:
    assert directory.principal("alice@demo.test").addresses == {
        "alice@demo.test",
        "a.liddell@demo.test",
        "sales@demo.test",
        "all@demo.test",
    }
    assert directory.principal("bob@demo.test").addresses == {
        "bob@demo.test",
        "all@demo.test",
        "loop1@demo.test",
        "loop2@demo.test",
    }


def test_login_names(directory: AccountDirectory) -> None:
    assert directory.account_named(" Alice@Demo.test") == "alice@demo.test"
    assert directory.account_named("a.liddell@demo.test") == "alice@demo.test"
    assert directory.account_named("alice") is None
    assert directory.account_named("sales@demo.test") is None


def test_a_login_name_without_a_domain_is_completed(directory: AccountDirectory) -> None:
    assert directory.account_named("alice") is None
    directory.default_domain = "demo.test"
    assert directory.account_named(" Alice ") == "alice@demo.test"
    assert directory.account_named("alice@elsewhere.test") is None


def test_a_bounce_to_a_rewritten_return_path_leads_back(store: AccountStore) -> None:
    store.add_alias("@demo.test", ["bob@demo.test"])
    directory = AccountDirectory(store)
    path = "srs0=abcdefgh=aa=else.test=far@demo.test"
    assert directory.resolve(path) == Forward(("bob@demo.test",))
    directory.unwrap = lambda address: "far@else.test" if address == path else None
    assert directory.resolve(path) == Forward(("far@else.test",))
    assert directory.resolve("srs0=forged=aa=else.test=far@demo.test") == Forward(("bob@demo.test",))


def test_return_paths_that_we_made_take_bounces_only(tmp_path: Path) -> None:
    store = population(tmp_path)
    directory = AccountDirectory(store)
    directory.unwrap = lambda address: "far@elsewhere.test" if address.startswith(("srs0=", "alice@")) else None
    assert directory.takes_bounces_only("SRS0=x=y@demo.test")
    assert not directory.takes_bounces_only("srs0=x=y@elsewhere.test")
    assert not directory.takes_bounces_only("alice@demo.test")  # somebody's own address
    assert not directory.takes_bounces_only("nobody@demo.test")
    store.close()
