"""Answers made by columns say what answers made one by one say."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError
from mailstack.imap.responses import date_time
from mailstack.imap.server.columned import Columned, _date
from mailstack.store.values import FlagMode
from tests.imap.fakes import World

ITEMS = [
    "UID",
    "FLAGS",
    "INTERNALDATE",
    "RFC822.SIZE",
    "ENVELOPE",
    "BODY",
    "BODYSTRUCTURE",
    "EMAILID",
    "PREVIEW",
    "BODY.PEEK[]",
    "RFC822.PEEK",
    "BODY.PEEK[HEADER.FIELDS (Subject X-None From)]",
    "BODY.PEEK[HEADER.FIELDS (X-None)]",
]
TEXTS = (b"Subject: one\r\nFrom: a@b.test\r\n\r\nhi\r\n", b"Subject: t\xc3\xb6n\0\r\n x\r\n\r\n", b"\r\nno header", b"")


def opened(*texts):
    world = World()
    for text in texts:
        world.box().add(text)
    talk = world.login()
    talk.say("s SELECT INBOX")
    return world, talk


def heard(talk, line):
    """Octets: not all of them are UTF-8."""
    talk.wire.feed(line.encode() + b"\r\n")
    return talk.wire.heard()


@given(st.lists(st.sampled_from(ITEMS), min_size=1, unique=True), st.lists(st.sampled_from(TEXTS), min_size=1))
def test_the_same_as_one_by_one(items, texts):
    line = f"a FETCH 1:* ({' '.join(items)})"
    _, talk = opened(*texts)
    first, again = heard(talk, line), heard(talk, line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Columned, "of", lambda *_: None)
        _, other = opened(*texts)
        assert heard(other, line) == first == again
    assert first.endswith(b"a OK FETCH completed\r\n")


def test_what_others_have_removed_is_left_out():
    world, talk = opened(*[TEXTS[0]] * 5)
    asyncio.run(world.box().expunge([2, 4]))
    answer = talk.say("a FETCH 1:* (UID ENVELOPE)")
    assert [line.partition(" ENVELOPE")[0] for line in answer[:-1]] == [f"* {n} FETCH (UID {n}" for n in (1, 3, 5)]
    assert answer[-1].startswith("a NO [EXPUNGEISSUED]")


def test_flags_that_were_told_are_not_told_again():
    world, talk = opened(TEXTS[0], TEXTS[0])
    asyncio.run(world.box().set_flags([1], FlagMode.ADD, ("\\Flagged",)))
    answer = talk.say("a FETCH 1:* (FLAGS ENVELOPE)")
    assert "".join(answer).count("\\Flagged") == 1


def test_a_store_that_cannot_read_says_so(monkeypatch):
    world, talk = opened(TEXTS[0])

    def broken(uid):
        raise MailError(Condition.UNAVAILABLE, "Disk is broken")

    monkeypatch.setattr(world.box(), "content", broken)
    assert talk.say("a FETCH 1 ENVELOPE") == ["a NO [UNAVAILABLE] Disk is broken"]


@given(st.integers(-60_000_000_000, 250_000_000_000))
def test_dates_of_any_time(seconds):
    assert _date(seconds) == b'"%b"' % date_time(datetime.fromtimestamp(seconds, UTC))
