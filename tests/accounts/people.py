"""A small population for the tests of this package."""

from functools import cache
from pathlib import Path

from mailstack.accounts.passwords import Credential, make_credential
from mailstack.accounts.store import AccountStore
from mailstack.base.secret import Secret

PASSWORD = Secret("correct horse")


@cache
def credential(password: str = PASSWORD.reveal()) -> Credential:
    return make_credential(Secret(password))


def population(folder: Path) -> AccountStore:
    store = AccountStore(folder / "accounts.sqlite")
    store.add_domain("demo.test")
    store.add_account("alice@demo.test", credential(), ["a.liddell@demo.test"])
    store.add_account("bob@demo.test", credential("builder"))
    return store
