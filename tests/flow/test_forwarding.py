"""Mail of strangers that an alias passes on to another server: its return path must be one that SPF lets pass."""

import pytest

from mailstack.accounts.api import Principal
from mailstack.base.errors import MailError
from mailstack.base.secret import Secret
from mailstack.message.srs import Srs
from tests.flow.world import MOMENT, World

SRS = Srs([Secret("key")])
MESSAGE = b"From: far@elsewhere.test\r\nSubject: hello\r\n\r\nbody\r\n"
ALIASES = {"away@demo.test": ["carol@third.test"], "both@demo.test": ["carol@third.test", "alice@demo.test"]}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, ALIASES, srs=SRS)


def queued(world):
    [(envelope, octets)] = world.queue.taken
    return envelope, octets


@pytest.mark.parametrize("alias", ["away", "both"])
def test_a_strangers_sender_is_rewritten_in_the_aliass_domain(world, alias):
    world.send(MESSAGE, f"{alias}@demo.test")
    envelope, octets = queued(world)
    assert envelope.reverse_path.startswith("srs0=")
    assert envelope.reverse_path.endswith("@demo.test")
    assert SRS.reverse(envelope.reverse_path, MOMENT.timestamp()) == "far@elsewhere.test"
    assert b"From: far@elsewhere.test" in octets


@pytest.mark.parametrize("sender", ["", "bob@demo.test"])
def test_our_own_senders_and_none_stay(world, sender):
    world.send(MESSAGE, "away@demo.test", reverse_path=sender)
    assert queued(world)[0].reverse_path == sender


def test_who_has_logged_in_sends_as_himself(world):
    principal = Principal("alice@demo.test", frozenset({"alice@demo.test"}))
    world.send(
        MESSAGE.replace(b"far@elsewhere", b"alice@demo"),
        "away@demo.test",
        "dave@third.test",
        reverse_path="alice@demo.test",
        principal=principal,
    )
    assert queued(world)[0].reverse_path == "alice@demo.test"


def test_switched_off(tmp_path):
    world = World(tmp_path, ALIASES)
    world.send(MESSAGE, "away@demo.test")
    assert queued(world)[0].reverse_path == "far@elsewhere.test"


def test_the_way_back_is_for_reports_only(world):
    """Whoever has such an address could otherwise write to its author through us, as anybody."""
    world.send(MESSAGE, "away@demo.test")
    back = queued(world)[0].reverse_path
    with pytest.raises(MailError, match="reports only"):
        world.send(MESSAGE, back, reverse_path="spammer@elsewhere.test")
