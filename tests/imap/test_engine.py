"""The engine alone: a table of three rows, and a session that answers from a list."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstack.base.engine import NEED_DATA, After, BodyAborted, BodyChunk
from mailstack.imap.engine import AppendEnd, AppendStart, Continued, ImapEngine, Request
from mailstack.imap.responses import Bye, Continue, Done, Ok
from mailstack.imap.values import Command, ImapLimits, Row, State

LIMITS = ImapLimits(unauthenticated_bytes=300, command_bytes=600, message_bytes=400, bad_commands=4)


def words(cur):
    found = []
    while not cur.at_end():
        found.append(cur.astring())
        if not cur.spaced():
            break
    return tuple(found)


def append(cur):
    name = cur.mailbox()
    cur.space()
    flags = cur.flag_list() if cur.peek() == b"(" else ()
    if flags:
        cur.space()
    cur.literal_size()
    return name, flags


async def nothing(*args):
    raise AssertionError("the engine calls no handler")


ROWS = {
    row.name: row
    for row in (
        Row(b"LOGIN", words, nothing, State.NOT_AUTHENTICATED, then=State.AUTHENTICATED),
        Row(b"SELECT", words, nothing, State.LOGGED_IN, then=State.SELECTED, otherwise=State.AUTHENTICATED),
        Row(b"UID FETCH", lambda cur: cur.numset(), nothing, State.SELECTED),
        Row(b"ECHO", words, nothing, State.ANY),
        Row(b"NOOP", lambda cur: Command(), nothing, State.ANY),
        Row(b"LOGOUT", lambda cur: Command(), nothing, State.ANY, then=State.LOGOUT, after=After.CLOSE),
        Row(b"STARTTLS", lambda cur: Command(), nothing, State.ANY, after=After.START_TLS),
        Row(b"APPEND", append, nothing, State.LOGGED_IN, begin=nothing, further=lambda cur, before: None),
    )
}


def engine(state=State.AUTHENTICATED, limits=LIMITS):
    made = ImapEngine(ROWS, limits)
    made.state = state
    return made


def events(made, answer=True):
    """All events, each answered well at once."""
    found = []
    while (event := made.next_event()) is not NEED_DATA:
        found.append(event)
        if isinstance(event, AppendStart):
            made.send(Continue())
        elif answer and not isinstance(event, BodyChunk | BodyAborted):
            made.send(Done("done"))
    return found


def talk(octets, **options):
    made = engine(**options)
    made.receive(octets)
    found = events(made)
    return found, made.data_to_send(), made


def brief(found):
    """Events without what depends on how the octets were cut."""
    told, body = [], b""
    for event in found:
        if isinstance(event, BodyChunk):
            body += event.data
        elif isinstance(event, AppendEnd):
            told.append(("body", body))
            body = b""
        elif isinstance(event, Request | AppendStart):
            told.append((event.tag, event.row.name, event.command))
        else:
            told.append(event)
    return told


# --- commands and literals ---


@pytest.mark.parametrize(
    ("octets", "event", "said"),
    [
        (b"a NOOP\r\n", (b"a", b"NOOP", Command()), b"a OK done\r\n"),
        (b"a noop  \r\n", (b"a", b"NOOP", Command()), b"a OK done\r\n"),
        (b'A1.]x ECHO a "b c"\r\n', (b"A1.]x", b"ECHO", (b"a", b"b c")), b"A1.]x OK done\r\n"),
        (b"a ECHO {2}\r\nx\n\r\n", (b"a", b"ECHO", (b"x\n",)), b"+ Ready for literal data\r\na OK done\r\n"),
        (b"a ECHO {2+}\r\nab {1+}\r\nc\r\n", (b"a", b"ECHO", (b"ab", b"c")), b"a OK done\r\n"),
    ],
)
def test_commands(octets, event, said):
    found, heard, _ = talk(octets)
    assert brief(found) == [event]
    assert heard == said


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"\r\n", b"* BAD A command starts with a tag\r\n"),
        (b"+a NOOP\r\n", b"* BAD A command starts with a tag\r\n"),
        (b" NOOP\r\n", b"* BAD A command starts with a tag\r\n"),
        (b"a\x00b NOOP\r\n", b"* BAD A command starts with a tag\r\n"),
        (b"a\r\n", b"a BAD Unknown command\r\n"),
        (b"a NONSENSE\r\n", b"a BAD Unknown command\r\n"),
        (b"a  NOOP\r\n", b"a BAD Unknown command\r\n"),
        (b"a NOOP x\r\n", b"a BAD expected the end of the command at octet 8\r\n"),
        (b"a UID FETCH 1\r\n", b"a BAD Select a mailbox first\r\n"),
        (b"a LOGIN x y\r\n", b"a BAD Logged in already\r\n"),
        (b"a SELECT (\r\n", b"a BAD expected a string at octet 10\r\n"),
        (b'a ECHO "\xff" "\x00"\r\n', b"a BAD expected a string at octet 12\r\n"),
    ],
)
def test_faults_are_answered_here(octets, said):
    found, heard, made = talk(octets + b"z NOOP\r\n")
    assert heard == said + b"z OK done\r\n"
    assert len(found) == 1
    assert made.after is After.GO_ON


@pytest.mark.parametrize(
    "refused",
    [
        b"a NONSENSE {10+}\r\nx LOGOUT\r\n\r\n",
        b"a NOOP {10+}\r\nx LOGOUT\r\n\r\n",
        b"a LOGIN {10+}\r\nx LOGOUT\r\n {10+}\r\ny LOGOUT\r\n\r\n",
        b"+ NOOP {10+}\r\nx LOGOUT\r\n\r\n",
        b"a ECHO {700+}\r\n" + b"x LOGOUT\r\n" * 70 + b" rest\r\n",
        b"a ECHO {400+}\r\n" + b"x LOGOUT\r\n" * 40 + b" {300+}\r\n" + b"y LOGOUT\r\n" * 30 + b"\r\n",
        b"a APPEND inbox {500+}\r\n" + b"x LOGOUT\r\n" * 50 + b"\r\n",
        b"a APPEND inbox (bad {20+}\r\n" + b"x LOGOUT\r\n" * 2 + b"\r\n",
        b"a APPEND {10+}\r\nx LOGOUT\r\n {10+}\r\ny LOGOUT\r\n\r\n",
    ],
)
def test_literals_of_refused_commands_are_no_commands(refused):
    found, heard, made = talk(refused + b"z NOOP\r\n")
    assert brief(found)[-1] == (b"z", b"NOOP", Command())
    assert b"LOGOUT" not in {event.row.name for event in found if isinstance(event, Request)}
    assert heard.endswith(b"z OK done\r\n")
    assert made.after is After.GO_ON


def test_refused_literal_is_not_asked_for():
    _, heard, _ = talk(b"a ECHO {700}\r\nz NOOP\r\n")
    assert heard == b"a BAD [TOOBIG] Command too long\r\nz OK done\r\n"


def test_smaller_limit_before_login():
    _, heard, _ = talk(b"a ECHO {400}\r\n", state=State.NOT_AUTHENTICATED)
    assert heard == b"a BAD [TOOBIG] Command too long\r\n"


def test_literal_beyond_reason_ends_the_connection():
    _, heard, made = talk(b"a ECHO {99999999999999999999+}\r\n")
    assert heard.endswith(b"* BYE [TOOBIG] Literal too big\r\n")
    assert made.after is After.CLOSE


# --- states ---


def test_only_a_positive_answer_counts():
    made = engine(state=State.NOT_AUTHENTICATED)
    made.receive(b"a LOGIN x y\r\nb LOGIN x y\r\nc SELECT x\r\nd SELECT x\r\n")
    states = []
    for done in (Done.no("no"), Done("ok"), Done("ok"), Done.no("no")):
        assert isinstance(made.next_event(), Request)
        made.send(done)
        states.append(made.state)
    assert states == [State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED, State.AUTHENTICATED]


def test_the_next_command_waits_for_the_answer():
    made = engine()
    made.receive(b"a NOOP\r\nb NOOP\r\n")
    assert made.next_event().tag == b"a"
    assert made.next_event() is NEED_DATA
    assert made.buffered == 8
    made.send(Ok("news"))
    made.send(Done("done"))
    assert made.next_event().tag == b"b"


def test_logout_and_starttls():
    _, heard, made = talk(b"a LOGOUT\r\nb NOOP\r\n")
    assert heard == b"a OK done\r\n"
    assert made.after is After.CLOSE
    _, _, made = talk(b"a STARTTLS\r\nb NOOP\r\n")
    assert made.after is After.START_TLS
    assert made.buffered  # the connection sees the injection by this
    made.tls_started()
    assert made.after is After.GO_ON


def test_bye_amid_a_command_closes_after_its_answer():
    made = engine()
    made.receive(b"a NOOP\r\n")
    made.next_event()
    made.send(Bye("gone"))
    assert made.after is After.GO_ON
    made.send(Done("done"))
    assert made.after is After.CLOSE
    made = engine()
    made.send(Bye("gone"))
    assert made.after is After.CLOSE


def test_continuation():
    made = engine()
    made.receive(b"a ECHO x\r\nDONE\r\nb NOOP\r\n")
    assert isinstance(made.next_event(), Request)
    made.send(Continue(b"idling"))
    assert made.next_event() == Continued(b"DONE")
    made.send(Done("done"))
    assert made.next_event().tag == b"b"
    assert made.data_to_send() == b"+ idling\r\na OK done\r\n"


# --- APPEND ---


def test_append_streams():
    found, heard, _ = talk(b"a APPEND Sent (\\Seen) {12}\r\nhello\r\nthere\r\nb NOOP\r\n")
    assert brief(found) == [
        (b"a", b"APPEND", ("Sent", ("\\Seen",))),
        ("body", b"hello\r\nthere"),
        (b"b", b"NOOP", Command()),
    ]
    assert heard == b"+ Ready for literal data\r\na OK done\r\nb OK done\r\n"


def test_append_with_the_name_as_a_literal():
    found, heard, _ = talk(b"a APPEND {4+}\r\nSent {2+}\r\nhi\r\n")
    assert brief(found) == [(b"a", b"APPEND", ("Sent", ())), ("body", b"hi")]
    assert heard == b"a OK done\r\n"


def test_append_that_the_session_refuses():
    made = engine()
    made.receive(b"a APPEND Nowhere {2}\r\nb APPEND Nowhere {10+}\r\nx LOGOUT\r\n\r\nc NOOP\r\n")
    for tag in (b"a", b"b"):
        event = made.next_event()
        assert isinstance(event, AppendStart)
        assert event.tag == tag
        made.send(Done.no("no such", b"TRYCREATE"))
    assert made.next_event().row.name == b"NOOP"
    assert made.data_to_send() == b"a NO [TRYCREATE] no such\r\nb NO [TRYCREATE] no such\r\n"


def test_append_too_big():
    _, heard, _ = talk(b"a APPEND x {401}\r\n")
    assert heard == b"a NO [TOOBIG] Message too big\r\n"


def test_octets_behind_the_message():
    found, heard, _ = talk(b"a APPEND x {2+}\r\nhi {10+}\r\nx LOGOUT\r\n\r\nb NOOP\r\n")
    assert isinstance(found[-2], BodyAborted)
    assert heard.startswith(b"a BAD ")
    assert heard.endswith(b"b OK done\r\n")


def test_append_that_fails_midway():
    made = engine()
    made.receive(b"a APPEND x {20+}\r\nx LOGOUT\r\n")
    made.next_event()
    made.send(Continue())
    assert isinstance(made.next_event(), BodyChunk)
    made.internal_error("4711")
    made.receive(b"y LOGOUT\r\n\r\nb NOOP\r\n")
    assert made.next_event().tag == b"b"
    assert made.data_to_send() == b"a NO [SERVERBUG] Internal error 4711\r\n"


# --- what ends the connection ---


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"a NO\nOP\r\n",
        b"a NO\rOP\r\n",
        b"a ECHO " + b"x" * 700,
        b"bad\r\n" * 4,
    ],
)
def test_hang_up(octets):
    found, heard, made = talk(octets)
    assert found == []
    assert heard.splitlines()[-1].startswith(b"* BYE ")
    assert made.after is After.CLOSE
    assert made.next_event() is NEED_DATA


def test_good_commands_forgive_bad_ones_after_login():
    _, _, made = talk((b"bad\r\n" * 3 + b"a NOOP\r\n") * 3)
    assert made.after is After.GO_ON
    _, _, made = talk((b"bad\r\n" * 3 + b"a NOOP\r\n") * 3, state=State.NOT_AUTHENTICATED)
    assert made.after is After.CLOSE


def test_last_words_and_limits_of_silence():
    made = engine()
    assert made.idle_limit == 1800
    assert engine(state=State.NOT_AUTHENTICATED).idle_limit == 60
    made.timed_out()
    assert made.data_to_send() == b"* BYE Silent for too long\r\n"
    assert made.after is After.CLOSE
    made = engine()
    made.shutting_down()
    assert made.data_to_send() == b"* BYE [UNAVAILABLE] Server stops\r\n"


# --- properties ---

STREAM = (
    b'a LOGIN {5}\r\nalice {2+}\r\npw\r\nb ECHO "q" {0+}\r\n\r\nc BAD {10+}\r\nx LOGOUT\r\n\r\n'
    b"d SELECT x\r\ne UID FETCH 1:*\r\nf APPEND {4}\r\nSent (\\Seen) {12+}\r\nhello\r\nthere\r\n"
    b"g APPEND x {2+}\r\nhi y\r\n\r\nh APPEND x {500+}\r\n" + b"x LOGOUT\r\n" * 50 + b" \r\ni LOGOUT\r\nj NOOP\r\n"
)


def replay(pieces):
    made = engine(state=State.NOT_AUTHENTICATED)
    found = []
    for piece in pieces:
        made.receive(piece)
        found += events(made)
    return brief(found), made.data_to_send(), made.after


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_chunking_never_matters(cuts):
    edges = [0, *sorted(cuts), len(STREAM)]
    assert replay(STREAM[a:b] for a, b in pairwise(edges)) == replay([STREAM])


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from(
                [b"a ", b"APPEND ", b"x ", b"ECHO ", b"{3}\r\n", b"{5+}\r\n", b"\r\n", b'"', b"(", b"NOOP"]
            ),
        ),
        max_size=15,
    )
)
def test_garbage_never_raises(pieces):
    made = engine()
    for piece in pieces:
        made.receive(piece)
        events(made)
        said = made.data_to_send()
        assert not said or said.endswith(b"\r\n")
