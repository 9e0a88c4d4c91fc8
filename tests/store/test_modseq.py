"""Modseqs, what was expunged since one, and the counts that are kept: against what a look at everything tells."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mailstack.store.columns import MailColumns
from mailstack.store.flags import DELETED, SEEN
from mailstack.store.index.messages import Row
from mailstack.store.values import FlagMode
from tests.store.world import World, run

ONE = b"Subject: one\r\n\r\n1\r\n"


def test_flags_only_of_what_has_not_changed(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", ONE, ONE, ONE)
    mailbox = world.open()
    since = mailbox.highest_modseq
    run(mailbox.set_flags([2], FlagMode.ADD, ["\\Flagged"]))
    outcome = run(mailbox.set_flags_unchanged([1, 2, 9], FlagMode.ADD, ["\\Seen"], unchanged_since=since))
    assert outcome == ((1,), (2,))
    assert mailbox.columns.flags(2) == ("\\Flagged",)
    assert run(mailbox.set_flags_unchanged([3], FlagMode.ADD, ["\\Seen"], unchanged_since=0)) == ((), (3,))
    assert list(mailbox.columns.changed_since(since)) == [1, 2]
    assert list(mailbox.columns.modseqs_between(0, 3)) == [since + 2, since + 1, since]
    world.close()


def test_expunged_since(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", ONE, ONE, ONE, ONE)
    mailbox = world.open()
    since = mailbox.highest_modseq
    run(mailbox.expunge([3]))
    run(mailbox.expunge([1, 4]))
    assert mailbox.expunged_since(since) == [1, 3, 4]
    assert mailbox.expunged_since(since + 1) == [1, 4]
    assert list(mailbox.expunged_since(mailbox.highest_modseq)) == []
    world.close()


def test_an_index_made_again_does_not_remember(tmp_path):
    world = World(tmp_path)
    world.append("INBOX", ONE, ONE)
    since = world.open().highest_modseq
    run(world.open().expunge([1]))
    world.reopen(without_index=True)
    assert world.open().highest_modseq > since
    assert world.open().expunged_since(since) is None
    since = world.open().highest_modseq
    run(world.open().expunge([2]))
    assert world.open().expunged_since(since) == [2]
    world.close()


bits = st.sampled_from([0, SEEN, DELETED, SEEN | DELETED])
steps = st.one_of(
    st.tuples(st.just("append"), bits),
    st.tuples(st.just("reflag"), st.tuples(st.integers(0, 20), bits)),
    st.tuples(st.just("remove"), st.sets(st.integers(0, 20), max_size=4)),
    st.tuples(st.just("look"), st.none()),
)


@given(st.lists(steps, max_size=40))
@settings(deadline=None)
def test_counts_are_kept(plan):
    columns, rows, uidnext = MailColumns((), ()), {}, 1
    for what, how in plan:
        if what == "append":
            rows[uidnext] = how
            columns.append([Row(uidnext, 1, how, uidnext * 10, 0, "", "")])
            uidnext += 1
        elif what == "reflag" and how[0] in rows:
            rows[how[0]] = how[1]
            columns.reflag([how], 2)
        elif what == "remove":
            gone = sorted(how & rows.keys())
            for uid in gone:
                del rows[uid]
            columns.remove(gone)
        else:
            unseen = [uid for uid, each in rows.items() if not each & SEEN]
            assert columns.first_unseen() == (unseen[0] if unseen else None)
        unseen = sum(not each & SEEN for each in rows.values())
        deleted = sum(bool(each & DELETED) for each in rows.values())
        assert columns.counts(0) == (len(rows), len(rows), unseen, deleted, sum(uid * 10 for uid in rows))
