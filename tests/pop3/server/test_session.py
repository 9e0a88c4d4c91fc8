"""What each command does, over a store in memory."""

import base64
from dataclasses import replace

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.pop3.commands import VERBS
from mailstack.pop3.server.factory import Pop3Sessions
from mailstack.pop3.server.faults import CODES
from mailstack.pop3.server.session import People
from mailstack.sasl.scram import ScramPlusExchange
from tests.pop3.world import SETTINGS, World

ONE = b"Subject: one\r\n\r\nfirst\r\n.dot\r\nlast\r\n"
TWO = b"Subject: two\r\n\r\nno line end"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# --- login ---------------------------------------------------------------------------------------------------


def test_greeting_offers_no_apop():
    assert World().client().taken() == b"+OK mailstack ready\r\n"


@pytest.mark.parametrize(
    ("peer", "settings", "expected"),
    [
        ({}, SETTINGS, ["STLS", "USER", "SASL SCRAM-SHA-256 PLAIN LOGIN"]),
        ({"ip": "192.0.2.1"}, SETTINGS, ["STLS"]),
        ({"ip": "192.0.2.1", "tls": True}, SETTINGS, ["USER", "SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"]),
        ({}, replace(SETTINGS, clear_login_on_loopback=False), ["STLS"]),
        ({"ip": "::1"}, replace(SETTINGS, starttls=False), ["USER", "SASL SCRAM-SHA-256 PLAIN LOGIN"]),
    ],
)
def test_capabilities_follow_tls(peer, settings, expected):
    client = World(settings=settings).client(**peer)
    client.taken()
    lines = client.say("CAPA").split("\r\n")
    assert lines[0].startswith("+OK")
    assert lines[-1] == "."
    assert lines[1:7] == ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
    assert lines[7:9] == ["UTF8 USER", "LANG"]
    assert lines[9:-1] == [*expected, "IMPLEMENTATION mailstack"]


def test_no_mechanism_is_no_capability():
    """-PLUS alone, and no TLS to bind to."""
    world = World()
    world.sessions = Pop3Sessions(world, world, SETTINGS, mechanisms={"SCRAM-SHA-256-PLUS": ScramPlusExchange})
    client = world.client()
    client.taken()
    assert "SASL" not in client.say("CAPA")
    assert client.say("AUTH SCRAM-SHA-256-PLUS") == "-ERR unknown mechanism"


def test_capabilities_are_the_same_after_login():
    client = World().client()
    client.taken()
    before = client.say("CAPA")
    client.log_in()
    assert client.say("CAPA") == before


def test_every_capability_that_is_a_command_is_one():
    client = World().client()
    assert {"TOP", "UIDL", "STLS", "USER"} <= {verb.decode() for verb in VERBS}
    assert "STLS" in client.say("CAPA")


def test_user_and_pass():
    world = World(ONE, TWO)
    client = world.client()
    client.taken()
    assert client.say("USER alice@demo.test") == "+OK password?"
    assert client.say("PASS alice-secret") == f"+OK 2 messages ({len(ONE) + len(TWO)} octets)"
    assert world.claims[0].mechanism == "USER"
    assert world.locked


@pytest.mark.parametrize(
    "lines",
    [
        [f"AUTH PLAIN {b64(chr(0) + 'alice@demo.test' + chr(0) + 'alice-secret')}"],
        ["AUTH PLAIN", b64("alice@demo.test\0alice@demo.test\0alice-secret")],
        ["AUTH LOGIN", b64("alice@demo.test"), b64("alice-secret")],
        [f"auth login {b64('alice@demo.test')}", b64("alice-secret")],
    ],
)
def test_auth(lines):
    client = World().client()
    client.taken()
    for line in lines[:-1]:
        assert client.say(line).startswith("+ ")
    assert client.say(lines[-1]) == "+OK 0 messages (0 octets)"


def test_auth_alone_lists_the_mechanisms():
    client = World().client()
    client.taken()
    assert client.say("AUTH ") == "+OK mechanisms:\r\nSCRAM-SHA-256\r\nPLAIN\r\nLOGIN\r\n."
    client = World().client(ip="192.0.2.1")
    client.taken()
    assert client.say("AUTH") == "+OK mechanisms:\r\n."


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("AUTH CRAM-MD5", "-ERR unknown mechanism"),
        ("AUTH PLAIN =", "-ERR [AUTH] login failed: that was no name and password"),
        (f"AUTH PLAIN {b64('x')}", "-ERR [AUTH] login failed: that was no name and password"),
        (
            f"AUTH PLAIN {b64(chr(0) + 'alice@demo.test' + chr(0) + 'x')}",
            "-ERR [AUTH] login failed: user name or password is wrong",
        ),
    ],
)
def test_auth_refused(line, answer):
    world = World()
    client = world.client()
    client.taken()
    assert client.say(line) == answer
    assert not world.locked
    client.log_in()


@pytest.mark.parametrize("line", ["USER alice@demo.test", "AUTH PLAIN AA==", "AUTH LOGIN"])
def test_no_login_in_the_clear(line):
    world = World()
    client = world.client(ip="192.0.2.1")
    client.taken()
    assert client.say(line) == "-ERR [SYS/PERM] no login without TLS: say STLS first"
    assert client.say("PASS alice-secret") == "-ERR USER comes first"
    assert world.claims == []


def test_stls():
    client = World().client(ip="192.0.2.1")
    client.taken()
    assert client.say("STLS") == "+OK begin TLS"
    client.engine.tls_started()
    client.peer = replace(client.peer, tls=True)
    client.session.tls_started()
    assert client.say("STLS") == "-ERR TLS is on already"
    client.log_in()


def test_stls_without_certificate():
    client = World(settings=replace(SETTINGS, starttls=False)).client(ip="192.0.2.1")
    client.taken()
    assert client.say("STLS") == "-ERR no TLS here"
    assert client.say("USER x") == "-ERR [SYS/PERM] no login without TLS: use the port with TLS"


def test_wrong_passwords_end_it():
    client = World().client()
    client.taken()
    for _ in range(5):
        assert not client.closed
        client.say("USER alice@demo.test")
        assert client.say("PASS wrong").startswith("-ERR [AUTH] ")
    assert client.closed


def test_one_session_at_a_time():
    world = World(ONE)
    first = world.logged_in()
    second = world.client()
    second.taken()
    second.say("USER alice@demo.test")
    assert second.say("PASS alice-secret").startswith("-ERR [IN-USE] ")
    first.lose()
    second.log_in()
    assert world.inbox.opened == 1


def test_a_store_that_fails_keeps_no_lock():
    world = World()
    world.open_fails = MailError(Condition.UNAVAILABLE, "not now")
    client = world.client()
    client.taken()
    client.say("USER alice@demo.test")
    assert client.say("PASS alice-secret") == "-ERR [SYS/TEMP] not now"
    assert not world.locked
    world.open_fails = None
    client.log_in()


# --- reading -------------------------------------------------------------------------------------------------


def test_stat_list_uidl():
    client = World(ONE, TWO).logged_in()
    total = len(ONE) + len(TWO)
    assert client.say("STAT") == f"+OK 2 {total}"
    assert client.say("LIST") == f"+OK 2 messages ({total} octets)\r\n1 {len(ONE)}\r\n2 {len(TWO)}\r\n."
    assert client.say("LIST 2") == f"+OK 2 {len(TWO)}"
    assert client.say("UIDL") == "+OK unique ids:\r\n1 1700000000.101\r\n2 1700000000.102\r\n."
    assert client.say("UIDL 2") == "+OK 2 1700000000.102"
    assert client.say("NOOP") == "+OK"


def test_empty_maildrop():
    client = World().logged_in()
    assert client.say("STAT") == "+OK 0 0"
    assert client.say("LIST") == "+OK 0 messages (0 octets)\r\n."
    assert client.say("RETR 1") == "-ERR no such message"


def test_retr_and_top():
    world = World(ONE, TWO, b"")
    client = world.logged_in()
    assert client.feed(b"RETR 1\r\n") == (
        b"+OK %d octets\r\n" % len(ONE) + b"Subject: one\r\n\r\nfirst\r\n..dot\r\nlast\r\n.\r\n"
    )
    assert client.feed(b"RETR 2\r\n") == b"+OK %d octets\r\n" % len(TWO) + TWO + b"\r\n.\r\n"
    assert client.feed(b"RETR 3\r\n") == b"+OK 0 octets\r\n.\r\n"
    assert client.say("TOP 1 0").endswith("\r\nSubject: one\r\n\r\n.")
    assert client.say("TOP 1 2").endswith("\r\nSubject: one\r\n\r\nfirst\r\n..dot\r\n.")
    assert client.say("TOP 2 99").endswith("\r\nno line end\r\n.")
    assert world.inbox.open_contents == 0


@pytest.mark.parametrize("line", ["LIST 3", "LIST 0", "UIDL 3", "RETR 3", "TOP 3 1", "DELE 3", "DELE 0"])
def test_no_such_number(line):
    assert World(ONE, TWO).logged_in().say(line) == "-ERR no such message"


def test_pipelining():
    client = World(ONE, TWO).logged_in()
    assert client.feed(b"STAT\r\nDELE 1\r\nSTAT\r\nRSET\r\nQUIT\r\nSTAT\r\n") == (
        b"+OK 2 %d\r\n+OK message 1 deleted\r\n+OK 1 %d\r\n+OK 2 messages (%d octets)\r\n+OK goodbye\r\n"
        % (len(ONE) + len(TWO), len(TWO), len(ONE) + len(TWO))
    )


def test_a_long_message_waits_for_room():
    message = b"Subject: long\r\n\r\n" + b".x\r\n" * 100_000
    client = World(message).logged_in()
    answer = client.feed(b"RETR 1\r\n")
    assert answer.partition(b"\r\n")[2] == message.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    assert client.rooms == len(message) // (64 * 1024)


def test_a_lost_peer_breaks_off():
    world = World(b"x" * 200_000)
    client = world.logged_in()
    client.room_fails = ConnectionError("gone")
    client.feed(b"RETR 1\r\n")
    client.lose()
    assert world.inbox.open_contents == 0
    assert not world.locked


@pytest.mark.parametrize("failure", [OSError("disk"), MailError(Condition.UNAVAILABLE, "x")])
def test_half_a_message_never_looks_whole(failure):
    world = World(ONE)
    world.inbox.read_fails = failure
    client = world.logged_in()
    assert not client.feed(b"RETR 1\r\nQUIT\r\n").endswith(b".\r\n")
    assert client.closed
    assert world.inbox.open_contents == 0
    client.lose()
    assert world.inbox.flagged == []


def test_what_imap_has_removed_is_never_another_message():
    world = World(ONE, TWO)
    client = world.logged_in()
    del world.inbox.messages[101]
    world.inbox.messages[103] = b"new\r\n"
    assert client.say("RETR 1") == "-ERR [SYS/PERM] this message was removed"
    assert client.say("TOP 1 0") == "-ERR [SYS/PERM] this message was removed"
    assert client.say("LIST 1") == f"+OK 1 {len(ONE)}"
    assert client.say("UIDL 2") == "+OK 2 1700000000.102"
    assert client.say("RETR 3") == "-ERR no such message"
    client.say("DELE 1")
    client.say("DELE 2")
    assert client.say("QUIT") == "+OK goodbye"
    assert world.inbox.expunged == [102]


def test_a_rebuilt_mailbox_ends_reading_and_deleting():
    world = World(ONE)
    client = world.logged_in()
    world.inbox.invalidate()
    assert client.say("RETR 1") == "-ERR [SYS/TEMP] the mailbox was rebuilt, log in again"
    client.say("DELE 1")
    assert client.say("QUIT") == "-ERR [SYS/TEMP] some deleted messages not removed"
    assert world.inbox.expunged == []
    assert not world.locked


# --- update --------------------------------------------------------------------------------------------------


def test_dele_takes_effect_at_quit():
    world = World(ONE, TWO)
    client = world.logged_in()
    assert client.say("DELE 1") == "+OK message 1 deleted"
    assert client.say("DELE 1") == "-ERR no such message"
    assert client.say("RETR 1") == "-ERR no such message"
    assert client.say("LIST") == f"+OK 1 messages ({len(TWO)} octets)\r\n2 {len(TWO)}\r\n."
    assert client.say("UIDL").split("\r\n")[1:] == ["2 1700000000.102", "."]
    assert world.inbox.expunged == []
    assert client.say("QUIT") == "+OK goodbye"
    assert world.inbox.expunged == [101]
    assert client.closed
    assert not world.locked
    client.lose()
    assert world.inbox.opened == 0
    assert world.inbox.watchers == []


def test_rset_and_a_lost_connection_remove_nothing():
    world = World(ONE, TWO)
    client = world.logged_in()
    client.say("DELE 1")
    client.say("RSET")
    client.say("QUIT")
    client.lose()
    client = world.logged_in()
    client.say("DELE 1")
    client.say("RETR 2")
    client.lose()
    assert world.inbox.expunged == []
    assert world.inbox.flagged == []
    assert not world.locked


def test_a_failing_store_is_told_at_quit():
    world = World(ONE)
    world.inbox.expunge_fails = MailError(Condition.STORAGE_FULL, "disk full")
    client = world.logged_in()
    client.say("DELE 1")
    assert client.say("QUIT") == "-ERR [SYS/TEMP] some deleted messages not removed"
    assert client.closed
    assert not world.locked


def test_quit_marks_what_was_read():
    world = World(ONE, TWO, ONE)
    client = world.logged_in()
    for line in ("RETR 3", "RETR 1", "TOP 2 1", "DELE 1"):
        client.say(line)
    world_flags = world.inbox.flagged
    assert world_flags == []
    client.say("QUIT")
    assert world_flags == [((103,), "add", ("\\Seen",))]


def test_no_flags_by_setting_or_failure():
    world = World(ONE, settings=replace(SETTINGS, mark_seen=False))
    client = world.logged_in()
    client.say("RETR 1")
    assert client.say("QUIT") == "+OK goodbye"
    assert world.inbox.flagged == []
    world = World(ONE)
    world.inbox.flags_fail = MailError(Condition.UNAVAILABLE, "not now")
    client = world.logged_in()
    client.say("RETR 1")
    assert client.say("QUIT") == "+OK goodbye"


def test_quit_before_login():
    client = World().client()
    client.taken()
    assert client.say("QUIT") == "+OK goodbye"
    assert client.closed
    client.lose()


def test_ten_thousand_messages():
    client = World(*[b"x\r\n"] * 10_000).logged_in()
    assert client.say("LIST").count("\r\n") == 10_001
    uids = client.say("UIDL").split("\r\n")[1:-1]
    assert len({line.split()[1] for line in uids}) == 10_000
    client.feed(b"".join(b"DELE %d\r\n" % n for n in range(1, 10_001)))
    assert client.say("STAT") == "+OK 0 0"


def test_every_condition_has_its_code():
    assert set(CODES) == set(Condition)
    assert set(CODES.values()) == {"AUTH", "IN-USE", "SYS/TEMP", "SYS/PERM"}
    assert all((code in {"SYS/TEMP", "IN-USE"}) is condition.temporary for condition, code in CODES.items())


# --- views, delays, dead sessions --------------------------------------------------------------------------------


class Timed(World):
    """Message 101 arrived at 1000, the next ones each a hundred seconds later; `now` is the test's."""

    def __init__(self, *messages, **settings):
        super().__init__(*messages)
        self.now = 10_000.0
        self.people = People()
        self.sessions = Pop3Sessions(
            self, self, replace(SETTINGS, **settings), people=self.people, now=lambda: self.now
        )
        self.inbox.seconds = [1000 + 100 * number for number in range(len(messages))]

    def logged_in(self):
        client = self.client()
        client.taken()
        client.say("USER alice@demo.test")
        return client, client.say("PASS alice-secret")


MANY = tuple(b"Subject: %d\r\n\r\n" % number + b"x" * number for number in range(5))


@pytest.mark.parametrize(
    ("settings", "uids"),
    [
        ({}, [101, 102, 103, 104, 105]),
        ({"newest": 2}, [104, 105]),
        ({"newest": 9}, [101, 102, 103, 104, 105]),
        ({"newer_than_seconds": 8800}, [103, 104, 105]),
        ({"newer_than_seconds": 1}, []),
        ({"newer_than_seconds": 8800, "newest": 1}, [105]),
    ],
)
def test_only_the_newest(settings, uids):
    """Numbers begin at 1, sizes and UIDL are those of the messages."""
    client, _ = Timed(*MANY, **settings).logged_in()
    listed = [line.split() for line in client.say("UIDL").split("\r\n")[1:-1]]
    assert listed == [[str(number), f"1700000000.{uid}"] for number, uid in enumerate(uids, 1)]
    sizes = [line.split()[1] for line in client.say("LIST").split("\r\n")[1:-1]]
    assert sizes == [str(len(MANY[uid - 101])) for uid in uids]
    assert client.say("STAT") == f"+OK {len(uids)} {sum(map(int, sizes))}"


def test_login_delay():
    world = Timed(ONE, login_delay_seconds=60)
    client, answer = world.logged_in()
    assert answer.startswith("+OK")
    assert "LOGIN-DELAY 60" in client.say("CAPA")
    client.say("QUIT")
    world.now += 59
    client, answer = world.logged_in()
    assert answer == "-ERR [LOGIN-DELAY] you were here a moment ago, wait a little"
    world.now += 1
    assert world.logged_in()[1].startswith("+OK")


def test_a_dead_session_is_taken_over():
    """What it had deleted stays; one that has just said something keeps its place."""
    world = Timed(ONE, TWO)
    first, _ = world.logged_in()
    first.say("DELE 1")
    world.now += 59
    assert world.logged_in()[1].startswith("-ERR [IN-USE]")
    world.now += 1
    second, answer = world.logged_in()
    assert answer == f"+OK 2 messages ({len(ONE) + len(TWO)} octets)"
    assert first.cut
    assert list(world.inbox.messages) == [101, 102]
    second.say("QUIT")
    assert not world.locked
    assert world.people.holders == {}


# --- UTF8 --------------------------------------------------------------------------------------------------------

INTERNATIONAL = "From: J\u00fcrgen <j\u00fcrgen@demo.test>\r\nSubject: Gr\u00fc\u00dfe\r\n\r\nText: \u00fc\r\n".encode()


@pytest.mark.parametrize("padding", [0, 100_000])
def test_a_surrogate_unless_utf8(padding):
    """RFC 6856 §2.1: short ones and streamed ones."""
    message = INTERNATIONAL + b"y" * padding + b"\r\n"
    for utf8 in (False, True):
        client = World(message).client()
        client.taken()
        if utf8:
            assert client.say("UTF8").startswith("+OK")
        client.say("USER alice@demo.test")
        client.say("PASS alice-secret")
        for command in ("RETR 1", "TOP 1 1"):
            header = client.say(command).split("\r\n\r\n")[0].partition("\r\n")[2]
            assert header.isascii() is not utf8
            assert ("=?utf-8?" in header.lower()) is not utf8
