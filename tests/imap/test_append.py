"""APPEND: streamed, with flags and date, refused early."""

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.server.commands.append import WithCrlf, parse
from mailstack.imap.values import ImapLimits
from tests.imap.fakes import FakeStaged, World

MESSAGE = b"Subject: appended\r\n\r\nbody\r\n"


@pytest.fixture
def world():
    return World()


def test_grammar():
    found = parse(Cursor([b'saved-messages (\\Seen) "17-Jul-1996 02:44:25 -0700" {310}']))
    assert (found.target, found.messages[0].flags) == ("saved-messages", ("\\Seen",))
    assert found.messages[0].internal_date == datetime(1996, 7, 17, 2, 44, 25, tzinfo=timezone(-timedelta(hours=7)))
    bare = parse(Cursor([b"INBOX {5+}"]))
    assert (bare.target, bare.messages[0].flags, bare.messages[0].internal_date) == ("INBOX", (), None)
    dated = parse(Cursor([b'INBOX " 1-Feb-2024 10:00:00 +0000" {5}']))
    assert dated.messages[0].internal_date == datetime(2024, 2, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [b"INBOX", b"INBOX message", b'INBOX "message"', b"INBOX (\\Bogus) {5}", b'INBOX "1-Foo-2024 10:00:00 +0000" {5}',
     b'INBOX "31-Feb-2024 10:00:00 +0000" {5}', b"INBOX (a {5}", b"{5}"],
)  # fmt: skip
def test_rejected(text):
    with pytest.raises(ParseFault):
        parse(Cursor([text]))


def append(talk, arguments, message=MESSAGE):
    return talk.say(f"a APPEND {arguments} {{{len(message)}+}}".encode() + b"\r\n" + message + b"\r\n")


def test_appenduid_and_content(world):
    talk = world.login()
    validity = world.box("Sent").folder.uidvalidity
    answer = append(talk, 'Sent (\\Seen $Forwarded) "17-Jul-1996 02:44:25 -0700"')
    assert answer == [f"a OK [APPENDUID {validity} 1] APPEND completed"]
    flags, octets, date = world.box("Sent").columns.rows[1]
    assert flags == ("\\Seen", "$Forwarded")
    assert octets == MESSAGE
    assert date.utcoffset() == timedelta(hours=-7)


def test_synchronizing_literal(world):
    talk = world.login()
    assert talk.say(f"a APPEND Drafts {{{len(MESSAGE)}}}")[0].startswith("+ ")
    assert talk.say(MESSAGE) == []
    assert talk.say("")[0].startswith("a OK [APPENDUID")


def test_into_the_selected_mailbox(world):
    talk = world.login()
    talk.say("s SELECT INBOX")
    assert append(talk, "INBOX")[:2] == ["* 1 EXISTS", "* 1 RECENT"]


def test_no_such_mailbox_is_said_before_the_message(world):
    talk = world.login()
    assert talk.say("a APPEND Nowhere {100}") == ["a NO [TRYCREATE] No such mailbox"]
    assert append(talk, "Nowhere") == ["a NO [TRYCREATE] No such mailbox"]
    assert talk.say("b NOOP") == ["b OK NOOP completed"], "the message was no command"


def test_mailbox_that_vanishes_while_the_message_comes(world):
    talk = world.login()
    talk.say(f"a APPEND Drafts {{{len(MESSAGE)}}}")
    del world.account().boxes["Drafts"]
    assert talk.say(MESSAGE + b"\r\n") == ["a NO [TRYCREATE] No such mailbox"]
    assert world.store.staged[-1].discarded


def test_too_big(world):
    world = World(limits=ImapLimits(message_bytes=1000))
    talk = world.login()
    assert talk.say("a APPEND INBOX {1001}")[0].startswith("a NO [TOOBIG]")
    assert append(talk, "INBOX", b"x" * 1001)[0].startswith("a NO [TOOBIG]")
    assert append(talk, "INBOX", b"x" * 1000)[0].startswith("a OK")


def test_empty_message(world):
    talk = world.login()
    assert append(talk, "INBOX", b"")[0].startswith("a NO")
    assert world.box().columns.uids == []


def test_disk_full(world, monkeypatch):
    talk = world.login()

    async def full(*_):
        raise MailError(Condition.STORAGE_FULL, "Disk is full")

    monkeypatch.setattr(world.account(), "append", full)
    assert append(talk, "INBOX") == ["a NO [OVERQUOTA] Disk is full"]
    assert world.store.staged[-1].discarded


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"x"]), max_size=12).map(b"".join), st.data())
def test_line_ends_become_crlf_however_they_are_cut(octets, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=5)))
    staged = FakeStaged()
    written = WithCrlf(staged)
    for start, stop in pairwise([0, *cuts, len(octets)]):
        if start < stop:
            written.write(octets[start:stop])
    assert staged.data == re.sub(rb"(?<!\r)\n", b"\r\n", octets)


def test_long_message_in_small_pieces(world):
    talk = world.login()
    message = b"Subject: x\r\n\r\n" + b"line\r\n" * 50_000
    talk.say(f"a APPEND INBOX {{{len(message)}}}")
    for start in range(0, len(message), 7001):
        assert talk.say(message[start : start + 7001]) == []
    assert talk.say("")[0].startswith("a OK [APPENDUID")
    assert world.box().columns.rows[1][1] == message


def test_several_messages_have_limits():
    world = World(limits=ImapLimits(message_bytes=10, append_bytes=15, append_messages=3))
    talk = world.login()
    talk.heard()
    assert talk.say(b"a APPEND INBOX {8+}\r\n12345678 {8+}\r\n12345678\r\n")[0].startswith("a NO [TOOBIG]")
    assert talk.say(b"b APPEND INBOX {1+}\r\n1 {1+}\r\n1 {1+}\r\n1 {1+}\r\n1\r\n")[0].startswith("b NO [LIMIT]")
    assert talk.say(b"c APPEND INBOX {1+}\r\n1 {1+}\r\n1 {1+}\r\n1\r\n")[-1].startswith("c OK [APPENDUID")
    assert len(world.box().columns.uids) == 3
    assert all(staged.discarded for staged in world.store.staged)


def test_a_thousand_messages_in_one_command(world):
    """Migrating clients send them so; what waits for the rest waits in files."""
    talk = world.login()
    message = b"Subject: x\r\n\r\n" + b"hello\r\n" * 1000
    assert talk.say(b"a APPEND INBOX" + b" {%d+}\r\n%b" % (len(message), message) * 1000 + b"\r\n")[-1].startswith(
        "a OK"
    )
    assert len(world.box().columns.uids) == 1000
    held = [staged for staged in world.store.staged if not getattr(staged, "parked", False)]
    assert sum(len(message) for _ in held) <= 4 << 20
    assert held == world.store.staged[: len(held)]
