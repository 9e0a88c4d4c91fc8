"""Sessions: login, news between commands, limits, failures.  The conversations are in tests/sessions/imap."""

import base64

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.imap.values import ImapLimits
from mailstack.store.values import FlagMode, MailboxInvalidated
from tests.imap.fakes import FakeStaged, World

PLAIN = base64.b64encode(b"\0alice@demo.test\0alice-secret").decode()


@pytest.fixture
def world():
    return World()


def selected(world, name="INBOX", messages=0):
    for _ in range(messages):
        world.box(name).add()
    talk = world.login()
    talk.say(f"S SELECT {name}")
    return talk


def run(awaitable):
    import asyncio

    return asyncio.run(awaitable)


# --- before login ---


def test_greeting_and_login_tell_capabilities(world):
    talk = world.connect()
    (greeting,) = talk.heard()
    assert greeting.startswith("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LITERAL+ ")
    assert "AUTH=PLAIN" in greeting
    (answer,) = talk.say("a LOGIN alice@demo.test alice-secret")
    assert answer.startswith("a OK [CAPABILITY IMAP4rev1 ")
    assert "AUTH=" not in answer
    assert "STARTTLS" not in answer


def test_no_login_in_the_clear_from_outside(world):
    talk = world.connect(ip="192.0.2.1")
    (greeting,) = talk.heard()
    assert "LOGINDISABLED" in greeting
    assert "AUTH=" not in greeting
    assert talk.say("a LOGIN alice@demo.test alice-secret")[0].startswith("a NO [PRIVACYREQUIRED]")
    assert talk.say(f"b AUTHENTICATE PLAIN {PLAIN}")[0].startswith("b NO [PRIVACYREQUIRED]")
    assert talk.say("c STARTTLS") == ["c OK Begin TLS negotiation now"]
    assert talk.wire.started_tls
    (capabilities, _) = talk.say("d CAPABILITY")
    assert "STARTTLS" not in capabilities
    assert "AUTH=PLAIN" in capabilities
    assert talk.say("e STARTTLS")[0].startswith("e BAD")
    assert talk.say(f"f AUTHENTICATE PLAIN {PLAIN}")[0].startswith("f OK")


def test_authenticate_with_and_without_initial_response(world):
    assert world.connect().say(f"a AUTHENTICATE PLAIN {PLAIN}")[-1].startswith("a OK")
    talk = world.connect()
    talk.heard()
    assert talk.say("a AUTHENTICATE PLAIN") == ["+ "]
    assert talk.say(PLAIN)[0].startswith("a OK")


def test_authenticate_login(world):
    talk = world.connect()
    talk.heard()
    challenge = talk.say("a AUTHENTICATE LOGIN")[0]
    assert challenge.startswith("+ ")
    assert talk.say(base64.b64encode(b"alice@demo.test").decode())[0].startswith("+ ")
    assert talk.say(base64.b64encode(b"alice-secret").decode())[0].startswith("a OK")


@pytest.mark.parametrize("line", ["*", "not base64!"])
def test_authenticate_given_up(world, line):
    talk = world.connect()
    talk.say("a AUTHENTICATE PLAIN")
    assert talk.say(line)[0].startswith("a BAD")
    assert talk.say(f"b AUTHENTICATE PLAIN {PLAIN}")[0].startswith("b OK")


def test_unknown_mechanism(world):
    talk = world.connect()
    talk.heard()
    assert talk.say("a AUTHENTICATE NTLM")[0].startswith("a NO")


def test_wrong_password_and_then_a_right_one(world):
    talk = world.connect()
    talk.heard()
    assert talk.say("a LOGIN alice@demo.test nonsense")[0].startswith("a NO [AUTHENTICATIONFAILED]")
    assert talk.say("b LIST")[0].startswith("b BAD Log in first")
    assert talk.say("c LOGIN alice@demo.test alice-secret")[0].startswith("c OK")
    assert talk.say("d LOGIN alice@demo.test alice-secret")[0].startswith("d BAD Logged in already")


def test_password_as_literals(world):
    talk = world.connect()
    talk.heard()
    assert talk.say("a LOGIN {15}") == ["+ Ready for literal data"]
    assert talk.say(b"alice@demo.test {12}\r\n") == ["+ Ready for literal data"]
    assert talk.say(b"alice-secret\r\n")[0].startswith("a OK")


def test_sessions_per_account():
    world = World(limits=ImapLimits(sessions_per_account=2))
    first, _ = world.login(), world.login()
    third = world.connect()
    third.heard()
    assert third.say("a LOGIN alice@demo.test alice-secret")[0].startswith("a NO [LIMIT]")
    assert first.say("b LOGOUT") == ["* BYE Goodbye", "b OK LOGOUT completed"]
    assert third.say("c LOGIN alice@demo.test alice-secret")[0].startswith("c OK")
    third.say("d LOGOUT")


# --- news ---


def test_select(world):
    world.box().add(flags=("\\Seen",))
    world.box().add(flags=("$Junk",))
    talk = world.login()
    talk.heard()
    assert talk.say("a SELECT inbox") == [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)",
        "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk \\*)] Flags that stay",
        "* 2 EXISTS",
        "* 2 RECENT",
        "* OK [UNSEEN 2] First unseen message",
        "* OK [UIDVALIDITY 1001] UIDs valid",
        "* OK [UIDNEXT 3] Next UID",
        "* OK [MAILBOXID (F1)] Mailbox id",
        "* OK [HIGHESTMODSEQ 3] Highest modseq",
        "a OK [READ-WRITE] SELECT completed",
    ]
    other = world.login()
    other.heard()
    assert "* 0 RECENT" in other.say("a EXAMINE INBOX")


def test_examine_takes_recent_from_nobody(world):
    world.box().add()
    talk = world.login()
    assert "* 1 RECENT" in talk.say("a EXAMINE INBOX")
    assert "* OK [PERMANENTFLAGS ()] Flags that stay" in talk.say("b EXAMINE INBOX")
    assert "* 1 RECENT" in talk.say("c SELECT INBOX")
    assert "* 0 RECENT" in talk.say("d SELECT INBOX")


def test_failed_select_leaves_the_old_mailbox(world):
    talk = selected(world)
    closed, answer = talk.say("a SELECT nowhere")
    assert closed.startswith("* OK [CLOSED]")
    assert answer.startswith("a NO [NONEXISTENT]")
    assert talk.say("b CHECK") == ["b BAD Select a mailbox first"]
    assert world.box().sessions == 0
    assert world.box().watchers == []


def test_noop_tells_the_news_in_order(world):
    talk = selected(world, messages=3)
    box = world.box()
    run(box.expunge([1, 3]))
    run(box.set_flags([2], FlagMode.ADD, ["\\Flagged", "Work"]))
    box.add()
    assert talk.heard() == []
    assert talk.say("a NOOP") == [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)",
        "* 3 EXPUNGE",
        "* 1 EXPUNGE",
        "* 2 EXISTS",
        "* 2 RECENT",
        "* 1 FETCH (UID 2 FLAGS (\\Flagged Work \\Recent))",
        "a OK NOOP completed",
    ]


def test_own_flag_changes_are_not_told_again(world):
    talk = selected(world, messages=1)
    token = talk.wire.session.token
    run(world.box().set_flags([1], FlagMode.ADD, ["\\Seen"], source=token))
    assert talk.say("a NOOP") == ["a OK NOOP completed"]


def test_idle(world):
    talk = selected(world, messages=1)
    world.box().add()
    assert talk.say("a IDLE") == ["* 2 EXISTS", "* 2 RECENT", "+ idling"]
    world.box().add()
    assert talk.heard() == ["* 3 EXISTS", "* 3 RECENT"]
    run(world.box().expunge([1]))
    assert talk.heard() == ["* 1 EXPUNGE"]
    assert talk.say("done") == ["a OK IDLE completed"]
    world.box().add()
    assert talk.heard() == []


def test_idle_ends_with_done_or_a_command(world):
    talk = selected(world)
    talk.say("a IDLE")
    assert talk.say("b NOOP") == ["a OK IDLE ended by a command", "b OK NOOP completed"]
    talk.say("c IDLE")
    assert talk.say("()") == ["c BAD IDLE ends with DONE"]
    assert talk.say("d NOOP") == ["d OK NOOP completed"]


def test_idle_without_a_mailbox(world):
    talk = world.login()
    talk.heard()
    assert talk.say("a IDLE", "DONE") == ["+ idling", "a OK IDLE completed"]


def test_mailbox_that_goes_away_ends_the_session(world):
    idling, waiting = selected(world), selected(world)
    idling.say("a IDLE")
    waiting.heard()
    run(world.account().delete("INBOX"))
    for talk in (idling, waiting):
        assert talk.heard() == ["* BYE [UNAVAILABLE] Mailbox is gone: Mailbox has been deleted"]
        assert talk.wire.closed


def test_mailbox_that_goes_away_amid_a_command(world):
    talk = selected(world)
    box = world.box()

    async def vanish():
        box.publish(MailboxInvalidated(box.folder.id, "gone"))

    box.refresh = vanish
    assert talk.say("a NOOP") == ["* BYE [UNAVAILABLE] Mailbox is gone: gone", "a OK NOOP completed"]
    assert talk.wire.closed


def test_own_delete_of_the_open_mailbox(world):
    talk = world.login()
    talk.say("a CREATE Old", "b SELECT Old")
    assert talk.say("c DELETE Old") == ["c OK DELETE completed"]
    assert talk.say("d CHECK") == ["d BAD Select a mailbox first"]
    assert not talk.wire.closed


def test_close_expunges_without_a_word(world):
    talk = selected(world, messages=2)
    run(world.box().set_flags([1], FlagMode.ADD, ["\\Deleted"]))
    talk.heard()
    assert talk.say("a CLOSE") == ["a OK CLOSE completed"]
    assert world.box().columns.uids == [2]


@pytest.mark.parametrize("command", ["UNSELECT", "CLOSE"])
def test_leaving_a_read_only_mailbox_expunges_nothing(world, command):
    world.box().add(flags=("\\Deleted",))
    talk = world.login()
    talk.say("a EXAMINE INBOX")
    assert talk.say(f"b {command}") == [f"b OK {command} completed"]
    assert world.box().columns.uids == [1]
    assert world.box().watchers == []


def test_lost_connection_releases_everything(world):
    talk = selected(world)
    talk.wire.session.lost("reset")
    assert world.box().sessions == 0
    assert world.box().watchers == []
    assert world.sessions._shared.sessions == {}


# --- room and failures ---


def test_large_output_waits_for_room(world):
    talk = selected(world, messages=3000)
    talk.heard()
    run(world.box().set_flags(range(1, 3001), FlagMode.ADD, ["\\Flagged"]))
    lines = talk.say("a NOOP")
    assert len(lines) == 3001
    assert talk.wire.rooms >= 1


def test_a_failure_in_the_words_of_imap(world):
    talk = world.login()
    talk.heard()

    async def full(name, special_use=None):
        raise MailError(Condition.STORAGE_FULL, "Out of room", detail="/srv")

    world.account().create = full
    assert talk.say("a CREATE x") == ["a NO [OVERQUOTA] Out of room"]


def test_disk_that_fails_amid_append(world, monkeypatch):
    """The message is read to its end, refused, and the session goes on."""
    from mailstack.imap.server.commands import TABLE

    if b"APPEND" not in TABLE:
        pytest.skip("APPEND is not in the table yet")

    def fail(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FakeStaged, "write", fail)
    talk = world.login()
    talk.heard()
    assert talk.say("a APPEND INBOX {5}") == ["+ Ready for literal data"]
    assert talk.say(b"12345\r\nb NOOP\r\n") == [
        "a NO [OVERQUOTA] Message could not be stored",
        "b OK NOOP completed",
    ]
    assert world.store.staged[0].discarded


def test_what_arrives_while_news_is_leaving_is_told_before_idle_waits(world):
    talk = selected(world, messages=1)
    world.box().add()
    session, wire, box = talk.wire.session, talk.wire, world.box()
    room = wire.room

    async def others_have_their_turn():
        await room()
        if box.uidnext == 3:
            box.add()

    wire.room = others_have_their_turn
    session._written = 10**6
    assert talk.say("a IDLE") == ["* 2 EXISTS", "* 2 RECENT", "* 3 EXISTS", "* 3 RECENT", "+ idling"]
