"""What the sender has asked for goes with the message: into the queue, and past the mailboxes until its time."""

from datetime import timedelta

import pytest

from mailstack.base.errors import Condition, MailError
from mailstack.flow.later import LocalCourier
from mailstack.queue.api import Deferred, Delivered, Envelope, Failed, Recipient, Tls, Wishes
from tests.flow.world import ALICE, MOMENT, World
from tests.smtp.world import run

HELD = Wishes(hold_until=MOMENT + timedelta(hours=1), hold="for;3600")


class Bytes:
    def __init__(self, octets):
        self.octets, self.size = octets, len(octets)

    def read(self, offset, length):
        return self.octets[offset : offset + length]

    def close(self):
        pass


@pytest.fixture
def world(tmp_path):
    return World(
        tmp_path, {"team@demo.test": ["alice@demo.test", "far@elsewhere.test"], "one@demo.test": ["bob@demo.test"]}
    )


def submit(world, wishes, *recipients, head=b"From: alice@demo.test\r\n", notify=()):
    mail = world.arriving(ALICE)
    mail.wishes = wishes
    run(world.submission.sender(mail, "alice@demo.test"))
    for address in recipients:
        run(world.submission.recipient(mail, Recipient(address, notify=frozenset(notify))))
    staged = world.submission.stage(mail)
    staged.write(head + b"\r\nhello\r\n")
    staged.finish()
    run(world.submission.accept(mail, staged))
    staged.discard()


@pytest.mark.parametrize(
    ("field", "tls"),
    [
        (b"", Tls.AS_USUAL),
        (b"TLS-Required: No\r\n", Tls.OPTIONAL),
        (b"tls-required:no\r\n", Tls.OPTIONAL),
        (b"TLS-Required:\r\n No \r\n", Tls.OPTIONAL),
        (b"TLS-Required: yes\r\n", Tls.AS_USUAL),
        (b"X-TLS-Required: No\r\n", Tls.AS_USUAL),
    ],
)
def test_tls_required_no_is_read_off_the_header(world, field, tls):
    submit(world, Wishes(), "far@elsewhere.test", head=b"From: alice@demo.test\r\n" + field)
    ((envelope, _),) = world.queue.taken
    assert envelope.wishes.tls is tls


def test_requiretls_makes_the_header_void(world):
    """RFC 8689 §4.1"""
    submit(world, Wishes(Tls.REQUIRED), "far@elsewhere.test", head=b"From: alice@demo.test\r\nTLS-Required: No\r\n")
    ((envelope, _),) = world.queue.taken
    assert envelope.wishes.tls is Tls.REQUIRED


def test_held_mail_is_in_the_queue_for_everybody(world):
    submit(world, HELD, "bob@demo.test", "far@elsewhere.test", "team@demo.test", notify=("SUCCESS",))
    ((envelope, octets),) = world.queue.taken
    assert [r.address for r in envelope.recipients] == ["bob@demo.test", "far@elsewhere.test", "alice@demo.test"]
    assert envelope.wishes == HELD
    assert not octets.startswith(b"Return-Path")
    assert world.box("bob@demo.test") == []
    assert world.receipts == [("team@demo.test", "expanded")]  # that has happened; delivery has not


def deliver(world, *recipients):
    envelope = Envelope("m9", "alice@demo.test", tuple(map(Recipient, recipients)), 5, MOMENT, wishes=HELD)
    courier = LocalCourier(world.store, world.directory, world.queue)
    outcomes = run(courier.deliver(envelope, envelope.recipients, Bytes(b"Subject: x\r\n\r\nhello\r\n")))
    return [outcomes[recipient] for recipient in envelope.recipients]


def test_when_its_time_has_come_it_is_filed(world):
    filed, nobody = deliver(world, "bob@demo.test", "gone@demo.test")
    assert isinstance(filed, Delivered)
    assert (filed.here, filed.reports) == (True, False)
    assert isinstance(nobody, Failed)
    assert nobody.reply.status == "5.1.1"
    assert world.box("bob@demo.test") == [b"Return-Path: <alice@demo.test>\r\nSubject: x\r\n\r\nhello\r\n"]


def test_what_leads_elsewhere_by_then_goes_on(world):
    (filed,) = deliver(world, "team@demo.test")
    assert isinstance(filed, Delivered)
    ((onward, octets),) = world.queue.taken
    assert [r.address for r in onward.recipients] == ["far@elsewhere.test"]
    assert onward.id != "m9"
    assert octets == b"Subject: x\r\n\r\nhello\r\n"
    assert len(world.box("alice@demo.test")) == 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (MailError(Condition.IN_USE, "busy"), Deferred),
        (MailError(Condition.BAD_CONTENT, "no"), Failed),
        (OSError(28, "No space left on device"), Deferred),
    ],
)
def test_a_mailbox_that_does_not_take_it(world, fault, outcome):
    world.queue.fails = fault
    (said,) = deliver(world, "team@demo.test")
    assert isinstance(said, outcome)
