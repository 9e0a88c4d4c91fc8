"""Where recipients lead: one copy an account, each remote address once."""

import pytest

from mailstack.flow.route import find_route
from mailstack.queue.api import Recipient
from tests.flow.world import Table

DIRECTORY = Table(
    {
        "team@demo.test": ["alice@demo.test", "alice+team@demo.test", "far@other.test"],
        "one@demo.test": ["far@other.test"],
        "out@demo.test": ["far@other.test", "gone@demo.test"],
    }
)


@pytest.mark.parametrize(
    ("addresses", "local", "remote"),
    [
        (["alice@demo.test"], [("alice@demo.test", "INBOX")], []),
        (["Alice@demo.test", "alice@demo.test"], [("alice@demo.test", "INBOX")], []),
        (["alice+news@demo.test"], [("alice@demo.test", "INBOX")], []),
        (["bob@demo.test", "alice@demo.test"], [("bob@demo.test", "INBOX"), ("alice@demo.test", "INBOX")], []),
        (["far@other.test"], [], ["far@other.test"]),
        (["team@demo.test", "far@other.test"], [("alice@demo.test", "INBOX")], ["far@other.test"]),
        (["out@demo.test"], [], ["far@other.test"]),
        ([], [], []),
    ],
)
def test_routes(addresses, local, remote):
    pairs = [(Recipient(address), DIRECTORY.resolve(address)) for address in addresses]
    route = find_route(pairs, DIRECTORY, tag_is_folder=False)
    assert list(route.local) == local
    assert [recipient.address for recipient in route.remote] == remote


def test_a_tag_may_name_a_folder():
    pairs = [(Recipient(a), DIRECTORY.resolve(a)) for a in ("alice+news@demo.test", "alice@demo.test")]
    assert find_route(pairs, DIRECTORY, tag_is_folder=True).local == (("alice@demo.test", "news"),)


def test_what_was_asked_for_a_recipient_goes_along():
    asked = Recipient("out@demo.test", orcpt="rfc822;out@demo.test", notify=frozenset({"FAILURE"}))
    [remote] = find_route([(asked, DIRECTORY.resolve(asked.address))], DIRECTORY, tag_is_folder=False).remote
    assert remote == Recipient("far@other.test", orcpt=asked.orcpt, notify=asked.notify)


@pytest.mark.parametrize(
    ("alias", "asked", "passed_on"),
    [
        ("one@demo.test", {"SUCCESS"}, {"SUCCESS"}),
        ("team@demo.test", {"SUCCESS"}, {"NEVER"}),
        ("team@demo.test", {"SUCCESS", "DELAY"}, {"DELAY"}),
        ("team@demo.test", {"NEVER"}, {"NEVER"}),
        ("team@demo.test", set(), set()),
    ],
)
def test_an_alias_of_several_keeps_success_to_itself(alias, asked, passed_on):
    """RFC 3461 §5.2.7.2, §5.2.7.3"""
    recipient = Recipient(alias, notify=frozenset(asked))
    [remote] = find_route([(recipient, DIRECTORY.resolve(alias))], DIRECTORY, tag_is_folder=False).remote
    assert remote.notify == passed_on
