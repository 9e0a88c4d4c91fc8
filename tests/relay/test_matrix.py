"""Every reply at every stage: what becomes of the message, and of the connection.  RFC 5321 §4.2, §4.3"""

import pytest

from mailstack.base.engine import BodyChunk, BodyEnd
from mailstack.queue.api import Deferred, Delivered, Failed, Recipient
from mailstack.smtp.conversation import Ended, Transaction, TransactionDone
from tests.relay.test_connection import LIMITS, Line
from tests.relay.test_courier import X, certificate, field, spin  # noqa: F401  fixtures

CODES = ["421", "450", "451", "452", "454", "500", "501", "503", "521", "530", "550", "551", "552", "553", "554", "555"]
STAGES = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("code", CODES)
def test_each_code_at_each_stage(field, stage, code):  # noqa: F811
    """With one host there is nobody else to ask: its word counts, the first figure decides."""
    f = field({stage: f"{code} {code[0]}.9.9 said at {stage}"})
    outcome = f.mx()[X]
    if stage == "EHLO" and code[0] == "5":
        assert isinstance(outcome, Delivered)  # HELO will do: RFC 5321 §3.2
        return
    assert isinstance(outcome, Failed if code[0] == "5" else Deferred)
    assert (outcome.reply.code, outcome.reply.status) == (int(code), f"{code[0]}.9.9")
    assert outcome.reply.text == f"said at {stage}"
    assert f.sinks[0].mails == [] or stage == "DOT"


@pytest.mark.parametrize("keywords", [(), ("SIZE",), ("PIPELINING",), ("SIZE 1000000", "8BITMIME", "SMTPUTF8")])
def test_whatever_is_offered(field, keywords):  # noqa: F811
    f = field({"HELP": "214"}, keywords=keywords)
    assert isinstance(f.mx()[X], Delivered)
    [commands] = f.sinks[0].commands
    assert ("SIZE=" in commands[1]) is any(word.startswith("SIZE") for word in keywords)


def test_a_tiny_size_is_heeded_before_anything_is_sent(field):  # noqa: F811
    f = field({"HELP": "214"}, keywords=("SIZE 10", "PIPELINING"))
    outcome = f.mx()[X]
    assert isinstance(outcome, Failed)
    assert outcome.reply.status == "5.3.4"
    assert [line.split()[0] for line in f.sinks[0].commands[0]] == ["EHLO"]


def test_greylisting_defers_and_the_second_time_it_is_taken(field):  # noqa: F811
    f = field({"RCPT": ["451 4.7.1 greylisted", "250 2.1.5 ok"]})
    assert isinstance(f.mx()[X], Deferred)
    assert isinstance(f.mx()[X], Delivered)


HELLO = b"220 mx\r\n250 mx\r\n"
STALLS = [
    ("the greeting", b"", LIMITS.greeting_seconds),
    ("EHLO", b"220 mx\r\n", LIMITS.command_seconds),
    ("MAIL", HELLO, LIMITS.command_seconds),
    ("RCPT", HELLO + b"250 ok\r\n", LIMITS.command_seconds),
    ("DATA", HELLO + b"250 ok\r\n250 ok\r\n", LIMITS.data_seconds),
    ("the final dot", HELLO + b"250 ok\r\n250 ok\r\n354 go\r\n", LIMITS.end_of_data_seconds),
]


@pytest.mark.parametrize(("stage", "heard", "limit"), STALLS, ids=[stage for stage, _, _ in STALLS])
def test_a_stall_at_each_stage_has_an_end(stage, heard, limit):
    """On the clock of the test; octets that drip in buy no time."""
    line = Line()
    told = line.begin(_talk(line))
    for reply in heard.splitlines(keepends=True):
        line.hear(reply)
    line.clock.advance(limit / 2)
    line.hear(b"2")
    line.clock.advance(limit / 2 - 1)
    assert told == []
    line.clock.advance(1)
    [reply] = told
    assert reply.code == 0
    assert reply.status == "4.4.2"
    assert f"timed out after {limit:.0f} s" in reply.text


async def _talk(line):
    """One message; the reply that it ends with."""
    event = await line.connection.event()
    if isinstance(event, Ended):
        return event.reply
    line.connection.send(Transaction("a@here.test", (Recipient("x@t.test"),), 100))
    event = await line.connection.event()
    if not isinstance(event, TransactionDone | Ended):
        line.connection.send(BodyChunk(b"Subject: x\r\n\r\n"))
        line.connection.send(BodyEnd())
        event = await line.connection.event()
    return event.replies[0] if isinstance(event, TransactionDone) else event.reply
