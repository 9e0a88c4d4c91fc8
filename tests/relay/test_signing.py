"""Which messages are signed, by whose key, and what goes over the wire then."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailstack.config.model import Dkim
from mailstack.dkim.keys import make
from mailstack.message.header import scan
from mailstack.queue.api import Envelope, Recipient
from mailstack.relay import signing
from mailstack.relay.downgrade import fit_for_seven_bits
from mailstack.relay.signing import Signed, Signer, SigningCourier, signing_domain
from tests.dkim.test_signature import ED, MESSAGE, RSA, verdicts
from tests.sessions.world import World as SessionWorld

NOW = 1_700_000_000
TO = (Recipient("bob@elsewhere.test"),)


class Octets:
    def __init__(self, data):
        self.data, self.size, self.reads = data, len(data), 0

    def read(self, offset, length):
        self.reads += 1
        return self.data[offset : offset + length]

    def close(self):
        raise AssertionError("it is the runner's")


class Carrier:
    async def deliver(self, envelope, recipients, content):
        self.sent = content.read(0, content.size)
        assert len(self.sent) == content.size
        return {}


def envelope(**more):
    given = {"id": "m1", "reverse_path": "alice@demo.test", "account": "alice@demo.test", "client": "[x] by submission"}
    return Envelope(recipients=TO, size=1, arrived=datetime(2027, 1, 15, tzinfo=UTC), **(given | more))


class World:
    def __init__(self):
        self.now, self.aside = NOW, 0
        self.signer = Signer({"demo.test": (ED, RSA)}, lambda: self.now, self._aside)

    async def _aside(self, work):
        self.aside += 1
        return work()

    def send(self, message=MESSAGE, content=None, **more):
        carrier = Carrier()
        asyncio.run(SigningCourier(self.signer, carrier).deliver(envelope(**more), TO, content or Octets(message)))
        return carrier.sent


@pytest.fixture
def world():
    return World()


def test_what_was_submitted_here_is_signed_twice(world):
    sent = world.send()
    assert sent.endswith(MESSAGE)
    assert verdicts(sent) == [True, True]


@pytest.mark.parametrize(
    ("more", "signed"),
    [
        ({"account": "", "client": "[192.0.2.1] by smtp"}, False),  # an alias passes it on
        ({"account": "", "reverse_path": "", "client": "[192.0.2.1] by smtp"}, False),  # so is this report of others
        ({"account": "", "reverse_path": "", "client": "report by this server"}, True),
        ({"account": "", "client": "TLS report by this server"}, True),  # RFC 8460 §3 asks for it
        ({"reverse_path": ""}, True),  # a read receipt of somebody here
    ],
)
def test_whose_mail_is_signed(world, more, signed):
    assert (b"DKIM-Signature" in world.send(**more)) is signed


@pytest.mark.parametrize(
    ("author", "sender", "domain"),
    [
        ("alice@demo.test", "alice@demo.test", "demo.test"),
        ("alice@Sub.Demo.TEST", "x@y.test", "demo.test"),
        ("alice@other.test", "alice@demo.test", "demo.test"),
        ("alice@bücher.test", "x@y.test", "xn--bcher-kva.test"),
        ("a@elsewhere.test", "", ""),
        ("nobody", "", ""),
        ("alice@notdemo.test", "", ""),
    ],
)
def test_whose_key(author, sender, domain):
    keys = {"demo.test": (RSA,), "xn--bcher-kva.test": (RSA,), "test": (RSA,)}
    assert signing_domain(scan(f"From: X <{author}>\r\n\r\n".encode()), sender, keys) == domain


def test_without_keys_nothing_is_read(world):
    world.signer.keys = {}
    content = Octets(MESSAGE)
    assert world.send(content=content) == MESSAGE
    assert content.reads == 1


def test_once_for_many_tries(world):
    first, second = world.send(), world.send()
    assert first == second
    world.now += 7200
    assert world.send() != first
    assert world.send(id="m2") != first


def test_new_keys_hold_at_once(world):
    world.send()
    world.signer.keys = {"demo.test": (RSA,)}
    assert world.send().count(b"DKIM-Signature:") == 1


def test_a_large_message_is_hashed_aside_and_in_pieces(world):
    content = Octets(MESSAGE + b"x" * 70 + b"\r\n" * 5 + b"line\r\n" * 100_000)
    sent = world.send(content=content)
    assert world.aside == 1
    assert verdicts(sent) == [True, True]


def test_a_header_without_end_is_not_signed(world, monkeypatch):
    monkeypatch.setattr(signing, "_HEADER_OCTETS", 100)
    assert world.send() == MESSAGE


def test_a_message_of_a_header_only(world):
    message = b"From: alice@demo.test\r\nSubject: x\r\n"
    assert verdicts(world.send(message) + b"\r\n") == [True, True]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_above(size):
    whole = b"abc" + b"defgh"
    content = Signed(b"abc", Octets(b"defgh"), None)
    assert content.size == 8
    assert b"".join(content.read(offset, size) for offset in range(0, 8, size)) == whole
    content.close()


def test_converted_on_its_way_it_is_signed_anew(world):
    eight = (
        b"From: alice@demo.test\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    )

    async def both():
        signed = await world.signer.signed(envelope(), Octets(eight))
        converted = await signed.over(fit_for_seven_bits(signed.bare))
        return signed.read(0, signed.size), converted.read(0, converted.size), converted

    as_it_was, seven, converted = asyncio.run(both())
    assert verdicts(as_it_was) == [True, True]
    assert seven.isascii()
    assert b"quoted-printable" in seven
    assert verdicts(seven) == [True, True]
    converted.close()
    with pytest.raises(ValueError, match="closed"):
        converted.read(0, 1 << 20)


def test_a_reload_brings_new_keys(tmp_path):
    world = SessionWorld(tmp_path, "smtp")
    try:
        assert not world.parts.signer.keys
        make(world.config.dkim_folder, "demo.test", datetime(2027, 1, 15, tzinfo=UTC))
        world.parts.reconfigure(world.config)
        assert list(world.parts.signer.keys) == ["demo.test"]
        world.parts.reconfigure(replace(world.config, dkim=Dkim(sign=False)))
        assert not world.parts.signer.keys
    finally:
        world.close()
