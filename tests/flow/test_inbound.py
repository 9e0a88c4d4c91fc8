"""Port 25: who is let in, what the message looks like when it lies in the mailbox, and what a failure leaves."""

import pytest

from mailstack.base.errors import Condition, MailError

TEXT = b"Subject: x\r\n\r\nbody\r\n"
RECEIVED = b"Received: from client.test ([192.0.2.9]) by mail.demo.test with ESMTP id m1"
TEAM = {"team@demo.test": ["alice@demo.test", "far@other.test"]}


def condition(caught):
    return caught.value.condition


def test_the_copy_in_the_mailbox(make_world):
    world = make_world()
    accepted = world.send(TEXT, "alice@demo.test")
    assert (accepted.mid, accepted.text) == ("m1", "Accepted as m1")
    [message] = world.box("alice@demo.test")
    assert message.startswith(b"Return-Path: <far@elsewhere.test>\r\nDelivered-To: alice@demo.test\r\n" + RECEIVED)
    assert message.endswith(
        (
            b"for <alice@demo.test>; Fri, 15 Jan 2027 08:00:00 +0000\r\n" + TEXT,
            b"for <alice@demo.test>;\r\n\tFri, 15 Jan 2027 08:00:00 +0000\r\n" + TEXT,
        )
    )
    assert world.queue.taken == []


def test_the_null_sender(make_world):
    world = make_world()
    world.send(TEXT, "alice@demo.test", reverse_path="")
    assert world.box("alice@demo.test")[0].startswith(b"Return-Path: <>\r\n")


def test_recipients_do_not_learn_of_each_other(make_world):
    world = make_world()
    world.send(TEXT, "alice@demo.test", "bob@demo.test")
    [alices], [bobs] = world.box("alice@demo.test"), world.box("bob@demo.test")
    assert alices == bobs
    assert b"@demo.test" not in alices
    assert b"Delivered-To" not in alices


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("far@elsewhere.test", Condition.RELAY_DENIED),
        ("alice@[192.0.2.1]", Condition.RELAY_DENIED),
        ("nobody@demo.test", Condition.NO_SUCH_USER),
        ("dead@demo.test", Condition.NO_SUCH_USER),
    ],
)
def test_who_is_refused(make_world, address, expected):
    world = make_world(aliases={"dead@demo.test": ["gone@demo.test"]})
    with pytest.raises(MailError) as caught:
        world.send(TEXT, address)
    assert condition(caught) is expected


def test_postmaster_without_a_domain(make_world):
    world = make_world()
    world.send(TEXT, "postmaster")
    assert len(world.box("postmaster@demo.test")) == 1


def test_the_same_recipient_twice_is_one(make_world):
    world = make_world()
    world.send(TEXT, "alice@demo.test", "alice@demo.test", "alice+x@demo.test")
    assert len(world.box("alice@demo.test")) == 1


def test_a_tag_names_a_folder_only_when_the_setting_says_so(make_world):
    world = make_world(tag_is_folder=True)
    world.create("alice@demo.test", "news")
    world.send(TEXT, "alice+news@demo.test")
    world.send(TEXT, "alice+other@demo.test")
    assert len(world.box("alice@demo.test", "news")) == 1
    assert len(world.box("alice@demo.test")) == 1


def test_an_alias_that_leads_out(make_world):
    world = make_world(aliases=TEAM)
    world.send(TEXT, "team@demo.test")
    [copy] = world.box("alice@demo.test")
    [(envelope, content)] = world.queue.taken
    assert copy == b"Return-Path: <far@elsewhere.test>\r\n" + content
    assert content.startswith(b"Delivered-To: team@demo.test\r\nReceived: ")
    assert content.endswith(TEXT)
    assert (envelope.id, envelope.reverse_path, envelope.account) == ("m1", "far@elsewhere.test", "")
    assert [recipient.address for recipient in envelope.recipients] == ["far@other.test"]
    assert envelope.size == len(content)
    assert envelope.client == "[192.0.2.9] by smtp"


def test_a_large_message_for_both_ways(make_world):
    world = make_world(aliases=TEAM)
    text = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 40_000
    world.send(text, "team@demo.test")
    assert world.box("alice@demo.test")[0].endswith(text)
    assert world.queue.taken[0][1].endswith(text)


# --- loops ---------------------------------------------------------------------------------------------------


def test_too_many_hops(make_world):
    world = make_world(max_hops=3)
    hop = b"Received: from a by b; Fri, 15 Jan 2027 08:00:00 +0000\r\n"
    world.send(hop * 3 + TEXT, "alice@demo.test")
    with pytest.raises(MailError) as caught:
        world.send(hop * 4 + TEXT, "alice@demo.test")
    assert condition(caught) is Condition.LOOP
    assert len(world.box("alice@demo.test")) == 1


def test_a_message_that_comes_back_to_an_alias(make_world):
    world = make_world(aliases=TEAM)
    with pytest.raises(MailError) as caught:
        world.send(b"Delivered-To: Team@demo.test\r\n" + TEXT, "bob@demo.test", "team@demo.test")
    assert condition(caught) is Condition.LOOP
    assert world.queue.taken == []


def test_a_person_may_be_sent_his_own_message_again(make_world):
    world = make_world()
    world.send(b"Delivered-To: alice@demo.test\r\n" + TEXT, "alice@demo.test")
    assert len(world.box("alice@demo.test")) == 1


# --- failure ---------------------------------------------------------------------------------------------------


def test_when_the_store_fails_nothing_is_queued(make_world):
    world = make_world(aliases=TEAM)

    async def full(staged, recipients, **_options):
        raise MailError(Condition.STORAGE_FULL, "Out of storage")

    world.store.deliver = full
    with pytest.raises(MailError) as caught:
        world.send(TEXT, "team@demo.test")
    assert caught.value.condition.temporary
    assert world.queue.taken == []


def test_when_the_queue_fails_nothing_is_promised(make_world):
    """The local copy is there: the sender's next try makes a second one, which is the lesser evil."""
    world = make_world(aliases=TEAM)
    world.queue.fails = MailError(Condition.UNAVAILABLE, "Try again later")
    with pytest.raises(MailError) as caught:
        world.send(TEXT, "team@demo.test")
    assert caught.value.condition.temporary
    assert len(world.box("alice@demo.test")) == 1


def test_nothing_is_left_in_the_staging_folder(make_world, tmp_path):
    world = make_world(aliases=TEAM)
    world.send(b"x" * 100_000, "team@demo.test")
    world.queue.fails = MailError(Condition.UNAVAILABLE, "Try again later")
    with pytest.raises(MailError):
        world.send(b"x" * 100_000, "team@demo.test")
    assert list((tmp_path / "state" / "mail" / ".staging").iterdir()) == []
