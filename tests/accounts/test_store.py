"""accounts.sqlite."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstack.accounts.schema import SCHEMAS
from mailstack.accounts.store import AccountStore, Alias
from mailstack.base.errors import Condition, MailError
from tests.accounts.people import credential, population


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    made = population(tmp_path)
    yield made
    made.close()


def refused(condition: Condition):
    return pytest.raises(MailError, match=f"^{condition.name}: ")


def test_accounts(store: AccountStore) -> None:
    alice, bob = store.accounts()
    assert (alice.name, alice.addresses) == ("alice@demo.test", ("a.liddell@demo.test", "alice@demo.test"))
    assert bob.added > 0
    assert bob.password_changed > 0
    assert store.credential("bob@demo.test") == credential("builder")
    assert store.credential("eve@demo.test") is None


def test_nobody_else_reads_it(store: AccountStore) -> None:
    assert stat.S_IMODE(Path(store.path).stat().st_mode) == 0o600


def test_taken_names(store: AccountStore) -> None:
    store.add_alias("sales@demo.test", ["alice@demo.test"])
    for name in ("alice@demo.test", "a.liddell@demo.test", "sales@demo.test"):
        with refused(Condition.MAILBOX_EXISTS):
            store.add_account(name, credential())
    with refused(Condition.MAILBOX_EXISTS):
        store.add_account("new@demo.test", credential(), ["bob@demo.test"])
    assert len(store.accounts()) == 2


def test_other_domains_are_not_ours(store: AccountStore) -> None:
    with pytest.raises(MailError, match="first: mailstack domain add else.test"):
        store.add_account("alice@else.test", credential())
    with refused(Condition.NO_SUCH_DOMAIN):
        store.add_alias("alice@else.test", ["alice@demo.test"])


def test_password_change(store: AccountStore) -> None:
    store.set_credential("bob@demo.test", credential("new"))
    assert store.credential("bob@demo.test") == credential("new")
    with refused(Condition.NO_SUCH_USER):
        store.set_credential("eve@demo.test", credential())


def test_a_removed_account_leaves_its_aliases(store: AccountStore) -> None:
    store.add_alias("sales@demo.test", ["alice@demo.test", "bob@demo.test"])
    store.add_alias("help@demo.test", ["alice@demo.test"])
    assert store.remove_account("alice@demo.test") == ["help@demo.test"]
    assert store.aliases() == [Alias("sales@demo.test", ("bob@demo.test",))]
    assert store.credential("alice@demo.test") is None
    assert "a.liddell@demo.test" not in store.picture().addresses
    with refused(Condition.NO_SUCH_USER):
        store.remove_account("alice@demo.test")


def test_aliases(store: AccountStore) -> None:
    store.add_alias("sales@demo.test", ["bob@demo.test"])
    store.add_alias("sales@demo.test", ["alice@demo.test", "far@else.test", "bob@demo.test"])
    assert store.aliases() == [Alias("sales@demo.test", ("bob@demo.test", "alice@demo.test", "far@else.test"))]
    store.remove_alias("sales@demo.test", ["bob@demo.test"])
    assert store.aliases()[0].targets == ("alice@demo.test", "far@else.test")
    with refused(Condition.NO_SUCH_USER):
        store.remove_alias("sales@demo.test", ["bob@demo.test"])
    store.remove_alias("sales@demo.test")
    with refused(Condition.NO_SUCH_USER):
        store.remove_alias("sales@demo.test")


def test_alias_members_exist(store: AccountStore) -> None:
    store.add_alias("sales@demo.test", ["alice+sales@demo.test"])
    store.add_alias("all@demo.test", ["sales@demo.test"])
    with refused(Condition.NO_SUCH_USER):
        store.add_alias("all@demo.test", ["bob@demo.test", "eve@demo.test"])
    assert store.aliases()[0] == Alias("all@demo.test", ("sales@demo.test",))
    with refused(Condition.MAILBOX_EXISTS):
        store.add_alias("bob@demo.test", ["alice@demo.test"])


def test_domains(store: AccountStore) -> None:
    store.add_domain("else.test")
    with refused(Condition.LIMIT):
        store.add_domain("else.test")
    assert store.domains() == ["demo.test", "else.test"]
    with refused(Condition.IN_USE):
        store.remove_domain("demo.test")
    store.add_alias("@else.test", ["bob@demo.test"])
    with refused(Condition.IN_USE):
        store.remove_domain("else.test")
    store.remove_alias("@else.test")
    store.remove_domain("else.test")
    with refused(Condition.NO_SUCH_DOMAIN):
        store.remove_domain("else.test")


def test_others_are_noticed(store: AccountStore) -> None:
    other = AccountStore(store.path)
    before = store.version()
    assert store.version() == before
    other.add_domain("else.test")
    noticed = store.version()
    assert noticed != before
    store.add_domain("third.test")
    assert store.version() != noticed
    other.close()


def test_an_older_file_is_brought_up(tmp_path: Path) -> None:
    """Schema 1 had no secret."""
    path = tmp_path / "accounts.sqlite"
    db = sqlite3.connect(path)
    db.executescript(SCHEMAS[0] + "INSERT INTO domains VALUES ('demo.test', 1); PRAGMA user_version = 1;")
    db.close()
    secrets = set()
    for _ in range(2):
        store = AccountStore(path)
        assert store.domains() == ["demo.test"]
        assert len(store.secret) == 32
        secrets.add(store.secret)
        store.close()
    assert len(secrets) == 1


def test_passwords_of_an_older_file(tmp_path: Path) -> None:
    """Schema 2 had one row for the hash and the keys."""
    path = tmp_path / "accounts.sqlite"
    kept = credential()
    [keys] = kept.scram
    db = sqlite3.connect(path)
    db.executescript(f"{SCHEMAS[0]}{SCHEMAS[1]}INSERT INTO accounts VALUES (7, 'a@demo.test', 1);")
    db.execute(
        "INSERT INTO credentials VALUES (7, ?, ?, ?, ?, ?, 99)",
        (kept.hashed, keys.salt, keys.iterations, keys.stored_key, keys.server_key),
    )
    db.execute("PRAGMA user_version = 2")
    db.commit()
    db.close()
    store = AccountStore(path)
    assert store.credential("a@demo.test") == kept
    assert [account.password_changed for account in store.accounts()] == [99]
    store.close()


def test_an_upgrade_is_no_change(store: AccountStore) -> None:
    """The moment of the change stays; and a password that was changed meanwhile is left alone."""
    [before] = [account for account in store.accounts() if account.name == "bob@demo.test"]
    old = credential("builder")
    store.upgrade_credential("bob@demo.test", old.hashed, credential("other"))
    assert store.credential("bob@demo.test") == credential("other")
    store.upgrade_credential("bob@demo.test", old.hashed, credential("third"))
    assert store.credential("bob@demo.test") == credential("other")
    assert before in store.accounts()


def test_a_newer_file_is_left_alone(store: AccountStore) -> None:
    db = sqlite3.connect(store.path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(MailError, match="newer mailstack"):
        AccountStore(store.path)


def test_no_place(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="cannot be used") as caught:
        AccountStore(tmp_path / "missing" / "accounts.sqlite")
    assert caught.value.condition is Condition.UNAVAILABLE
    (tmp_path / "garbage").write_bytes(b"not a database" * 100)
    with pytest.raises(MailError, match="cannot be used"):
        AccountStore(tmp_path / "garbage")


def test_others_are_looked_for_now_and_then_and_own_changes_seen_at_once(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("mailstack.accounts.database.monotonic", lambda: clock[0])
    mine = AccountStore(tmp_path / "accounts.sqlite", look_every=0.25)
    other = AccountStore(tmp_path / "accounts.sqlite")
    before = mine.version()
    mine.add_domain("one.test")
    after_mine = mine.version()
    assert after_mine != before
    other.add_domain("two.test")
    assert mine.version() == after_mine
    clock[0] += 0.25
    assert mine.version() != after_mine
    mine.close()
    other.close()
