"""A reply for each recipient, whatever happens to the message.  RFC 2033 §4.2"""

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.smtp.values import SmtpLimits
from tests.smtp.world import Talk, codes

MAIL = ("MAIL FROM:<a@b.test>", "RCPT TO:<x@demo.test>", "RCPT TO:<y@demo.test>", "DATA")


def talk(**more):
    made = Talk(lmtp=True, **more)
    made.say("LHLO mx.test", *MAIL)
    return made


def test_one_delivery_and_an_answer_for_each():
    one = talk()
    assert one.say("text", ".") == ["250 2.0.0 Taken", "250 2.0.0 Taken"]
    [(mail, message)] = one.flow.taken
    assert (mail.protocol, message) == ("LMTP", b"text\r\n")


def test_what_fails_for_one_is_done_for_the_other():
    one = talk()
    one.flow.refuse["accept y@demo.test"] = MailError(Condition.OVER_QUOTA, "Mailbox full")
    assert one.say("text", ".") == ["250 2.0.0 Taken", "552 5.2.2 Mailbox full"]
    [(mail, _message)] = one.flow.taken
    assert [recipient.address for recipient in mail.recipients] == ["x@demo.test"]
    assert one.flow.staged[-1].discarded
    assert codes(one.say("MAIL FROM:<>", "RCPT TO:<x@demo.test>", "DATA", ".")) == ["250", "250", "354", "250"]


@pytest.mark.parametrize(
    ("step", "error", "reply"),
    [
        ("accept", MailError(Condition.LOOP, "Mail loop"), "554 5.4.6 Mail loop"),
        ("accept", OSError(28, "full"), "452 4.3.1 Out of storage; try again later"),
        ("write", OSError(28, "full"), "452 4.3.1 Out of storage; try again later"),
    ],
)
def test_what_fails_for_all_is_said_to_each(step, error, reply):
    one = talk()
    one.flow.refuse[step] = one.flow.staged[-1].fails = error
    if step == "accept":
        one.flow.staged[-1].fails = None
    assert one.say("text", ".") == [reply, reply]
    assert one.flow.staged[-1].discarded


def test_too_big_and_internal_errors_too():
    one = talk(limits=SmtpLimits(message_octets=10))
    assert codes(one.say("x" * 11, ".")) == ["552", "552"]
    one = talk()
    one.engine.internal_error("e1")
    assert codes(one.say("text", ".")) == ["451", "451"]


def test_another_server_may_name_many_who_are_nobody():
    one = Talk(lmtp=True, limits=SmtpLimits(errors=3))
    one.say("LHLO mx.test", MAIL[0])
    one.flow.refuse["recipient"] = MailError(Condition.NO_SUCH_USER, "No such mailbox here")
    assert codes(one.say(*["RCPT TO:<x@demo.test>"] * 20)) == ["550"] * 20


def test_the_same_one_twice_is_answered_twice():
    """Also when all have to be tried one by one."""
    one = Talk(lmtp=True)
    one.flow.refuse["accept y@demo.test"] = MailError(Condition.OVER_QUOTA, "Mailbox full")
    twice = ("RCPT TO:<x@demo.test>", "RCPT TO:<x@demo.test>", "RCPT TO:<y@demo.test>")
    one.say("LHLO mx.test", MAIL[0], *twice, "DATA")
    assert codes(one.say(".")) == ["250", "250", "552"]
