"""A login by SCRAM, said in one go to each protocol: however its octets are cut, the answers are the same."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.accounts.api import Principal
from mailstack.accounts.passwords import _scram_keys, proves
from mailstack.base.engine import NEED_DATA, Peer
from mailstack.base.errors import Condition, MailError
from mailstack.imap.server.factory import ImapSessions
from mailstack.imap.server.session import ImapSettings
from mailstack.imap.values import ImapLimits
from mailstack.pop3.server.factory import Pop3Sessions
from mailstack.sasl.scram import ScramPlusExchange
from mailstack.smtp.server.factory import Listening, SmtpSessions
from mailstack.smtp.values import SmtpLimits
from tests.imap.fakes import FakeStore
from tests.pop3.world import SETTINGS, World, finish
from tests.sasl.scramclient import ScramClient
from tests.smtp.world import NOW, TakesAll

ALICE = "alice@demo.test"
KEYS = _scram_keys(b"alice-secret", b"a salt", 7)
BINDING = b"e" * 32
MECHANISMS = {"SCRAM-SHA-256-PLUS": lambda: ScramPlusExchange(lambda: "SERVER")}
SERVER_FIRST = b"r=CLIENTSERVER,s=" + base64.b64encode(b"a salt") + b",i=7"


class Login:
    async def scram_keys(self, name, algorithm="sha256"):
        return KEYS

    async def verify(self, claim, peer, cid="-"):
        if not proves(KEYS, claim.auth_message, claim.proof):
            raise MailError(Condition.LOGIN_FAILED, "wrong")
        return Principal(claim.name, frozenset({claim.name}))


class Wire:
    peer, cid = Peer("192.0.2.1", 1, "x", tls=True), "c1"

    def settled(self):
        """Nobody counts strangers here."""

    def channel_binding(self, kind):
        return BINDING if kind == "tls-exporter" else None


def answers(sessions, pieces):
    """All that the server says."""
    engine, session = sessions(Wire())
    greeting = session.greet()
    if greeting is not None:
        engine.send(greeting)
    for piece in pieces:
        engine.receive(piece)
        while (event := engine.next_event()) is not NEED_DATA:
            response = finish(session.handle(event))
            if response is not None:
                engine.send(response)
    return engine.data_to_send()


def stream(before, auth, *, password="alice-secret"):
    """The whole of the client's side, said without waiting."""
    client = ScramClient(ALICE, password, nonce="CLIENT", flag="p=tls-exporter", binding=BINDING)
    first, final = (base64.b64encode(octets) for octets in (client.first(), client.final(SERVER_FIRST)))
    return before + auth % first + b"\r\n" + final + b"\r\n\r\n"


def smtp():
    listening = Listening("mail.demo.test", submission=True, now=lambda: NOW, starttls=False)
    return SmtpSessions(TakesAll(), Login(), MECHANISMS, SmtpLimits(), listening)


def imap():
    return ImapSessions(FakeStore(), Login(), ImapSettings(ImapLimits()), mechanisms=MECHANISMS)


def pop3():
    return Pop3Sessions(World(), Login(), SETTINGS, mechanisms=MECHANISMS)


PROTOCOLS = {
    "smtp": (smtp, stream(b"EHLO x\r\n", b"AUTH SCRAM-SHA-256-PLUS %b"), b"\r\n235 2.7.0 Logged in\r\n"),
    "imap": (imap, stream(b"", b"a AUTHENTICATE SCRAM-SHA-256-PLUS %b"), b"\r\na OK [CAPABILITY "),
    "pop3": (pop3, stream(b"", b"AUTH SCRAM-SHA-256-PLUS %b"), b"\r\n+OK 0 messages (0 octets)\r\n"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(data=st.data())
def test_any_chunks(protocol, data):
    make, octets, success = PROTOCOLS[protocol]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(octets) - 1), max_size=30)))
    pieces = [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    whole = answers(make(), [octets])
    assert success in whole
    assert answers(make(), pieces) == whole


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_octet_at_a_time(protocol):
    make, octets, success = PROTOCOLS[protocol]
    assert success in answers(make(), [octets[n : n + 1] for n in range(len(octets))])
