"""Every failure has its SMTP words, and they agree with what the failure is."""

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.smtp.server.faults import REPLIES, reply_for


@pytest.mark.parametrize("condition", Condition, ids=lambda condition: condition.name)
def test_every_condition_has_a_reply(condition):
    code, status = REPLIES[condition]
    assert code // 100 == int(status[0])
    assert condition.temporary == (code < 500)


def test_only_the_public_text_goes_out():
    reply = reply_for(MailError(Condition.UNAVAILABLE, "Try again later", detail="disk /dev/vda broke"))
    assert reply.encode() == b"451 4.3.0 Try again later\r\n"


def test_a_text_cannot_end_a_line():
    reply = reply_for(MailError(Condition.NOT_ALLOWED, "no\r\n250 OK"))
    assert reply.encode() == b"550 5.7.1 no??250 OK\r\n"
