"""The client engine against written servers.  RFC 5321 §3, §4.2; RFC 2920; RFC 3207; RFC 4954"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.engine import NEED_DATA, BodyChunk, BodyEnd
from mailstack.base.secret import Secret
from mailstack.queue.api import Recipient
from mailstack.smtp.client import SmtpClient
from mailstack.smtp.conversation import (
    BodyWanted,
    ClientLimits,
    Ended,
    Greeted,
    LoggedIn,
    LogIn,
    LoginRefused,
    Quit,
    StartTls,
    TlsGo,
    TlsRefused,
    Transaction,
    TransactionDone,
)

HELLO = b"220 mx ESMTP\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 DSN\r\n"
PLAIN_HELLO = b"220 mx\r\n250 mx\r\n"
X, Y = Recipient("x@t.test"), Recipient("y@t.test")


class Talk:
    """An engine, what it has said so far, and its events."""

    def __init__(self, *, hello=HELLO, step=None):
        self.engine = SmtpClient("mx.t.test", "here.test", ClientLimits())
        self.said = b""
        self.step = step
        if hello:
            assert isinstance(self.hear(hello)[-1], Greeted)
            self.said = b""

    def hear(self, octets):
        events = []
        step = self.step or max(len(octets), 1)
        for start in range(0, len(octets), step):
            self.engine.receive(octets[start : start + step])
            events += self.events()
        return events

    def events(self):
        events = []
        while (event := self.engine.next_event()) is not NEED_DATA:
            events.append(event)
        self.said += self.engine.data_to_send()
        return events

    def send(self, request):
        """What it says, and the events that are there at once."""
        self.said = b""
        self.engine.send(request)
        return self.events()

    def mail(self, *recipients, **more):
        return self.send(Transaction("a@here.test", recipients or (X,), 20, **more))


def test_the_whole_way_in_groups():
    talk = Talk()
    talk.mail(X, Y)
    assert talk.said == (b"MAIL FROM:<a@here.test> SIZE=20\r\nRCPT TO:<x@t.test>\r\nRCPT TO:<y@t.test>\r\nDATA\r\n")
    assert talk.hear(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n") == [BodyWanted()]
    talk.send(BodyChunk(b".a\r"))
    talk.engine.send(BodyChunk(b"\n.b"))
    talk.engine.send(BodyEnd())
    assert talk.events() == []
    assert talk.said == b"..a\r\n..b\r\n.\r\n"
    (done,) = talk.hear(b"250 2.0.0 queued as 7\r\n")
    assert [(r.code, r.status, r.text) for r in done.replies] == [(250, "2.0.0", "queued as 7")] * 2
    assert done.undecided == ()
    talk.mail()
    assert talk.said.startswith(b"MAIL")  # nothing is left behind: no RSET
    talk.said = b""


def test_without_pipelining_one_at_a_time():
    talk = Talk(hello=PLAIN_HELLO)
    talk.mail(X, Y)
    said = [talk.said]
    for answer in (b"250 ok\r\n", b"550 no\r\n", b"250 ok\r\n"):
        talk.said = b""
        assert talk.hear(answer) == []
        said.append(talk.said)
    assert said == [b"MAIL FROM:<a@here.test>\r\n", b"RCPT TO:<x@t.test>\r\n", b"RCPT TO:<y@t.test>\r\n", b"DATA\r\n"]
    assert talk.hear(b"354 go\r\n") == [BodyWanted()]
    talk.send(BodyEnd())
    (done,) = talk.hear(b"250 ok\r\n")
    assert [r.code for r in done.replies] == [550, 250]
    assert done.replies[0].command == "RCPT TO:<x@t.test>"


@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize(
    ("answers", "codes", "lone_dot"),
    [
        (b"550 no sender\r\n503 a\r\n503 b\r\n503 c\r\n", [550, 550], False),
        (b"250 ok\r\n550 a\r\n451 b\r\n503 no\r\n", [550, 451], False),
        (b"250 ok\r\n550 a\r\n451 b\r\n354 go\r\n554 none\r\n", [550, 451], True),
        (b"250 ok\r\n250 a\r\n451 b\r\n452 disk\r\n", [452, 451], False),
        (b"451 later\r\n250 a\r\n250 b\r\n354 go\r\n250 eh\r\n", [451, 451], True),
    ],
)
def test_refusals_in_a_group(answers, codes, lone_dot, step):
    talk = Talk(step=step)
    talk.mail(X, Y)
    talk.said = b""
    (done,) = talk.hear(answers)
    assert [r.code for r in done.replies] == codes
    assert done.undecided == ()
    assert talk.said == (b".\r\n" if lone_dot else b"")


def test_rset_before_the_next_after_a_failure():
    talk = Talk()
    talk.mail()
    talk.hear(b"250 ok\r\n550 no\r\n503 no\r\n")
    talk.mail()
    assert talk.said.startswith(b"RSET\r\nMAIL")
    assert talk.hear(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n") == [BodyWanted()]


def test_nobody_left_without_pipelining_needs_no_data():
    talk = Talk(hello=PLAIN_HELLO)
    talk.mail()
    talk.hear(b"250 ok\r\n")
    talk.said = b""
    (done,) = talk.hear(b"550 no\r\n")
    assert [r.code for r in done.replies] == [550]
    assert talk.said == b""


def test_parameters_only_where_offered():
    full = {"eight_bit": True, "ret": "HDRS", "envid": "E+2B"}
    recipient = Recipient("x@t.test", "rfc822;o@t.test", frozenset({"FAILURE", "DELAY"}))
    talk = Talk()
    talk.mail(recipient, **full)
    assert talk.said.startswith(
        b"MAIL FROM:<a@here.test> SIZE=20 BODY=8BITMIME RET=HDRS ENVID=E+2B\r\n"
        b"RCPT TO:<x@t.test> NOTIFY=DELAY,FAILURE ORCPT=rfc822;o@t.test\r\n"
    )
    bare = Talk(hello=PLAIN_HELLO)
    bare.mail(recipient, **full)
    assert bare.said == b"MAIL FROM:<a@here.test>\r\n"
    null = Talk(hello=PLAIN_HELLO)
    null.send(Transaction("", (X,), 1))
    assert null.said == b"MAIL FROM:<>\r\n"


def test_smtputf8():
    talk = Talk(hello=b"220 mx\r\n250-mx\r\n250 SMTPUTF8\r\n")
    talk.mail(Recipient("j\xf6rg@t.test"), smtputf8=True)
    assert talk.said == b"MAIL FROM:<a@here.test> SMTPUTF8\r\n"
    talk.said = b""
    talk.hear(b"250 ok\r\n")
    assert talk.said == b"RCPT TO:<j\xc3\xb6rg@t.test>\r\n"
    (done,) = Talk().mail(smtputf8=True)
    assert done.replies[0].status == "5.6.7"


def test_too_big_is_known_before():
    talk = Talk()
    (done,) = talk.send(Transaction("a@here.test", (X, Y), 1001))
    assert [(r.code, r.status) for r in done.replies] == [(0, "5.3.4")] * 2
    assert talk.said == b""


@pytest.mark.parametrize("address", ["x\r\nRSET@t.test", "x\n@t.test", "x\0@t.test"])
def test_no_control_character_leaves(address):
    with pytest.raises(ValueError, match="control"):
        Talk().mail(Recipient(address))


def test_helo_when_ehlo_is_not_known():
    talk = Talk(hello=b"")
    assert talk.hear(b"220 old\r\n502 what\r\n") == []
    assert talk.said == b"EHLO here.test\r\nHELO here.test\r\n"
    (greeted,) = talk.hear(b"250-old SIZE\r\n250 PIPELINING\r\n")
    assert "PIPELINING" not in greeted.offer


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"554 go away\r\n", 554),
        (b"421 busy\r\n", 421),
        (b"450 later\r\n", 450),
        (b"220 mx\r\n421 bye\r\n", 421),
        (b"220 mx\r\n450 later\r\n", 450),
        (b"220 mx\r\n500 a\r\n550 b\r\n", 550),
        (b"HTTP/1.1 400 Bad Request\r\n", 0),
        (b"220-x\r\n" * 200, 0),
        (b"2" * 5000, 0),
    ],
)
def test_greetings_that_end_it(octets, code):
    talk = Talk(hello=b"")
    events = talk.hear(octets)
    assert isinstance(events[-1], Ended)
    assert events[-1].reply.code == code
    talk.engine.send(Quit())
    talk.engine.receive(b"250 more\r\n")
    assert talk.engine.next_event() is NEED_DATA


def test_starttls():
    talk = Talk()
    talk.send(StartTls())
    assert talk.said == b"STARTTLS\r\n"
    assert talk.hear(b"220 go\r\n") == [TlsGo()]
    assert talk.engine.idle_limit == ClientLimits().handshake_seconds
    talk.engine.tls_started()
    assert "PIPELINING" not in talk.engine.offer
    (greeted,) = talk.hear(b"250-mx\r\n250 AUTH PLAIN\r\n")
    assert greeted.offer.mechanisms == {"PLAIN"}
    assert "STARTTLS" not in greeted.offer


def test_octets_behind_starttls_end_it():
    talk = Talk()
    talk.send(StartTls())
    (ended,) = talk.hear(b"220 go\r\n250 injected\r\n")
    assert ended.reply.status == "4.7.5"


def test_starttls_refused():
    talk = Talk()
    talk.send(StartTls())
    (refused,) = talk.hear(b"454 4.7.0 not now\r\n")
    assert refused == TlsRefused(refused.reply)
    assert talk.mail() == []


def login(offer, *answers):
    talk = Talk(hello=b"220 mx\r\n250-mx\r\n250 AUTH " + offer + b"\r\n")
    events = talk.send(LogIn("us\xe9r", Secret("p\xe4ss")))
    for answer in answers:
        events += talk.hear(answer)
    return talk, events


def test_auth_plain():
    talk, events = login(b"LOGIN PLAIN", b"235 ok\r\n")
    assert talk.said == b"AUTH PLAIN " + base64.b64encode("\0us\xe9r\0p\xe4ss".encode()) + b"\r\n"
    assert events == [LoggedIn()]


def test_auth_plain_with_a_server_that_ignores_the_initial_response():
    talk, events = login(b"PLAIN", b"334 \r\n", b"235 ok\r\n")
    assert talk.said.count(base64.b64encode("\0us\xe9r\0p\xe4ss".encode())) == 2
    assert events == [LoggedIn()]


def test_auth_login():
    talk, events = login(b"LOGIN", b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 ok\r\n")
    words = [base64.b64encode(word.encode()) for word in ("us\xe9r", "p\xe4ss")]
    assert talk.said == b"AUTH LOGIN\r\n" + b"\r\n".join(words) + b"\r\n"
    assert events == [LoggedIn()]


def test_auth_without_end_is_cancelled():
    talk, events = login(b"LOGIN", *[b"334 more\r\n"] * 3, b"501 cancelled\r\n")
    assert talk.said.endswith(b"\r\n*\r\n")
    assert isinstance(events[-1], LoginRefused)


def test_auth_refused_shows_no_password():
    _, events = login(b"PLAIN", b"535 5.7.8 bad\r\n")
    assert events[-1].reply.command == "AUTH PLAIN"
    assert (events[-1].reply.code, events[-1].reply.status) == (535, "5.7.8")


def test_no_mechanism_in_common():
    _, events = login(b"GSSAPI")
    assert "GSSAPI" in events[-1].reply.text


STAGES = [
    (b"", (0, 1)),
    (b"250 ok\r\n", (0, 1)),
    (b"250 ok\r\n550 x\r\n", (1,)),
    (b"250 ok\r\n250 x\r\n250 y\r\n", (0, 1)),
    (b"250 ok\r\n250 x\r\n250 y\r\n354 go\r\n", (0, 1)),
    (b"550 no\r\n", ()),
]


@pytest.mark.parametrize(("answers", "undecided"), STAGES)
@pytest.mark.parametrize("how", ["eof", "421", "timeout", "garbage"])
def test_the_server_goes_away(answers, undecided, how):
    talk = Talk()
    talk.mail(X, Y)
    talk.hear(answers)
    if how == "eof":
        talk.engine.receive_eof()
    elif how == "timeout":
        talk.engine.timed_out()
    else:
        talk.engine.receive(b"421 4.3.2 bye\r\n" if how == "421" else b"\0\0\0\r\n")
    done, ended = talk.events()
    assert done.undecided == undecided
    for index in undecided:
        assert done.replies[index] == ended.reply
    assert ended.reply.code == (421 if how == "421" else 0)
    assert ended.reply.status.startswith("4.")


def test_gone_behind_the_final_dot_is_not_undecided():
    talk = Talk()
    talk.mail()
    talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
    talk.send(BodyEnd())
    talk.engine.receive_eof()
    done, ended = talk.events()
    assert done == TransactionDone((ended.reply,))
    assert ended.reply.command == "end of DATA"


@pytest.mark.parametrize(("answer", "code"), [(b"552 too much\r\n", 552), (b"250 thanks\r\n", 0)])
def test_an_answer_before_the_end_of_the_body(answer, code):
    talk = Talk()
    talk.mail()
    talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
    talk.send(BodyChunk(b"half"))
    talk.engine.receive(answer)
    assert talk.engine.interrupted
    done, _ended = talk.events()
    assert done.replies[0].code == code
    assert done.undecided == (() if code else (0,))


def test_what_came_before_the_end_counts():
    talk = Talk()
    talk.mail()
    talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
    talk.send(BodyEnd())
    talk.engine.receive(b"250 ok\r\n")
    talk.engine.receive_eof()
    done, _ = talk.events()
    assert done.replies[0].code == 250


def test_quit():
    talk = Talk()
    talk.send(Quit())
    assert talk.said == b"QUIT\r\n"
    (ended,) = talk.hear(b"221 bye\r\n")
    assert ended.reply.code == 221


def test_limits_follow_the_state():
    limits = ClientLimits()
    talk = Talk(hello=b"")
    assert talk.engine.idle_limit == limits.greeting_seconds
    talk.hear(HELLO)
    talk.mail()
    assert talk.engine.idle_limit == limits.command_seconds
    talk.hear(b"250 ok\r\n250 ok\r\n")
    assert talk.engine.idle_limit == limits.data_seconds
    talk.hear(b"354 go\r\n")
    assert talk.engine.idle_limit == limits.block_seconds
    talk.send(BodyEnd())
    assert talk.engine.idle_limit == limits.end_of_data_seconds
    talk.engine.timed_out()
    assert "600 s" in talk.events()[0].replies[0].text


@given(
    st.lists(
        st.sampled_from([b"250 ok\r\n", b"550 no\r\n", b"354 go\r\n", b"421 bye\r\n", b"25", b"0 x\r\n", b"\xff\r\n"])
    )
)
def test_whatever_the_server_says_every_recipient_has_one_answer(answers):
    talk = Talk()
    talk.mail(X, Y)
    events = []
    for answer in answers:
        events += talk.hear(answer)
        if BodyWanted() in events:
            events.remove(BodyWanted())
            events += talk.send(BodyEnd())
    talk.engine.receive_eof()
    events += talk.events()
    (done,) = [event for event in events if isinstance(event, TransactionDone)]
    assert len(done.replies) == 2
    assert isinstance(events[-1], Ended)


def login_with_token(offer, *answers):
    talk = Talk(hello=b"220 mx\r\n250-mx\r\n250 AUTH " + offer + b"\r\n")
    events = talk.send(LogIn("me@demo.test", Secret("t0ken"), token=True))
    for answer in answers:
        events += talk.hear(answer)
    return talk, events


def test_auth_xoauth2():
    """As Microsoft 365 wants it."""
    talk, events = login_with_token(b"LOGIN XOAUTH2", b"235 ok\r\n")
    assert talk.said == b"AUTH XOAUTH2 " + base64.b64encode(b"user=me@demo.test\x01auth=Bearer t0ken\x01\x01") + b"\r\n"
    assert events == [LoggedIn()]


def test_a_token_that_is_no_good():
    """The server says why in JSON, hears an empty line, and then says that it has failed."""
    talk, events = login_with_token(b"XOAUTH2", b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", b"535 5.7.3 no\r\n")
    assert talk.said.endswith(b"\r\n\r\n")
    assert isinstance(events[-1], LoginRefused)


def test_a_token_is_never_said_as_a_password():
    talk, events = login_with_token(b"PLAIN LOGIN")
    assert talk.said == b""
    assert "need XOAUTH2, the server offers LOGIN, PLAIN" in events[-1].reply.text
