"""XCLIENT: who may say it, and what counts from then on."""

from ipaddress import ip_network

import pytest

from mailstack.accounts.api import Principal
from tests.smtp.world import Talk, codes

ALICE = Principal("alice@demo.test", frozenset({"alice@demo.test"}))


def behind(**more):
    return Talk(ip="192.0.2.9", xclient_from=(ip_network("192.0.2.9/32"),), **more)


def mailed(talk):
    talk.say("MAIL FROM:<a@b.test>", "RCPT TO:<c@demo.test>", "DATA", ".")
    return talk.flow.taken[-1][0]


def test_what_is_said_counts():
    talk = behind()
    assert codes(talk.say("XCLIENT ADDR=198.51.100.1 PORT=25 DESTADDR=203.0.113.1 DESTPORT=587", "EHLO x")) == [
        "220",
        "250",
    ]
    peer = mailed(talk).peer
    assert (peer.ip, peer.port, peer.local_ip, peer.local_port) == ("198.51.100.1", 25, "203.0.113.1", 587)


def test_what_the_proxy_does_not_know_stays_as_it_is():
    talk = behind()
    talk.say("XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]", "EHLO x")
    assert mailed(talk).peer.ip == "192.0.2.9"


def test_it_may_be_said_again_of_somebody_else():
    talk = behind()
    talk.say("XCLIENT ADDR=198.51.100.1", "EHLO x", "XCLIENT ADDR=198.51.100.2", "EHLO x")
    assert mailed(talk).peer.ip == "198.51.100.2"


def test_to_speak_for_a_proxy_is_not_to_be_one():
    """The address that counts for the right to say XCLIENT is the connection's own."""
    talk = Talk(ip="198.51.100.1", xclient_from=(ip_network("192.0.2.9/32"),))
    assert codes(talk.say("XCLIENT ADDR=192.0.2.9")) == ["550"]


def test_a_login_on_submission():
    named = {"alice@demo.test": ALICE}.get
    talk = behind(submission=True, named=named)
    assert codes(talk.say("XCLIENT LOGIN=nobody@demo.test")) == ["501"]
    assert codes(talk.say("XCLIENT ADDR=198.51.100.1 LOGIN=alice+40demo.test", "EHLO x")) == ["220", "250"]
    assert mailed(talk).principal == ALICE
    assert codes(talk.say("XCLIENT LOGIN=[UNAVAILABLE]", "EHLO x", "MAIL FROM:<a@b.test>")) == ["220", "250", "530"]


@pytest.mark.parametrize(
    "argument",
    [
        "ADDR=1.2.3",
        "ADDR=2001:db8::1",
        "ADDR=IPV6:fe80::1%eth0",
        "PORT=65536",
        "PORT=x",
        "PROTO=HTTP",
        "ADDR",
        "=x",
        "ADDR=1.2.3.4 ADDR=1.2.3.4",
        "HELO=a+0Ab",
        "NAME=a+00",
        "FOO=1",
        "HELO=+zz",
    ],
)
def test_rejected(argument):
    assert codes(behind().say(f"XCLIENT {argument}")) == ["501"]
