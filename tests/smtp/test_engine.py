"""States, limits, last words: what the engine decides without a session's help."""

import pytest

from mailstack.base.engine import NEED_DATA, After, BodyAborted, BodyChunk, BodyEnd
from mailstack.base.errors import Condition, MailError
from mailstack.smtp import replies
from mailstack.smtp.engine import SmtpEngine
from mailstack.smtp.grammar import State
from mailstack.smtp.values import Auth, AuthResponse, Mail, Noop, Reply, SmtpLimits, Terms
from tests.smtp.world import Talk, codes

UNKNOWN = MailError(Condition.NO_SUCH_USER, "No such mailbox here")


def make(**limits):
    return SmtpEngine(SmtpLimits(**limits), Terms("mail.demo.test", mechanisms=("PLAIN",)))


def through(engine, *lines, reply=replies.OK):
    for line in lines:
        engine.receive(line + b"\r\n")
        assert engine.next_event() is not NEED_DATA
        engine.send(reply)
    engine.data_to_send()


def in_body(**limits):
    engine = make(**limits)
    through(engine, b"EHLO x", b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>", b"DATA")
    assert engine.state is State.BODY
    return engine


def test_the_next_command_waits_for_the_reply_to_the_last():
    engine = make()
    engine.receive(b"NOOP\r\nNOOP\r\n")
    assert engine.next_event() == Noop()
    assert engine.next_event() is NEED_DATA
    engine.send(replies.OK)
    assert engine.next_event() == Noop()


def test_only_a_positive_reply_moves_the_state():
    engine = make()
    through(engine, b"EHLO x")
    through(engine, b"MAIL FROM:<a@b>", reply=replies.AUTH_REQUIRED)
    assert engine.state is State.GREETED
    through(engine, b"MAIL FROM:<a@b>")
    through(engine, b"RCPT TO:<c@d>", reply=replies.TOO_MANY_RECIPIENTS)
    assert engine.state is State.MAIL
    through(engine, b"RCPT TO:<c@d>")
    through(engine, b"DATA", reply=replies.OUT_OF_STORAGE)
    assert engine.state is State.RCPT
    through(engine, b"RSET")
    assert engine.state is State.GREETED


def test_rset_is_no_hello():
    engine = make()
    through(engine, b"RSET")
    assert engine.state is State.FRESH


@pytest.mark.parametrize("reply", [replies.OK, replies.OUT_OF_STORAGE, replies.MESSAGE_TOO_BIG])
def test_the_end_of_data_ends_the_transaction_whatever_the_reply(reply):
    engine = in_body()
    engine.receive(b"x\r\n.\r\nNOOP\r\n")
    assert engine.next_event() == BodyChunk(b"x\r\n")
    assert engine.next_event() == BodyEnd()
    assert engine.next_event() is NEED_DATA
    engine.send(reply)
    assert engine.state is State.GREETED
    assert engine.next_event() == Noop()


def test_too_big_is_drained_and_refused_at_its_end():
    engine = in_body(message_octets=10)
    engine.receive(b"12345678\r\n")
    assert isinstance(engine.next_event(), BodyChunk)
    engine.receive(b"9\r\nMAIL FROM:<x@y>\r\n")
    assert isinstance(engine.next_event(), BodyAborted)
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == b""
    engine.receive(b"\r\n.\r\nNOOP\r\n")
    assert engine.next_event() == Noop()
    assert engine.data_to_send() == replies.MESSAGE_TOO_BIG.encode()


def test_far_too_big_is_cut():
    engine = in_body(message_octets=10, drained_octets=100)
    engine.receive(b"x" * 11)
    assert isinstance(engine.next_event(), BodyAborted)
    engine.receive(b"x" * 101)
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send().startswith(b"421 4.3.4 ")
    assert engine.after is After.CLOSE


def test_a_line_too_long_is_refused_and_not_run():
    engine = in_body(text_line_octets=50)
    engine.receive(b"x" * 51 + b"\r\nRSET\r\n.\r\n")
    assert isinstance(engine.next_event(), BodyAborted)
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == replies.TEXT_LINE_TOO_LONG.encode()


def test_a_session_that_breaks_within_the_body_answers_at_its_end():
    engine = in_body()
    engine.receive(b"x\r\n")
    assert isinstance(engine.next_event(), BodyChunk)
    engine.internal_error("ab12")
    assert engine.data_to_send() == b""
    engine.receive(b"more\r\n.\r\n")
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == b"451 4.3.0 Internal error ab12; try again later\r\n"
    assert engine.state is State.GREETED


def test_a_session_that_breaks_at_a_command():
    engine = make()
    through(engine, b"EHLO x")
    engine.receive(b"MAIL FROM:<a@b>\r\nNOOP\r\n")
    assert isinstance(engine.next_event(), Mail)
    engine.internal_error("ab12")
    assert engine.state is State.GREETED
    assert engine.next_event() == Noop()


def test_the_end_of_the_connection_within_the_data():
    engine = in_body()
    engine.receive(b"half a mess")
    engine.receive_eof()
    assert engine.next_event() == BodyChunk(b"half a mess")
    assert isinstance(engine.next_event(), BodyAborted)
    assert engine.next_event() is NEED_DATA


def test_what_was_sent_before_the_end_is_still_answered():
    talk = Talk()
    talk.engine.receive_eof()
    assert codes(talk.say("EHLO x", "NOOP", "QUIT")) == ["250", "250", "221"]


# --- AUTH ---------------------------------------------------------------------------------------------------


def in_auth():
    engine = make()
    through(engine, b"EHLO x")
    through(engine, b"AUTH PLAIN", reply=Reply(334, None, ""))
    assert engine.state is State.AUTH
    return engine


def test_auth_lines_are_answers_not_commands():
    engine = in_auth()
    engine.receive(b"QUIT\r\n")
    assert engine.next_event() == AuthResponse(b"\x41\x42\x13")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"*", replies.AUTH_CANCELLED),
        (b"=", replies.BAD_BASE64),
        (b"a b", replies.BAD_BASE64),
        (b"eA", replies.BAD_BASE64),
        (b"eA==eA==", replies.BAD_BASE64),
        (b"e\nA==", replies.BARE_LINE_END),
        (b"A" * 12288, replies.AUTH_LINE_TOO_LONG),
    ],
)
def test_what_ends_the_exchange(line, reply):
    engine = in_auth()
    engine.receive(line + b"\r\nNOOP\r\n")
    assert engine.next_event() == Noop()
    assert engine.data_to_send() == reply.encode()


def test_long_auth_lines_are_taken():
    engine = in_auth()
    engine.receive(b"A" * 12284 + b"\r\n")
    assert isinstance(engine.next_event(), AuthResponse)
    engine.send(replies.LOGGED_IN)
    engine.receive(b"AUTH PLAIN " + b"A" * 12000 + b"\r\n")
    assert isinstance(engine.next_event(), Auth)


def test_an_empty_answer_is_an_answer():
    engine = in_auth()
    engine.receive(b"\r\n")
    assert engine.next_event() == AuthResponse(b"")


# --- limits ---------------------------------------------------------------------------------------------------


def test_bad_commands_end_the_connection():
    talk = Talk(limits=SmtpLimits(bad_commands=3))
    assert codes(talk.say(*["FOO"] * 6)) == ["500", "500", "500", "421"]
    assert talk.closed


def test_refusals_end_a_strangers_connection():
    limits = SmtpLimits(errors=2)
    talk = Talk(limits=limits)
    talk.flow.refuse["x@demo.test"] = UNKNOWN
    lines = ["EHLO x", "MAIL FROM:<>", *["RCPT TO:<x@demo.test>"] * 4]
    assert codes(talk.say(*lines))[-3:] == ["550", "550", "421"]
    assert talk.closed


def test_a_taken_message_wipes_the_slate():
    talk = Talk(limits=SmtpLimits(errors=2))
    talk.flow.refuse["x@demo.test"] = UNKNOWN
    mail = ["MAIL FROM:<>", "RCPT TO:<x@demo.test>", "RCPT TO:<x@demo.test>", "RCPT TO:<b@demo.test>", "DATA", "."]
    said = codes(talk.say("EHLO x", *mail, *mail, *mail))
    assert said[1:7] == ["250", "550", "550", "250", "354", "250"]
    assert not talk.closed


def test_too_many_recipients_do_not_count_as_errors():
    """A 421 would lose the recipients that were taken."""
    talk = Talk(limits=SmtpLimits(errors=2, recipients_unauthenticated=1))
    said = codes(talk.say("EHLO x", "MAIL FROM:<>", *["RCPT TO:<x@demo.test>"] * 8, "DATA", "."))
    assert said[2:] == ["250", *["452"] * 7, "354", "250"]


# --- last words -------------------------------------------------------------------------------------------------


def test_silence():
    engine = make()
    engine.timed_out()
    assert engine.data_to_send().startswith(b"421 4.4.2 mail.demo.test ")
    assert engine.after is After.CLOSE


def test_shutting_down_between_commands_is_at_once():
    engine = make()
    engine.shutting_down()
    assert engine.data_to_send().startswith(b"421 4.3.2 ")
    assert engine.after is After.CLOSE


def test_shutting_down_lets_the_message_end():
    engine = in_body()
    engine.shutting_down()
    assert engine.data_to_send() == b""
    engine.receive(b"x\r\n.\r\n")
    assert isinstance(engine.next_event(), BodyChunk)
    assert isinstance(engine.next_event(), BodyEnd)
    engine.shutting_down()
    assert engine.data_to_send() == b""
    engine.send(replies.OK)
    assert codes(engine.data_to_send().decode().split("\r\n")[:-1]) == ["250", "421"]


def test_421_closes():
    engine = make()
    engine.receive(b"NOOP\r\nNOOP\r\n")
    engine.next_event()
    engine.send(Reply(421, "4.7.0", "enough"))
    assert engine.after is After.CLOSE
    assert engine.next_event() is NEED_DATA


def test_idle_limits():
    assert make(command_seconds=7).idle_limit == 7
    assert in_body(data_seconds=9).idle_limit == 9


def test_the_pace_of_a_body():
    engine = in_body()
    number, seconds = engine.body_pace
    engine.receive(b"x" * 4096)
    engine.next_event()
    assert engine.body_pace == (number, seconds + 4)
    engine.receive(b"\r\n.\r\n")
    while engine.next_event() != BodyEnd():
        pass
    engine.send(replies.OK)
    assert engine.body_pace[0] == 0
