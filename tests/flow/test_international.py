"""SMTPUTF8 goes on only when the message needs it: RFC 6531 §3.4"""

import pytest

from mailstack.queue.api import Recipient
from tests.flow.world import ALICE
from tests.smtp.world import run

HEAD = b"From: alice@demo.test\r\nMessage-ID: <x@y>\r\nDate: today\r\n"


def submitted(world, message, address):
    mail = world.arriving(ALICE)
    mail.smtputf8 = True
    run(world.submission.sender(mail, "alice@demo.test"))
    run(world.submission.recipient(mail, Recipient(address)))
    staged = world.submission.stage(mail)
    staged.write(message)
    staged.finish()
    run(world.submission.accept(mail, staged))
    staged.discard()
    [(envelope, _content)] = world.queue.taken
    return envelope


@pytest.mark.parametrize(
    ("message", "address", "needed"),
    [
        (HEAD + b"\r\nplain\r\n", "far@other.test", False),
        (HEAD + b"\r\nplain\r\n", "fär@other.test", True),
        (HEAD + b"\r\nplain\r\n", "far@öther.test", True),
        (HEAD + "Subject: Grüße\r\n\r\n".encode(), "far@other.test", True),
        (HEAD + "\r\nContent-Type: x; name=grüße\r\n".encode(), "far@other.test", True),
    ],
)
def test_only_what_needs_it(make_world, message, address, needed):
    assert submitted(make_world(), message, address).smtputf8 is needed


def test_a_long_message_is_believed(make_world):
    assert submitted(make_world(), HEAD + b"\r\n" + b"x\r\n" * (2 << 20), "far@other.test").smtputf8
