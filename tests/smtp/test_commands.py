"""Octets of a command line, and what the engine makes of them: a value, or a reply of its own."""

import pytest

from mailstack.base.engine import NEED_DATA
from mailstack.smtp import replies
from mailstack.smtp.engine import SmtpEngine
from mailstack.smtp.extensions.auth import AUTH
from mailstack.smtp.extensions.eightbitmime import BODY
from mailstack.smtp.extensions.size import SIZE
from mailstack.smtp.values import (
    Auth,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Params,
    Quit,
    Rcpt,
    Rset,
    SmtpLimits,
    StartTls,
    Terms,
    Vrfy,
)

TERMS = Terms("mail.demo.test", message_octets=1000, starttls=True, mechanisms=("PLAIN",))


def engine_in(state, terms=TERMS):
    engine = SmtpEngine(SmtpLimits(), terms)
    steps = {
        "fresh": [],
        "greeted": [b"EHLO x"],
        "mail": [b"EHLO x", b"MAIL FROM:<a@b>"],
        "rcpt": [b"EHLO x", b"MAIL FROM:<a@b>", b"RCPT TO:<c@d>"],
    }[state]
    for line in steps:
        engine.receive(line + b"\r\n")
        engine.next_event()
        engine.send(replies.OK)
    engine.data_to_send()
    return engine


def outcome(state, octets, terms=TERMS):
    """The event, or what the engine said."""
    engine = engine_in(state, terms)
    engine.receive(octets)
    event = engine.next_event()
    return engine.data_to_send() if event is NEED_DATA else event


GOOD = [
    ("fresh", b"HELO client.test", Helo("client.test")),
    ("fresh", b"ehlo [127.0.0.1]", Ehlo("[127.0.0.1]")),
    ("fresh", b"EHLO [IPv6:::1]", Ehlo("[IPv6:::1]")),
    ("fresh", b"EHLO my_pc at home", Ehlo("my_pc?at?home")),  # quirk
    ("fresh", b"EHLO J\xc3\xb6rg", Ehlo("J?rg")),  # quirk
    ("fresh", b"EHLO x\x01(y)", Ehlo("x??y?")),
    ("fresh", b"NOOP", Noop()),
    ("fresh", b"NOOP whatever there is", Noop()),
    ("fresh", b"noop  ", Noop()),
    ("fresh", b"RSET", Rset()),
    ("fresh", b"QUIT", Quit()),
    ("fresh", b"HELP", Help("")),
    ("fresh", b"HELP MAIL", Help("MAIL")),
    ("fresh", b"VRFY alice", Vrfy("alice")),
    ("fresh", b"EXPN staff", Expn("staff")),
    ("greeted", b"MAIL FROM:<alice@demo.test>", Mail("alice@demo.test")),
    ("greeted", b"mail from:<alice@demo.test>", Mail("alice@demo.test")),
    ("greeted", b"MAIL FROM: <alice@demo.test>", Mail("alice@demo.test")),  # quirk
    ("greeted", b"MAIL FROM:<>", Mail("")),
    ("greeted", b"MAIL FROM:<> SIZE=10 BODY=8BITMIME", Mail("", Params({"SIZE": 10, "BODY": "8BITMIME"}))),
    ("greeted", b"MAIL FROM:<a@b>  body=7bit  ", Mail("a@b", Params({"BODY": "7BIT"}))),
    ("greeted", b"MAIL FROM:<\xc3\xb6@b\xc3\xb6.test> smtputf8", Mail("ö@bö.test", Params({"SMTPUTF8": True}))),
    ("greeted", b"MAIL FROM:<a@b> RET=full ENVID=x+2By", Mail("a@b", Params({"RET": "FULL", "ENVID": "x+2By"}))),
    ("mail", b"RCPT TO:<c@d> NOTIFY=Never", Rcpt("c@d", Params({"NOTIFY": frozenset({"NEVER"})}))),
    ("mail", b"RCPT TO:<c@d> NOTIFY=DELAY,delay", Rcpt("c@d", Params({"NOTIFY": frozenset({"DELAY"})}))),
    ("mail", b"RCPT TO:<c@d> ORCPT=rfc822;e+40f", Rcpt("c@d", Params({"ORCPT": "rfc822;e+40f"}))),
    ("mail", b"RCPT TO:<c@d> ORCPT=utf-8;\\x{F6}@f", Rcpt("c@d", Params({"ORCPT": "utf-8;\\x{F6}@f"}))),
    ("greeted", b"MAIL FROM:<a@b> AUTH=<>", Mail("a@b", Params({"AUTH": "<>"}))),
    ("greeted", b"MAIL FROM:<a@b> AUTH=e+3Dmc2@x", Mail("a@b", Params({"AUTH": "e+3Dmc2@x"}))),
    ("mail", b"RCPT TO:<bob@demo.test>", Rcpt("bob@demo.test")),
    ("rcpt", b"RCPT TO:<Postmaster>", Rcpt("postmaster")),
    ("rcpt", b"DATA", Data()),
    ("rcpt", b"data ", Data()),
    ("rcpt", b"EHLO again", Ehlo("again")),
    ("greeted", b"STARTTLS", StartTls()),
    ("greeted", b"AUTH PLAIN", Auth("PLAIN")),
    ("greeted", b"auth plain AGEAYg==", Auth("PLAIN", b"\0a\0b")),
    ("greeted", b"AUTH LOGIN =", Auth("LOGIN", b"")),
]

BAD = [
    ("fresh", b"", replies.UNKNOWN_COMMAND),
    ("fresh", b"FOO", replies.UNKNOWN_COMMAND),
    ("fresh", b" EHLO x", replies.UNKNOWN_COMMAND),
    ("fresh", b"EHLO\tx", replies.UNKNOWN_COMMAND),
    ("fresh", b"\x00\xff\xfe", replies.UNKNOWN_COMMAND),
    ("fresh", b"MAILFROM:<a@b>", replies.UNKNOWN_COMMAND),
    ("fresh", b"EHLO", replies.BAD_ARGUMENT),
    ("fresh", b"HELO ", replies.BAD_ARGUMENT),
    ("fresh", b"QUIT now", replies.BAD_ARGUMENT),
    ("fresh", b"RSET x", replies.BAD_ARGUMENT),
    ("fresh", b"VRFY", replies.BAD_ARGUMENT),
    ("fresh", b"EXPN", replies.BAD_ARGUMENT),
    ("fresh", b"NOOP\nRSET", replies.BARE_LINE_END),
    ("fresh", b"NOOP\rRSET", replies.BARE_LINE_END),
    ("fresh", b"NOOP\n", replies.BARE_LINE_END),
    ("fresh", b"NOOP " + b"x" * 2048, replies.LINE_TOO_LONG),
    ("greeted", b"NOOP " + b"x" * 12288, replies.LINE_TOO_LONG),
    ("fresh", b"MAIL FROM:<a@b>", replies.EHLO_FIRST),
    ("fresh", b"RCPT TO:<a@b>", replies.EHLO_FIRST),
    ("fresh", b"DATA", replies.EHLO_FIRST),
    ("fresh", b"STARTTLS", replies.EHLO_FIRST),
    ("fresh", b"AUTH PLAIN", replies.EHLO_FIRST),
    ("greeted", b"RCPT TO:<a@b>", replies.MAIL_FIRST),
    ("greeted", b"DATA", replies.MAIL_FIRST),
    ("mail", b"DATA", replies.NO_VALID_RECIPIENTS),
    ("mail", b"MAIL FROM:<a@b>", replies.NOT_IN_TRANSACTION),
    ("rcpt", b"MAIL FROM:<a@b>", replies.NOT_IN_TRANSACTION),
    ("rcpt", b"AUTH PLAIN", replies.NOT_IN_TRANSACTION),
    ("mail", b"STARTTLS", replies.NOT_IN_TRANSACTION),
    ("greeted", b"MAIL", replies.BAD_ARGUMENT),
    ("greeted", b"MAIL TO:<a@b>", replies.BAD_ARGUMENT),
    ("greeted", b"MAIL FROM <a@b>", replies.BAD_ARGUMENT),
    ("greeted", b"MAIL FROM:", replies.BAD_SENDER),
    ("greeted", b"MAIL FROM:<a@b", replies.BAD_SENDER),
    ("greeted", b"MAIL FROM:<a>", replies.BAD_SENDER),
    ("greeted", b"MAIL FROM:<a@b>SIZE=1", replies.BAD_SENDER),
    ("greeted", b"MAIL FROM:<\xff@b>", replies.BAD_ARGUMENT),
    ("greeted", b"MAIL FROM:<\xc3\xb6@b>", replies.SENDER_NEEDS_SMTPUTF8),
    ("greeted", b"MAIL FROM:<a@\xc3\xb6>", replies.SENDER_NEEDS_SMTPUTF8),
    ("greeted", b"MAIL FROM:<a@b> SMTPUTF8=1", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> FOO=1", replies.UNKNOWN_PARAMETER),
    *[
        ("greeted", b"MAIL FROM:<a@b> " + word, replies.BAD_PARAMETER)
        for word in (b"RET", b"RET=ALL", b"ENVID", b"ENVID=a+2b", b"ENVID=a=b", b"ENVID=" + b"x" * 101)
    ],
    *[
        ("mail", b"RCPT TO:<c@d> " + word, replies.BAD_PARAMETER)
        for word in (
            b"NOTIFY",
            b"NOTIFY=SUCCESS,",
            b"NOTIFY=NEVER,NEVER",
            b"NOTIFY=NEVER,DELAY",
            b"NOTIFY=ALWAYS",
            b"ORCPT",
            b"ORCPT=rfc822",
            b"ORCPT=;x",
            b"ORCPT=rfc822;a+b",
            b"ORCPT=utf-8;a\\b",
            b"ORCPT=rfc822;" + b"x" * 500,
        )
    ],
    ("greeted", b"MAIL FROM:<a@b> WHATEVER", replies.UNKNOWN_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> =1", replies.BAD_ARGUMENT),
    ("greeted", b"MAIL FROM:<a@b> SIZE", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> SIZE=", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> SIZE=-1", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> SIZE=1=2", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> SIZE=" + b"1" * 21, replies.BAD_PARAMETER),
    ("greeted", "MAIL FROM:<a@b> SIZE=\u0661".encode(), replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> SIZE=1 SIZE=1", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> BODY=BINARY", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> BODY", replies.BAD_PARAMETER),
    ("greeted", b"MAIL FROM:<a@b> AUTH=+3d", replies.BAD_PARAMETER),
    ("mail", b"RCPT FROM:<a@b>", replies.BAD_ARGUMENT),
    ("mail", b"RCPT TO:<>", replies.BAD_RECIPIENT),
    ("mail", b"RCPT TO:<alice>", replies.BAD_RECIPIENT),
    ("mail", b"RCPT TO:<a@b> SIZE=1", replies.UNKNOWN_PARAMETER),
    ("mail", b"RCPT TO:<\xc3\xb6@b>", replies.RECIPIENT_NEEDS_SMTPUTF8),
    ("rcpt", b"DATA now", replies.BAD_ARGUMENT),
    ("greeted", b"STARTTLS now", replies.BAD_ARGUMENT),
    ("greeted", b"AUTH", replies.BAD_ARGUMENT),
    ("greeted", b"AUTH PL\x00AIN", replies.BAD_ARGUMENT),
    ("greeted", b"AUTH PLAIN x", replies.BAD_BASE64),
    ("greeted", b"AUTH PLAIN AGEAYg= =", replies.BAD_BASE64),
    ("greeted", b"AUTH PLAIN AGE\xc3\xb6", replies.BAD_BASE64),
]


@pytest.mark.parametrize(("state", "line", "command"), GOOD)
def test_good(state, line, command):
    assert outcome(state, line + b"\r\n") == command


@pytest.mark.parametrize(("state", "line", "reply"), BAD)
def test_rejected(state, line, reply):
    assert outcome(state, line + b"\r\n") == reply.encode()


def test_parameters_have_types_and_defaults():
    command = outcome("greeted", b"MAIL FROM:<a@b> SIZE=7\r\n")
    assert (command.params[SIZE], command.params[BODY], command.params[AUTH]) == (7, "7BIT", "")
    assert SIZE in command.params
    assert BODY not in command.params


def test_parameters_of_what_is_not_offered_are_unknown():
    assert outcome("greeted", b"MAIL FROM:<a@b> AUTH=<>\r\n", Terms("x")) == replies.UNKNOWN_PARAMETER.encode()


def test_a_refused_line_leaves_the_next_alone():
    engine = engine_in("greeted")
    engine.receive(b"NOOP " + b"x" * 20000)
    assert engine.next_event() is NEED_DATA
    engine.receive(b"x\r\nQUIT\r\n")
    assert engine.next_event() == Quit()
    assert engine.data_to_send() == replies.LINE_TOO_LONG.encode()


def test_secrets_are_not_shown():
    assert "secret" not in repr(outcome("greeted", b"AUTH PLAIN AGEAc2VjcmV0\r\n"))


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1),
        (b"POST /x HTTP/1.0\r\nRCPT TO:<a@b>\r\n", 1),
        (b"CONNECT mail.demo.test:25 HTTP/1.1\r\n", 1),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 1),
        (b"Host: mail.demo.test\r\nMAIL FROM:<a@b>\r\n", 1),
        (b"\x16\x03\x01\x02\x00\x01\x00", 1),
    ],
)
def test_another_protocol_is_cut_at_its_first_word(first, said):
    engine = engine_in("fresh")
    engine.receive(first)
    assert engine.next_event() is NEED_DATA
    out = engine.data_to_send()
    assert out.startswith(b"421 4.7.0 mail.demo.test ")
    assert out.count(b"\r\n") == said
    assert engine.after.name == "CLOSE"
    engine.receive(b"QUIT\r\n")
    assert engine.next_event() is NEED_DATA
