"""COPY and MOVE."""

import pytest

from tests.imap.fakes import World


@pytest.fixture
def world():
    return World()


def opened(world, messages=0, how="SELECT"):
    for _ in range(messages):
        world.box().add()
    talk = world.login()
    talk.say(f"s {how} INBOX")
    return talk


def validity(world, name):
    return world.box(name).folder.uidvalidity


def test_copy_tells_the_new_uids(world):
    talk = opened(world, 4)
    world.box("Archive").add()
    assert talk.say("a COPY 2,4 Archive") == [
        f"a OK [COPYUID {validity(world, 'Archive')} 2,4 2:3] COPY completed",
    ]
    assert talk.say("b UID COPY 3 Archive") == [
        f"b OK [COPYUID {validity(world, 'Archive')} 3 4] COPY completed",
    ]
    assert world.box("Archive").columns.uids == [1, 2, 3, 4]
    assert world.box().columns.uids == [1, 2, 3, 4]


def test_copy_into_itself_is_told(world):
    talk = opened(world, 1)
    assert talk.say("a COPY 1 inbox") == [
        "* 2 EXISTS",
        "* 2 RECENT",
        f"a OK [COPYUID {validity(world, 'INBOX')} 1 2] COPY completed",
    ]


@pytest.mark.parametrize("command", ["COPY", "MOVE"])
def test_no_such_mailbox(world, command):
    talk = opened(world, 1)
    assert talk.say(f"a {command} 1 Nowhere") == ["a NO [TRYCREATE] No such mailbox"]
    assert world.box().columns.uids == [1]


@pytest.mark.parametrize("command", ["COPY", "MOVE"])
def test_sets_that_name_nothing(world, command):
    talk = opened(world, 1)
    assert talk.say(f"a UID {command} 7 Archive") == [f"a OK {command} completed"]
    assert talk.say(f"b {command} 7 Archive")[0].startswith("b BAD")
    assert world.box("Archive").columns.uids == []


@pytest.mark.parametrize("command", ["COPY", "MOVE"])
def test_all_or_nothing_when_one_is_gone(world, command):
    """RFC 2180 §4.4.1; UIDs that are gone are passed over."""
    talk, other = opened(world, 3), opened(world)
    other.say("a STORE 2 +FLAGS.SILENT (\\Deleted)", "b EXPUNGE")
    answer = talk.say(f"c {command} 1:3 Archive")
    assert answer[-1].startswith("c NO [EXPUNGEISSUED]")
    assert world.box("Archive").columns.uids == []
    assert talk.say(f"d UID {command} 1:3 Archive")[-1].startswith("d OK")
    assert world.box("Archive").columns.uids == [1, 2]


def test_move_tells_copyuid_before_expunges(world):
    """RFC 6851 §4.3"""
    talk = opened(world, 4)
    assert talk.say("a MOVE 2:3 Trash") == [
        f"* OK [COPYUID {validity(world, 'Trash')} 2:3 1:2] Moved",
        "* 3 EXPUNGE",
        "* 2 EXPUNGE",
        "a OK MOVE completed",
    ]
    assert talk.say("b UID MOVE 4 Trash")[1:] == ["* 2 EXPUNGE", "b OK MOVE completed"]


def test_move_from_a_mailbox_opened_to_read(world):
    talk = opened(world, 1, "EXAMINE")
    assert talk.say("a MOVE 1 Trash")[0].startswith("a NO [READ-ONLY]")
    assert talk.say("b COPY 1 Trash")[0].startswith("b OK [COPYUID")


def test_names_on_the_wire(world):
    talk = opened(world, 1)
    world.account().add_folder("Entwürfe & mehr")
    assert talk.say('a COPY 1 "Entw&APw-rfe &- mehr"')[0].startswith("a OK [COPYUID")
    assert talk.say("b COPY 1")[0].startswith("b BAD")
    assert talk.say("c COPY 1 a b")[0].startswith("c BAD")
