"""Whole conversations against a flow that takes what it is not told to refuse."""

import base64
from dataclasses import replace

import pytest

from mailstack.base.engine import After
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.smtp.values import BareLineEnds, SmtpLimits
from tests.smtp.world import TakesAll, Talk, codes

PLAIN = base64.b64encode(b"\0alice@demo.test\0alice-secret").decode()
WRONG = base64.b64encode(b"\0alice@demo.test\0wrong").decode()
CLEAR = "SCRAM-SHA-256 PLAIN LOGIN"
MAIL = ("MAIL FROM:<alice@demo.test>", "RCPT TO:<bob@demo.test>", "DATA")


@pytest.fixture
def events():
    seen = []

    def sink(event, fields):
        seen.append((event, fields))

    add_sink(sink)
    yield seen
    remove_sink(sink)


def keywords(lines):
    return [line[4:] for line in lines if line.startswith("250")][1:]


def test_greeting_and_hello():
    talk = Talk()
    assert talk.greeting == ["220 mail.demo.test ESMTP ready"]
    assert talk.say("HELO client.test") == ["250 mail.demo.test"]


def offered(*, most=100, starttls=True, auth="", tls=True):
    """The whole answer to EHLO; SMTPUTF8 is always there and always the last."""
    return [
        "SIZE 52428800",
        "PIPELINING",
        *(["STARTTLS"] if starttls else []),
        *([auth] if auth else []),
        "8BITMIME",
        "CHUNKING",
        "BINARYMIME",
        "DSN",
        "ENHANCEDSTATUSCODES",
        f"LIMITS RCPTMAX={most}",
        *([] if starttls or not tls else ["REQUIRETLS"]),
        "MT-PRIORITY",
        "DELIVERBY",
        "SMTPUTF8",
    ]


def test_what_is_offered_where():
    auth = f"AUTH SCRAM-SHA-256-PLUS {CLEAR}"
    assert keywords(Talk().say("EHLO x")) == offered()
    assert keywords(Talk(tls=True).say("EHLO x")) == offered(starttls=False)
    assert keywords(Talk(submission=True).say("EHLO x")) == offered(most=1000)
    assert keywords(Talk(submission=True, tls=True).say("EHLO x")) == offered(most=1000, starttls=False, auth=auth)


@pytest.mark.parametrize(("ip", "offered"), [("127.0.0.1", True), ("::1", True), ("192.0.2.9", False)])
def test_auth_in_the_clear_is_for_loopback_and_only_by_a_setting(ip, offered):
    talk = Talk(submission=True, ip=ip, auth_in_clear_on_loopback=True)
    assert (f"AUTH {CLEAR}" in keywords(talk.say("EHLO x"))) is offered
    assert codes(talk.say(f"AUTH PLAIN {PLAIN}")) == ["235" if offered else "538"]
    assert codes(Talk(submission=True, ip=ip).say("EHLO x", f"AUTH PLAIN {PLAIN}"))[1:] == ["538"]


def test_no_login_on_port_25_even_with_tls():
    talk = Talk(tls=True)
    assert codes(talk.say("EHLO x", f"AUTH PLAIN {PLAIN}")) == ["250", "502"]


def test_submission_needs_a_login():
    assert Talk(submission=True, tls=True).say("EHLO x", *MAIL)[-3:] == [
        "530 5.7.0 Log in first",
        "503 5.5.1 Send MAIL first",
        "503 5.5.1 Send MAIL first",
    ]
    assert Talk(submission=True).say("EHLO x", MAIL[0])[-1] == "530 5.7.0 Send STARTTLS and log in first"


@pytest.mark.parametrize(
    "lines",
    [
        [f"AUTH PLAIN {PLAIN}"],
        ["AUTH PLAIN", PLAIN],
        ["auth login", "YWxpY2VAZGVtby50ZXN0", "YWxpY2Utc2VjcmV0"],
        ["AUTH LOGIN YWxpY2VAZGVtby50ZXN0", "YWxpY2Utc2VjcmV0"],
    ],
)
def test_logging_in(lines):
    talk = Talk(submission=True, tls=True)
    talk.say("EHLO x")
    assert codes(talk.say(*lines))[-1] == "235"
    assert codes(talk.say("AUTH PLAIN", *MAIL)) == ["503", "250", "250", "354"]
    talk.say(".")
    [(mail, _message)] = talk.flow.taken
    assert mail.principal.account == "alice@demo.test"
    assert mail.protocol == "ESMTPSA"


def test_the_challenges_of_login():
    talk = Talk(submission=True, tls=True)
    talk.say("EHLO x")
    assert talk.say("AUTH LOGIN") == ["334 VXNlcm5hbWU6"]
    assert talk.say("YWxpY2VAZGVtby50ZXN0") == ["334 UGFzc3dvcmQ6"]
    assert talk.say("*") == ["501 5.7.0 Login cancelled"]
    assert talk.say("AUTH PLAIN") == ["334 "]


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        ([f"AUTH PLAIN {WRONG}"], "535 5.7.8 Wrong user name or password"),
        (["AUTH PLAIN AGxhdGVyAHg="], "454 4.7.0 Try again later"),
        (["AUTH PLAIN eA=="], "501 5.5.2 Login data not understood"),
        (["AUTH CRAM-MD5"], "504 5.5.4 Login mechanism not offered"),
        (["AUTH PLAIN", "eA=="], "501 5.5.2 Login data not understood"),
    ],
)
def test_failing_to_log_in(lines, reply, events):
    talk = Talk(submission=True, tls=True)
    talk.say("EHLO x")
    assert talk.say(*lines)[-1] == reply
    assert codes(talk.say(MAIL[0])) == ["530"]
    assert "secret" not in repr(events)
    assert codes(talk.say(f"AUTH PLAIN {PLAIN}")) == ["235"]


def test_guessing_ends_the_connection():
    talk = Talk(submission=True, tls=True, limits=SmtpLimits(failed_logins=2))
    assert codes(talk.say("EHLO x", *[f"AUTH PLAIN {WRONG}"] * 5)) == ["250", "535", "535", "421"]
    assert talk.closed


# --- TLS ------------------------------------------------------------------------------------------------------


def test_starttls_forgets_everything():
    talk = Talk()
    assert codes(talk.say("EHLO before", "STARTTLS")) == ["250", "220"]
    talk.start_tls()
    assert codes(talk.say("MAIL FROM:<a@b.test>")) == ["503"]
    assert "STARTTLS" not in keywords(talk.say("EHLO after"))
    assert codes(talk.say("STARTTLS")) == ["503"]
    talk.say(*MAIL, ".")
    [(mail, _message)] = talk.flow.taken
    assert (mail.helo, mail.protocol) == ("after", "ESMTPS")


def test_what_comes_behind_starttls_in_the_clear_is_never_read():
    talk = Talk()
    assert codes(talk.say("EHLO x", "STARTTLS", "NOOP")) == ["250", "220"]
    assert talk.engine.after is After.START_TLS
    assert talk.engine.buffered == len(b"NOOP\r\n")  # the connection closes on that


def test_no_tls_where_there_is_none():
    talk = Talk()
    talk.session._listening = replace(talk.session._listening, starttls=False)
    talk.session._renew_terms()
    assert keywords(talk.say("EHLO x")) == offered(starttls=False, tls=False)
    assert codes(talk.say("STARTTLS")) == ["502"]


# --- mail ---------------------------------------------------------------------------------------------------------


def test_a_pipelined_session_is_answered_in_order():
    talk = Talk()
    said = talk.say("EHLO x", *MAIL, "Subject: x", "", "..", ".", *MAIL, "second", ".", "QUIT")
    assert codes(said) == ["250", *["250", "250", "354", "250"] * 2, "221"]
    assert [message for _mail, message in talk.flow.taken] == [b"Subject: x\r\n\r\n.\r\n", b"second\r\n"]
    assert talk.closed
    (first, _), (second, _) = talk.flow.taken
    assert first.mid != second.mid
    assert all(staged.discarded for staged in talk.flow.staged)


def test_what_the_flow_is_told():
    talk = Talk()
    talk.say("EHLO client.test", "MAIL FROM:<a@b.test> SIZE=500 BODY=8BITMIME", "RCPT TO:<bob@demo.test>", "DATA", ".")
    [(mail, message)] = talk.flow.taken
    assert (mail.helo, mail.protocol, mail.cid, mail.principal) == ("client.test", "ESMTP", "c1", None)
    assert (mail.reverse_path, mail.declared_size, mail.body) == ("a@b.test", 500, "8BITMIME")
    assert [recipient.address for recipient in mail.recipients] == ["bob@demo.test"]
    assert message == b""


def test_helo_is_plain_smtp():
    talk = Talk()
    talk.say("HELO x", *MAIL, ".")
    assert talk.flow.taken[0][0].protocol == "SMTP"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("sender", ["550", "503", "503"]),
        ("recipient", ["250", "550", "554"]),
        ("stage", ["250", "250", "550"]),
    ],
)
def test_a_refused_step_is_answered_and_logged(step, said, events):
    talk = Talk()
    talk.flow.refuse[step] = MailError(Condition.NOT_ALLOWED, "No")
    assert codes(talk.say("EHLO x", *MAIL))[1:] == said
    assert Event.MAIL_REFUSED in [event for event, _fields in events]
    del talk.flow.refuse[step]
    assert codes(talk.say("RSET", *MAIL, ".")) == ["250", "250", "250", "354", "250"]


@pytest.mark.parametrize(
    ("step", "error", "reply"),
    [
        ("accept", MailError(Condition.UNAVAILABLE, "Store is degraded"), "451 4.3.0 Store is degraded"),
        ("accept", MailError(Condition.LOOP, "Mail loop"), "554 5.4.6 Mail loop"),
        ("accept", OSError(28, "full"), "452 4.3.1 Out of storage; try again later"),
        ("write", OSError(28, "full"), "452 4.3.1 Out of storage; try again later"),
        ("write", MailError(Condition.SENDER_NOT_ALLOWED, "Not yours"), "550 5.7.1 Not yours"),
    ],
)
def test_a_failure_of_the_message_is_told_at_its_end(step, error, reply):
    talk = Talk()
    talk.say("EHLO x", *MAIL)
    talk.flow.refuse[step] = error
    talk.flow.staged[-1].fails = talk.flow.refuse.get("write")
    assert talk.say("first line") == []
    assert talk.say("second line", ".") == [reply]
    assert talk.flow.staged[-1].discarded
    talk.flow.refuse.clear()
    assert codes(talk.say(*MAIL, ".")) == ["250", "250", "354", "250"]


def test_too_big_is_refused_early_and_late():
    talk = Talk(limits=SmtpLimits(message_octets=100))
    assert talk.say("EHLO x", "MAIL FROM:<a@b.test> SIZE=101")[-1] == "552 5.3.4 Message too big"
    assert codes(talk.say(*MAIL)) == ["250", "250", "354"]
    assert talk.say("x" * 101, ".") == ["552 5.3.4 Message too big"]
    assert talk.flow.staged[-1].discarded
    assert not talk.flow.taken


def test_a_stranger_has_fewer_recipients():
    limits = SmtpLimits(recipients=3, recipients_unauthenticated=2)
    three = [f"RCPT TO:<u{n}@demo.test>" for n in range(3)]
    assert codes(Talk(limits=limits).say("EHLO x", MAIL[0], *three))[2:] == ["250", "250", "452"]
    talk = Talk(submission=True, tls=True, limits=limits)
    assert codes(talk.say("EHLO x", f"AUTH PLAIN {PLAIN}", MAIL[0], *three))[3:] == ["250", "250", "250"]


def test_bare_line_ends_are_a_setting():
    talk = Talk(bare_line_ends=BareLineEnds.NORMALISE)
    talk.say("EHLO x", *MAIL)
    assert codes(talk.say(raw=b"a\nb\r\n.\r\n")) == ["250"]
    assert talk.flow.taken[0][1] == b"a\r\nb\r\n"


@pytest.mark.parametrize("line", ["RSET", "EHLO again", "HELO again"])
def test_what_ends_a_transaction(line):
    talk = Talk()
    assert codes(talk.say("EHLO x", *MAIL[:2], line, "DATA"))[-1] == "503"
    assert codes(talk.say(*MAIL[:2])) == ["250", "250"]


def test_a_lost_connection_drops_the_message():
    talk = Talk()
    talk.say("EHLO x", *MAIL, "half")
    talk.engine.receive_eof()
    talk.pump()
    talk.session.lost("gone")
    assert talk.flow.staged[-1].discarded
    assert not talk.flow.taken


def test_the_rest():
    talk = Talk()
    assert talk.say("NOOP") == ["250 2.0.0 OK"]
    assert codes(talk.say("VRFY alice", "EXPN staff", "HELP")) == ["252", "502", "214"]
    assert "STARTTLS" in talk.say("HELP")[1]
    assert talk.say("QUIT") == ["221 2.0.0 mail.demo.test closes the connection"]


def test_two_connections_share_a_flow():
    flow = TakesAll()
    one, two = Talk(flow=flow), Talk(flow=flow)
    one.say("EHLO one", *MAIL, "from one")
    two.say("EHLO two", *MAIL, "from two", ".")
    one.say(".")
    assert [message for _mail, message in flow.taken] == [b"from two\r\n", b"from one\r\n"]


def refused(events):
    return [fields for event, fields in events if event is Event.MAIL_REFUSED]


def test_who_was_refused_can_be_found_by_either_address(events):
    talk = Talk()
    talk.flow.refuse["recipient"] = MailError(Condition.NO_SUCH_USER, "No such mailbox here", detail="x@demo.test")
    talk.say("EHLO client.test", "MAIL FROM:<far@elsewhere.test>", "RCPT TO:<x@demo.test>")
    [told] = refused(events)
    assert told["reverse_path"] == "far@elsewhere.test"
    assert told["step"] == "RCPT TO:<x@demo.test>"
    assert told["reply"] == "550 5.1.1 No such mailbox here"
    assert (told["condition"], told["helo"], told["cid"]) == ("NO_SUCH_USER", "client.test", "c1")
    assert told["mid"]


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("MAIL FROM:<a@", "MAIL FROM:<a@"),
        ("MAIL FROM:<a@b.test> XYZ=1", "MAIL FROM:<a@b.test> XYZ=1"),
        ("AUTH PLAIN AGFsaWNlAHNlY3JldA== x", "AUTH"),
        ("AGFsaWNlAHNlY3JldA==", "a command"),
        ("DATA", "DATA"),
    ],
)
def test_what_the_engine_refuses_is_told_without_secrets(said, step, events):
    talk = Talk(submission=True, tls=True)
    assert talk.say("EHLO client.test", said)[-1].startswith("5")
    assert [told["step"] for told in refused(events)] == [step]


def test_a_message_announced_too_big_is_told(events):
    talk = Talk(limits=SmtpLimits(message_octets=100))
    talk.say("EHLO x", "MAIL FROM:<a@b.test> SIZE=101")
    assert [(told["step"], told["reply"]) for told in refused(events)] == [
        ("MAIL FROM:<a@b.test> SIZE=101", "552 5.3.4 Message too big")
    ]
