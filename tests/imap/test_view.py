"""The view against a plain list that knows nothing of arrays."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailstack.base.errors import ParseFault
from mailstack.imap.numset import NumSet
from mailstack.imap.view import News, View


def test_news_come_in_order():
    view = View([1, 2, 3, 4], recent_from=4)
    view.expunged([1, 3], 5)
    view.arrived([7, 8], recent_from=8)
    view.flags_changed([2, 3, 8])
    assert view.flush(expunge=False) == News(exists=6, recent=2, changed=((2, 2),), arrived=(7, 8))
    assert view.number(4) == 4
    assert view.flush(expunge=True) == News(expunged=(3, 1), vanished=(1, 3))
    assert list(view.uids) == [2, 4, 7, 8]
    assert not view.flush(expunge=True)


def test_arrived_and_gone_before_it_was_told():
    view = View([1], recent_from=9)
    view.arrived([5, 6], recent_from=5)
    view.expunged([5], 5)
    assert view.flush(expunge=False) == News(exists=2, recent=1, arrived=(6,))
    assert list(view.uids) == [1, 6]


def test_an_arrival_is_told_once():
    view = View([1, 2], recent_from=9)
    view.arrived([2, 3], recent_from=3)
    view.arrived([3], recent_from=3)
    assert view.flush(expunge=True).exists == 3


def test_told_flags_are_no_news():
    view = View([1, 2], recent_from=9)
    view.flags_changed([1, 2])
    view.told([1])
    assert view.flush(expunge=False).changed == ((2, 2),)


def test_flags_of_a_message_that_goes():
    view = View([1, 2], recent_from=9)
    view.flags_changed([1])
    view.expunged([1], 5)
    view.flags_changed([1])
    assert view.flush(expunge=False) == News()
    assert view.gone == {1}
    assert view.flush(expunge=True) == News(expunged=(1,), vanished=(1,))


def test_recent():
    view = View([1, 2, 3], recent_from=2)
    assert [view.is_recent(uid) for uid in (1, 2, 3, 4)] == [False, True, True, False]
    view.expunged([2], 5)
    view.flush(expunge=True)
    assert view.recent_count == 1


def test_select():
    view = View([3, 5, 9], recent_from=10)
    assert view.select(NumSet.parse(b"1,3")) == [3, 9]
    assert view.select(NumSet.parse(b"4:9", by_uid=True)) == [5, 9]
    with pytest.raises(ParseFault):
        view.select(NumSet.parse(b"4"))


class ViewMachine(RuleBasedStateMachine):
    """A client that applies EXPUNGE and EXISTS as RFC 9051 says always agrees with the view."""

    def __init__(self):
        super().__init__()
        self.next_uid = 4
        self.store = [1, 2, 3]
        self.client = [1, 2, 3]  # by sequence number
        self.pending_flags = set()
        self.modseq, self.waiting = 1, None
        self.view = View(self.store, recent_from=2)

    @rule(count=st.integers(1, 3))
    def arrive(self, count):
        uids = list(range(self.next_uid, self.next_uid + count))
        self.next_uid += count + 1
        self.store += uids
        self.view.arrived(uids, recent_from=uids[0])

    @precondition(lambda self: self.store)
    @rule(data=st.data())
    def expunge(self, data):
        uids = sorted(data.draw(st.sets(st.sampled_from(self.store), min_size=1)))
        self.store = [uid for uid in self.store if uid not in uids]
        self.pending_flags -= set(uids)
        self.modseq += 1
        self.waiting = self.waiting or (self.modseq if self.view.gone | set(uids) & set(self.client) else None)
        self.view.expunged(uids, self.modseq)

    @precondition(lambda self: self.store)
    @rule(data=st.data())
    def change_flags(self, data):
        uids = data.draw(st.sets(st.sampled_from(self.store), min_size=1))
        self.pending_flags |= uids & set(self.client)
        self.view.flags_changed(sorted(uids))

    @rule(expunge=st.booleans())
    def flush(self, expunge):
        before = list(self.client)
        news = self.view.flush(expunge=expunge)
        assert expunge or not news.expunged
        for number in news.expunged:
            del self.client[number - 1]
        known = len(self.client)
        if news.exists is not None:
            assert news.exists > known
            self.client += self.store[-(news.exists - known) :]
            assert news.recent == sum(self.view.is_recent(uid) for uid in self.client)
        assert [uid for _, uid in news.changed] == sorted(self.pending_flags)
        assert all(self.client[number - 1] == uid for number, uid in news.changed)
        self.pending_flags = set()
        assert list(news.vanished) == sorted(set(before) - set(self.client))
        if expunge:
            self.waiting = None
            assert self.client == self.store

    @invariant()
    def same_picture(self):
        assert list(self.view.uids) == self.client
        assert self.view.delayed == self.waiting
        assert self.view.gone == set(self.client) - set(self.store)
        for number, uid in enumerate(self.client, 1):
            assert self.view.number(uid) == number


TestViewMachine = ViewMachine.TestCase
TestViewMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_recent_among():
    view = View([1, 2, 5, 6, 9], 5)
    assert view.recent_among([1, 2]) == frozenset()
    assert view.recent_among([]) == frozenset()
    assert view.recent_among([2, 5, 6]) == {5, 6}
    assert view.recent_among([5, 9]) == {5, 6, 9}
    assert View([1], 9).recent_among([1]) == frozenset()


def test_saved_messages_are_found_by_uid():
    view = View([1, 2, 5, 6, 9], 99)
    view.save([9, 5, 2, 77])
    assert view.spans(NumSet.parse(b"$")) == [(1, 3), (4, 5)]
    view.expunged([5], 7)
    assert view.flush(expunge=True).expunged == (3,)
    assert view.select(NumSet.parse(b"$", by_uid=True)) == [2, 9]
