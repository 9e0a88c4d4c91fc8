"""Ports 587 and 465: who may write as whom, and what becomes of the message."""

import pytest

from mailstack.base.errors import Condition, MailError
from tests.smtp.world import run

TEXT = b"From: Alice <alice@demo.test>\r\nMessage-ID: <x@y>\r\nDate: today\r\n\r\nbody\r\n"


def refused(work, *arguments, **named):
    with pytest.raises(MailError) as caught:
        work(*arguments, **named)
    return caught.value.condition


def test_to_here_and_elsewhere(make_world):
    world = make_world()
    world.submit(TEXT, "bob@demo.test", "far@other.test")
    [copy] = world.box("bob@demo.test")
    [(envelope, content)] = world.queue.taken
    assert copy == b"Return-Path: <alice@demo.test>\r\n" + content
    assert content.endswith(b"\r\n" + TEXT)
    assert (envelope.reverse_path, envelope.account) == ("alice@demo.test", "alice@demo.test")
    assert [recipient.address for recipient in envelope.recipients] == ["far@other.test"]


def test_the_received_line_hides_where_the_author_sits(make_world):
    world = make_world()
    world.submit(TEXT, "far@other.test")
    content = world.queue.taken[0][1].replace(b"\r\n\t", b" ")
    assert content.startswith(
        b"Received: from demo.test by mail.demo.test with ESMTPSA (TLSv1.3 TLS_AES_128_GCM_SHA256) id m1 "
        b"for <far@other.test>; Fri, 15 Jan 2027 08:00:00 +0000\r\n"
    )


def test_unless_the_setting_shows_it(make_world):
    world = make_world(show_client_ip=True)
    world.submit(TEXT, "far@other.test")
    assert world.queue.taken[0][1].startswith(b"Received: from client.test ([192.0.2.9]) by mail.demo.test")


@pytest.mark.parametrize("address", ["", "alice@demo.test", "Alice@Demo.Test", "sales@demo.test", "alice+x@demo.test"])
def test_own_senders(make_world, address):
    make_world().submit(TEXT, "bob@demo.test", reverse_path=address)


def test_a_read_receipt_has_no_sender_and_still_its_author(make_world):
    """RFC 8098 §3"""
    world = make_world()
    world.submit(TEXT, "far@other.test", reverse_path="")
    [(envelope, content)] = world.queue.taken
    assert (envelope.reverse_path, envelope.account) == ("", "alice@demo.test")
    assert content.startswith(b"Received: from demo.test by")
    forged = TEXT.replace(b"alice@", b"bob@")
    assert refused(world.submit, forged, "far@other.test", reverse_path="") is Condition.SENDER_NOT_ALLOWED


@pytest.mark.parametrize("address", ["bob@demo.test", "alice@elsewhere.test", "nobody@demo.test", "postmaster"])
def test_other_senders(make_world, address):
    world = make_world()
    assert refused(world.submit, TEXT, "bob@demo.test", reverse_path=address) is Condition.SENDER_NOT_ALLOWED


def test_nobody_submits_without_a_login(make_world):
    world = make_world()
    assert refused(run, world.submission.sender(world.arriving(), "alice@demo.test")) is Condition.NOT_ALLOWED


@pytest.mark.parametrize(
    "author",
    [b"bob@demo.test", b"Alice <bob@demo.test>", b"alice@demo.test, bob@demo.test", b"alice", b"", b"x@elsewhere.test"],
)
def test_from_must_be_ones_own(make_world, author):
    world = make_world()
    text = b"From: " + author + b"\r\n\r\nbody\r\n"
    assert refused(world.submit, text, "far@other.test") is Condition.SENDER_NOT_ALLOWED
    assert world.queue.taken == []


def test_from_is_not_looked_at_when_the_setting_says_so(make_world):
    world = make_world(check_header_from=False)
    world.submit(b"From: x@elsewhere.test\r\n\r\nbody\r\n", "far@other.test")
    assert b"\r\nFrom: x@elsewhere.test\r\n" in world.queue.taken[0][1]


def test_what_is_missing_is_added_and_bcc_goes(make_world):
    world = make_world()
    world.submit(b"Bcc: bob@demo.test\r\nFrom: alice@demo.test\r\n\r\nbody\r\n", "far@other.test", "bob@demo.test")
    content = world.queue.taken[0][1]
    assert content.endswith(
        b"\r\nMessage-ID: <m1@mail.demo.test>\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
        b"From: alice@demo.test\r\n\r\nbody\r\n"
    )
    assert b"bob" not in content


def test_unknown_people_here_are_refused_at_once(make_world):
    world = make_world()
    assert refused(world.submit, TEXT, "nobody@demo.test") is Condition.NO_SUCH_USER


def test_a_header_without_end_is_refused(make_world):
    world = make_world(header_octets=100)
    assert refused(world.submit, b"X: " + b"y" * 200, "far@other.test") is Condition.BAD_CONTENT
