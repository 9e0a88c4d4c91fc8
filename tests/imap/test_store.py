"""STORE, EXPUNGE and UID EXPUNGE."""

import pytest

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.server.commands.store import parse
from mailstack.store.values import FlagMode
from tests.imap.fakes import World


@pytest.fixture
def world():
    return World()


def opened(world, messages=0, how="SELECT"):
    for _ in range(messages):
        world.box().add()
    world.box().claim_recent()
    talk = world.login()
    talk.say(f"s {how} INBOX")
    return talk


@pytest.mark.parametrize(
    ("text", "mode", "flags", "silent"),
    [
        (b"1 FLAGS (\\Seen)", FlagMode.REPLACE, ("\\Seen",), False),
        (b"1 FLAGS ()", FlagMode.REPLACE, (), False),
        (b"1:2 +FLAGS (\\Deleted \\seen)", FlagMode.ADD, ("\\Deleted", "\\Seen"), False),
        (b"1 -Flags.Silent \\Answered", FlagMode.REMOVE, ("\\Answered",), True),
        (b"1 +FLAGS $label1 projectx", FlagMode.ADD, ("$label1", "projectx"), False),
        (b"1 FLAGS (\\Recent work WORK)", FlagMode.REPLACE, ("work",), False),
    ],
)
def test_grammar(text, mode, flags, silent):
    found = parse(Cursor([text]))
    assert (found.mode, found.flags, found.silent) == (mode, flags, silent)


@pytest.mark.parametrize(
    "text",
    [b"1 FLAGS", b"1 (\\Seen)", b"1 *FLAGS (\\Seen)", b"1 FLAGS.LOUD (\\Seen)", b"1 FLAGS (\\Nonsense)", b"x FLAGS ()",
     b"1 +FLAGS (\\Seen", b"1 FLAGSX ()"],
)  # fmt: skip
def test_rejected(text):
    with pytest.raises(ParseFault):
        cursor = Cursor([text])
        parse(cursor)
        cursor.end()


def test_flags_are_answered_also_when_nothing_changes(world):
    talk = opened(world, 2)
    assert talk.say("a STORE 1 +FLAGS (\\Seen)") == ["* 1 FETCH (FLAGS (\\Seen))", "a OK STORE completed"]
    assert talk.say("b STORE 1 +FLAGS (\\Seen)") == ["* 1 FETCH (FLAGS (\\Seen))", "b OK STORE completed"]
    assert talk.say("c UID STORE 2 FLAGS (\\Draft \\Flagged)") == [
        "* 2 FETCH (UID 2 FLAGS (\\Draft \\Flagged))",
        "c OK STORE completed",
    ]
    assert talk.say("d STORE 1:2 FLAGS.SILENT ()") == ["d OK STORE completed"]
    assert talk.say("e STORE 1 -FLAGS (\\Seen)") == ["* 1 FETCH (FLAGS ())", "e OK STORE completed"]


def test_new_keywords_are_listed(world):
    talk = opened(world, 1)
    answer = talk.say("a STORE 1 +FLAGS ($label1)")
    assert "* 1 FETCH (FLAGS ($label1))" in answer
    assert any(line.startswith("* FLAGS (") and "$label1" in line for line in answer)


def test_others_hear_of_it(world):
    talk, other = opened(world, 1), opened(world)
    talk.say("a STORE 1 +FLAGS.SILENT (\\Seen)")
    assert other.say("b NOOP") == ["* 1 FETCH (UID 1 FLAGS (\\Seen))", "b OK NOOP completed"]
    assert talk.say("c NOOP") == ["c OK NOOP completed"]


def test_read_only(world):
    talk = opened(world, 1, "EXAMINE")
    assert talk.say("a STORE 1 FLAGS (\\Seen)")[0].startswith("a NO [READ-ONLY]")
    assert talk.say("b EXPUNGE")[0].startswith("b NO [READ-ONLY]")
    assert world.box().columns.flags(1) == ()


def test_numbers_that_do_not_exist(world):
    talk = opened(world, 1)
    assert talk.say("a STORE 2 FLAGS (\\Seen)")[0].startswith("a BAD")
    assert talk.say("b UID STORE 2 FLAGS (\\Seen)") == ["b OK STORE completed"]


def test_gone_messages(world):
    """RFC 2180 §4.2: the others get their flags, the client is told."""
    talk, other = opened(world, 3), opened(world)
    other.say("a STORE 2 +FLAGS.SILENT (\\Deleted)", "b EXPUNGE")
    assert talk.say("c STORE 1:3 +FLAGS (\\Seen)") == [
        "* 1 FETCH (FLAGS (\\Seen))",
        "* 3 FETCH (FLAGS (\\Seen))",
        "c NO [EXPUNGEISSUED] Some of the messages are gone",
    ]
    assert talk.say("d UID STORE 2:3 +FLAGS (\\Draft)") == [
        "* 3 FETCH (UID 3 FLAGS (\\Draft \\Seen))",
        "* 2 EXPUNGE",
        "d OK STORE completed",
    ]


# --- EXPUNGE ---


def test_expunge_takes_only_the_deleted(world):
    talk = opened(world, 5)
    talk.say("a STORE 2,4:5 +FLAGS.SILENT (\\Deleted)")
    assert talk.say("b EXPUNGE") == ["* 5 EXPUNGE", "* 4 EXPUNGE", "* 2 EXPUNGE", "b OK EXPUNGE completed"]
    assert talk.say("c EXPUNGE") == ["c OK EXPUNGE completed"]
    assert world.box().columns.uids == [1, 3]


def test_uid_expunge_takes_only_the_named_and_deleted(world):
    talk = opened(world, 4)
    talk.say("a STORE 2:3 +FLAGS.SILENT (\\Deleted)")
    assert talk.say("b UID EXPUNGE 1:2") == ["* 2 EXPUNGE", "b OK EXPUNGE completed"]
    assert talk.say("c UID EXPUNGE 9") == ["c OK EXPUNGE completed"]
    assert talk.say("d UID EXPUNGE *") == ["d OK EXPUNGE completed"]
    assert world.box().columns.uids == [1, 3, 4]
    assert talk.say("e EXPUNGE 1")[0].startswith("e BAD")
    assert talk.say("f UID EXPUNGE")[0].startswith("f BAD")
