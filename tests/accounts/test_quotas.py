"""Whose limit counts: the account's own, its domain's, the default."""

import pytest

from mailstack.accounts.directory import AccountDirectory
from mailstack.base.errors import Condition, MailError
from mailstack.store.values import Quota
from tests.accounts.people import population


@pytest.fixture
def store(tmp_path):
    made = population(tmp_path)
    yield made
    made.close()


def test_the_nearest_limit_counts(store):
    directory = AccountDirectory(store, default_quota=Quota(100, 10, waits=True))
    assert directory.quota_of("alice@demo.test") == Quota(100, 10, waits=True)
    store.set_quota("@demo.test", 200, None)
    assert directory.quota_of("alice@demo.test") == Quota(200, 10, waits=True)
    store.set_quota("alice@demo.test", 0, 20)
    assert directory.quota_of("alice@demo.test") == Quota(0, 20, waits=True)
    assert directory.quota_of("bob@demo.test") == Quota(200, 10, waits=True)
    store.set_quota("alice@demo.test", None, None)
    assert directory.quota_of("alice@demo.test") == Quota(200, 10, waits=True)


def test_limits_of_nobody(store):
    for subject, condition in (
        ("carol@demo.test", Condition.NO_SUCH_USER),
        ("@other.test", Condition.NO_SUCH_DOMAIN),
    ):
        with pytest.raises(MailError) as told:
            store.set_quota(subject, 1, 1)
        assert told.value.condition is condition


def test_limits_go_with_those_they_are_of(store):
    store.set_quota("alice@demo.test", 1, 1)
    store.set_quota("@demo.test", 2, 2)
    store.remove_account("alice@demo.test")
    assert store.picture().quotas == {"@demo.test": (2, 2)}
    store.remove_account("bob@demo.test")
    store.remove_domain("demo.test")
    assert store.picture().quotas == {}
