"""The engine alone: order, state, limits, the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.engine import NEED_DATA, After
from mailstack.base.secret import Secret
from mailstack.pop3 import commands as c
from mailstack.pop3.engine import Pop3Engine
from mailstack.pop3.responses import Challenge, Closing, Err, Listing, Ok, Opening, Piece, Whole
from mailstack.pop3.values import Pop3Limits, State

LIMITS = Pop3Limits(command_bytes=60, auth_bytes=100, bad_commands=3, failed_logins=2)


@pytest.fixture
def engine():
    return Pop3Engine(LIMITS)


def fed(engine, octets):
    engine.receive(octets)
    return engine.next_event()


def logged_in(engine):
    assert fed(engine, b"AUTH PLAIN AA==\r\n") == c.Auth("PLAIN", b"\0")
    engine.send(Ok("in"))
    assert engine.data_to_send() == b"+OK in\r\n"


def test_one_event_at_a_time(engine):
    assert fed(engine, b"CAPA\r\nQUIT\r\n") == c.Capa()
    assert engine.next_event() is NEED_DATA
    engine.send(Listing("list", b"TOP\r\n"))
    assert engine.next_event() == c.Quit()
    engine.send(Ok("bye"))
    assert engine.data_to_send() == b"+OK list\r\nTOP\r\n.\r\n+OK bye\r\n"
    assert engine.after is After.CLOSE
    assert fed(engine, b"CAPA\r\n") is NEED_DATA


def test_pass_needs_user_each_time(engine):
    assert fed(engine, b"PASS x\r\n") is NEED_DATA
    assert engine.data_to_send() == b"-ERR USER comes first\r\n"
    assert fed(engine, b"USER tim\r\n") == c.User("tim")
    engine.send(Err("no"))
    assert fed(engine, b"PASS x\r\n") is NEED_DATA
    assert fed(engine, b"USER tim\r\n") == c.User("tim")
    engine.send(Ok(""))
    assert fed(engine, b"PASS x\r\n") == c.Pass(Secret("x"), "tim")
    engine.send(Err("wrong", "AUTH"))
    assert engine.data_to_send().endswith(b"+OK\r\n-ERR [AUTH] wrong\r\n")
    assert fed(engine, b"PASS x\r\n") is NEED_DATA
    assert engine.state is State.AUTHORIZATION


def test_only_a_positive_answer_logs_in(engine):
    fed(engine, b"AUTH PLAIN AA==\r\n")
    engine.send(Err("no"))
    assert engine.state is State.AUTHORIZATION
    engine.data_to_send()
    logged_in(engine)
    assert engine.state is State.TRANSACTION
    assert fed(engine, b"AUTH PLAIN AA==\r\n") is NEED_DATA
    assert engine.data_to_send() == b"-ERR you have logged in already\r\n"


def test_an_exchange(engine):
    assert fed(engine, b"AUTH LOGIN\r\n") == c.Auth("LOGIN")
    engine.send(Challenge(b"Username:"))
    assert engine.data_to_send() == b"+ VXNlcm5hbWU6\r\n"
    assert fed(engine, b"dGlt\r\n") == c.AuthLine(b"tim")
    engine.send(Challenge(b""))
    assert engine.data_to_send() == b"+ \r\n"
    assert fed(engine, b"\r\n") == c.AuthLine(b"")
    engine.send(Ok("in"))
    assert engine.state is State.TRANSACTION
    assert fed(engine, b"NOOP\r\n") == c.Noop()


@pytest.mark.parametrize("line", [b"*", b"no base64!", b"a" * 99, b"QUIT\r", b"====", b"AA=\xff"])
def test_an_exchange_that_fails_is_over(engine, line):
    fed(engine, b"AUTH LOGIN\r\n")
    engine.send(Challenge(b""))
    assert fed(engine, line + b"\r\n") is NEED_DATA
    assert engine.data_to_send().startswith(b"+ \r\n-ERR ")
    assert fed(engine, b"CAPA\r\n") == c.Capa()


def test_a_body(engine):
    logged_in(engine)
    assert fed(engine, b"RETR 1\r\nNOOP\r\n") == c.Retr(1)
    engine.send(Opening("8 octets"))
    engine.send(Piece(b"a\r\n.b"))
    assert engine.data_to_send() == b"+OK 8 octets\r\na\r\n..b"
    assert engine.next_event() is NEED_DATA
    engine.send(Piece(b"\r\n"))
    engine.send(Closing())
    assert engine.data_to_send() == b"\r\n.\r\n"
    assert engine.next_event() == c.Noop()


def test_an_error_within_a_body_ends_the_connection_without_a_word(engine):
    logged_in(engine)
    fed(engine, b"RETR 1\r\n")
    engine.send(Opening("8 octets"))
    engine.send(Piece(b"a\r\n"))
    engine.internal_error("e1")
    assert engine.data_to_send() == b"+OK 8 octets\r\na\r\n"
    assert engine.after is After.CLOSE


def test_an_error_elsewhere_is_answered(engine):
    fed(engine, b"CAPA\r\nCAPA\r\n")
    engine.internal_error("e1")
    assert engine.data_to_send() == b"-ERR [SYS/TEMP] internal error e1, try again later\r\n"
    assert engine.next_event() == c.Capa()


def test_bad_commands_end_it(engine):
    assert fed(engine, b"FOO\r\nBAR\r\nBAZ\r\nCAPA\r\n") is NEED_DATA
    assert engine.data_to_send() == b"-ERR unknown command\r\n" * 2 + b"-ERR too many bad commands\r\n"
    assert engine.after is After.CLOSE


def test_failed_logins_end_it(engine):
    for _ in range(2):
        assert engine.after is After.GO_ON
        fed(engine, b"AUTH PLAIN AA==\r\n")
        engine.send(Err("no", "AUTH"))
    assert engine.after is After.CLOSE


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"X" * 59 + b"\r\n", b"-ERR line longer than 60 octets\r\n"),
        (b"X" * 500, b"-ERR line longer than 60 octets\r\n"),
        (b"CAPA\nCAPA\r\n", b"-ERR a line ends with CRLF, and CR or LF stands nowhere else\r\n"),
        (b"CA\rPA\r\n", b"-ERR a line ends with CRLF, and CR or LF stands nowhere else\r\n"),
        (b"\0\xff\r\n", b"-ERR unknown command\r\n"),
    ],
)
def test_bad_lines(engine, line, answer):
    assert fed(engine, line) is NEED_DATA
    assert engine.data_to_send() == answer
    assert engine.after is After.GO_ON


@pytest.mark.parametrize("octets", [b"\x16\x03\x01\x02\x00\x01\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n", b"EHLO x\r\n"])
def test_other_protocols_are_closed_at_once(engine, octets):
    assert fed(engine, octets) is NEED_DATA
    assert engine.data_to_send().count(b"\r\n") == 1
    assert engine.after is After.CLOSE


def test_tls_forgets_what_was_said_in_the_clear(engine):
    fed(engine, b"USER tim\r\n")
    engine.send(Ok(""))
    assert fed(engine, b"STLS\r\nPASS x\r\n") == c.Stls()
    engine.send(Ok("go"))
    assert engine.after is After.START_TLS
    assert engine.next_event() is NEED_DATA
    assert engine.buffered == 8  # the connection sees the injection by this
    engine.tls_started()
    assert engine.after is After.GO_ON
    assert engine.buffered == 0
    engine.data_to_send()
    assert fed(engine, b"PASS x\r\n") is NEED_DATA
    assert engine.data_to_send() == b"-ERR USER comes first\r\n"


def test_refused_stls_goes_on(engine):
    fed(engine, b"STLS\r\n")
    engine.send(Err("no TLS here"))
    assert engine.after is After.GO_ON


def test_idle_limits(engine):
    assert engine.idle_limit == 60
    logged_in(engine)
    assert engine.idle_limit == 600
    engine.timed_out()
    assert engine.data_to_send() == b""
    assert engine.after is After.CLOSE


def test_shutdown_is_silent(engine):
    engine.receive_eof()
    engine.shutting_down()
    assert engine.data_to_send() == b""
    assert engine.after is After.CLOSE


def test_quit_closes_whatever_the_answer(engine):
    logged_in(engine)
    fed(engine, b"QUIT\r\n")
    engine.send(Err("some deleted messages not removed", "SYS/TEMP"))
    assert engine.after is After.CLOSE


def test_one_line_stays_one_line(engine):
    fed(engine, b"CAPA\r\n")
    engine.send(Err("a\r\nb Ü" + "x" * 600, "SYS/PERM"))
    line = engine.data_to_send()
    assert line.startswith(b"-ERR [SYS/PERM] a??b ?xxx")
    assert len(line) <= 512


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"\r\n", b"\r", b"\n"]), max_size=9).map(b"".join))
def test_a_whole_body_is_that_of_its_pieces(data):
    said = []
    for responses in ([Whole("5 octets", data)], [Opening("5 octets"), Piece(data), Closing()]):
        engine = Pop3Engine(Pop3Limits())
        engine.receive(b"QUIT\r\nNOOP\r\n")
        engine.next_event()
        for response in responses:
            engine.send(response)
        said.append(engine.data_to_send())
    assert said[0] == said[1]
