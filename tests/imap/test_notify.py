"""NOTIFY: when there is too much to tell, and what is told where no transcript goes.  RFC 5465"""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.imap.context import Context, at_once
from mailstack.imap.search import All
from mailstack.imap.view import View
from tests.imap.fakes import World


@pytest.fixture
def world():
    return World()


def test_a_client_that_does_not_read_is_told_less(world):
    """RFC 5465 §5.8"""
    talk = world.connect()
    talk.say("a LOGIN alice@demo.test alice-secret")
    talk.say("b SELECT INBOX")
    talk.say("c NOTIFY SET (selected (MessageNew MessageExpunge))")
    box = world.store.accounts["alice@demo.test"].mailbox("INBOX")
    box.add()
    assert talk.heard() == ["* 1 EXISTS", "* 1 RECENT"]
    talk.wire.unread = 2 * 1024 * 1024
    box.add()
    assert talk.heard() == ["* OK [NOTIFICATIONOVERFLOW] Too much news for a client that does not read"]
    talk.wire.unread = 0
    box.add()
    assert talk.heard() == []
    assert talk.say("d NOOP") == ["d OK NOOP completed"]


def test_what_waits_is_not_made_at_once():
    async def waits():
        await Never()

    class Never:
        def __await__(self):
            yield

    with pytest.raises(RuntimeError):
        at_once(waits())


@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(1, 30)))), st.booleans())
def test_a_client_that_follows_has_the_same_members(changes, is_sorted):
    """ADDTO and REMOVEFROM, done as RFC 5267 §4.3.3 and §4.3.4 say, give what the server has."""
    view = View(range(1, 31), 1)
    context = Context(b"t", True, All(), array("Q"), ("by",) if is_sorted else ())
    held = []
    for adds, uids in changes:
        if adds:
            answer = context.added(uids, view, lambda members: sorted(members, key=lambda uid: (uid % 7, uid)))
        else:
            answer = context.removed(uids, view)
        follow(held, answer)
        assert held == list(context.members)


def follow(held, answer):
    if not answer:
        return
    name, _, pairs = answer.decode().split(" UID ")[1].partition(" (")
    words = pairs.rstrip(")\r\n").split()
    for place, numbers in zip(map(int, words[::2]), words[1::2], strict=True):
        uids = [uid for span in numbers.split(",") for uid in in_span(span)]
        if name == "REMOVEFROM":
            assert not place or held[place - 1] == uids[0]
            held[:] = [uid for uid in held if uid not in uids]
        elif place:
            held[place - 1 : place - 1] = uids
        else:
            held[:] = sorted([*held, *uids])


def in_span(text):
    low, _, high = text.partition(":")
    return range(int(low), int(high or low) + 1)
