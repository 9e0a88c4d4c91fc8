"""What an account may do, its addresses, and who must log in anew."""

from pathlib import Path

import pytest

from mailstack.accounts.api import Forward, Local, Unknown
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.live import Live
from mailstack.accounts.store import AccountStore
from mailstack.base.errors import MailError
from tests.accounts.people import credential, population

ALICE, BOB = "alice@demo.test", "bob@demo.test"


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    return population(tmp_path)


def test_rights(store: AccountStore) -> None:
    directory = AccountDirectory(store)
    assert directory.rights("eve@demo.test") is None
    for right in ("enabled", "may_send", "may_receive"):
        for given in (False, True):
            store.set_right(BOB, right, given=given)
            assert getattr(directory.rights(BOB), right) is given
            assert getattr(directory.rights(ALICE), right)
    with pytest.raises(MailError, match="no account"):
        store.set_right("eve@demo.test", "enabled", given=False)


def test_a_group_passes_over_who_takes_no_mail(store: AccountStore) -> None:
    directory = AccountDirectory(store)
    store.add_alias("team@demo.test", [ALICE, BOB, "far@elsewhere.test"])
    store.set_right(BOB, "may_receive", given=False)
    assert directory.resolve("team@demo.test") == Forward((ALICE, "far@elsewhere.test"))
    assert directory.resolve(BOB) == Local(BOB)
    store.add_alias("only@demo.test", [BOB])
    assert directory.resolve("only@demo.test") == Unknown()


def test_limits(store: AccountStore) -> None:
    directory = AccountDirectory(store)
    store.set_limit(ALICE, "messages_per_hour", 5)
    store.set_limit(ALICE, "messages_per_hour", 6)
    store.set_limit(ALICE, "messages_per_day", 0)
    assert directory.limits(ALICE) == {"messages_per_hour": 6, "messages_per_day": 0}
    store.set_limit(ALICE, "messages_per_hour", None)
    assert directory.limits(ALICE) == {"messages_per_day": 0}
    assert directory.limits("eve@demo.test") == {}


def test_addresses(store: AccountStore) -> None:
    directory = AccountDirectory(store)
    store.add_address(BOB, "builder@demo.test")
    assert directory.resolve("builder@demo.test") == Local(BOB)
    for taken in ("alice@demo.test", "builder@demo.test", "a.liddell@demo.test"):
        with pytest.raises(MailError, match="already"):
            store.add_address(BOB, taken)
    with pytest.raises(MailError, match="not a domain of this server"):
        store.add_address(BOB, "bob@elsewhere.test")
    store.add_alias("list@demo.test", ["builder@demo.test"])
    store.remove_address(BOB, "builder@demo.test")
    assert directory.resolve("builder@demo.test") == directory.resolve("list@demo.test") == Unknown()
    with pytest.raises(MailError, match="is the account's name"):
        store.remove_address(BOB, BOB)
    with pytest.raises(MailError, match="is not an address of"):
        store.remove_address(BOB, "a.liddell@demo.test")


# --- who must log in anew ------------------------------------------------------------------------------------------


def entered(store: AccountStore) -> tuple[Live, AccountDirectory]:
    directory = AccountDirectory(store)
    live = Live(directory)
    for cid, account in (("c1", ALICE), ("c2", BOB), ("c3", ALICE)):
        rights = directory.rights(account)
        assert rights is not None
        live.entered(cid, account, rights.epoch)
    return live, directory


def test_another_password(store: AccountStore) -> None:
    live, _ = entered(store)
    assert list(live.over()) == []
    store.upgrade_credential(ALICE, credential().hashed, credential("other"))
    store.set_right(BOB, "may_send", given=False)
    assert list(live.over()) == []
    store.set_credential(ALICE, credential("new"))
    assert list(live.over()) == [(cid, ALICE, "the account was changed") for cid in ("c1", "c3")]


def test_disabled_and_gone(store: AccountStore) -> None:
    live, _ = entered(store)
    store.set_right(BOB, "enabled", given=False)
    assert list(live.over()) == [("c2", BOB, "the account is disabled")]
    live.keep_only({"c1", "c3"})
    store.remove_account(ALICE)
    assert sorted(live.over()) == [(cid, ALICE, "the account is gone") for cid in ("c1", "c3")]
    live.keep_only(())
    store.add_domain("more.test")
    assert list(live.over()) == []


def test_changed_while_the_password_was_checked(store: AccountStore) -> None:
    live, directory = entered(store)
    rights = directory.rights(BOB)
    assert rights is not None
    store.set_credential(BOB, credential("new"))
    list(live.over())
    live.entered("c9", BOB, rights.epoch)
    assert ("c9", BOB, "the account was changed") in list(live.over())
