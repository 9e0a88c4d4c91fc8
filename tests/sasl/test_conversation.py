"""From the first word to the login: keys, channel, decision, last words."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mailstack.accounts.api import AnyClaim, Claim, Principal, ScramClaim, ScramKeys
from mailstack.accounts.passwords import _scram_keys, nobodys_keys, proves
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.sasl import SERVER_MECHANISMS
from mailstack.sasl.api import Challenge, Refused
from mailstack.sasl.conversation import Conversation, LoggedIn, begin, offered
from tests.sasl.scramclient import ScramClient

BINDINGS = {"tls-exporter": b"e" * 32, "tls-server-end-point": b"h" * 32}
ALICE = Principal("alice", frozenset({"alice"}))


@dataclass
class Login:
    claims: list[AnyClaim] = field(default_factory=list)
    cids: list[str] = field(default_factory=list)

    async def scram_keys(self, name: str, algorithm: str = "sha256") -> ScramKeys:
        alice = name == "alice"
        return _scram_keys(b"secret", b"salt", 2, algorithm) if alice else nobodys_keys(b"", name, algorithm)

    async def verify(self, claim: AnyClaim, peer: Peer, cid: str = "-") -> Principal:
        self.claims.append(claim)
        self.cids.append(cid)
        if isinstance(claim, ScramClaim):
            keys = await self.scram_keys("alice", claim.algorithm)
            right = claim.name == "alice" and proves(keys, claim.auth_message, claim.proof)
        else:
            right = isinstance(claim, Claim) and (claim.name, claim.password.reveal()) == ("alice", "secret")
        if not right:
            raise MailError(Condition.LOGIN_FAILED, "wrong")
        return ALICE


class Wire:
    cid = "c7"

    def __init__(self, *, tls: bool = True) -> None:
        self.peer = Peer("192.0.2.1", 1, "imaps", tls=tls)

    def channel_binding(self, kind: str) -> bytes | None:
        return BINDINGS.get(kind)


def started(name: str, login: Login, *, tls: bool = True, names: Any = SERVER_MECHANISMS) -> Conversation:
    made = begin({name: SERVER_MECHANISMS[name] for name in names}, name, login, Wire(tls=tls))  # type: ignore[arg-type]
    assert made is not None
    return made


def said(conversation: Conversation, response: bytes | None) -> Challenge | Refused | LoggedIn:
    return asyncio.run(conversation.hear(response))


def challenged(conversation: Conversation, response: bytes | None) -> bytes:
    answer = said(conversation, response)
    assert isinstance(answer, Challenge), answer
    return answer.data


def test_offered() -> None:
    assert offered(SERVER_MECHANISMS, Peer("192.0.2.1", 1, "imaps", tls=True, addresses=("a@b.test",))) == tuple(
        SERVER_MECHANISMS
    )
    assert offered(SERVER_MECHANISMS, Peer("192.0.2.1", 1, "imap")) == (
        *("SCRAM-SHA-256", "SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"),
    )
    assert begin(SERVER_MECHANISMS, "SCRAM-SHA-256-PLUS", Login(), Wire(tls=False)) is None  # type: ignore[arg-type]
    assert begin({}, "PLAIN", Login(), Wire()) is None  # type: ignore[arg-type]


def test_plain() -> None:
    login = Login()
    conversation = started("PLAIN", login)
    assert challenged(conversation, None) == b""
    assert said(conversation, b"\0alice\0secret") == LoggedIn(ALICE)
    assert login.cids == ["c7"]


@pytest.mark.parametrize(
    ("mechanism", "flag", "tls"),
    [
        ("SCRAM-SHA-256", "n", True),
        ("SCRAM-SHA-256", "y", False),
        ("SCRAM-SHA-256-PLUS", "p=tls-exporter", True),
        ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point", True),
    ],
)
def test_scram(mechanism: str, flag: str, tls: bool) -> None:
    login = Login()
    client = ScramClient("alice", "secret", flag=flag, binding=BINDINGS.get(flag[2:], b""))
    conversation = started(mechanism, login, tls=tls)
    last = challenged(conversation, client.final(challenged(conversation, client.first())))
    assert last == client.expects()
    assert said(conversation, b"") == LoggedIn(ALICE)
    assert [claim.mechanism for claim in login.claims] == [mechanism]


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("nobody", "secret")])
def test_wrong(name: str, password: str) -> None:
    """The same steps and words, and never the server's signature."""
    client, login = ScramClient(name, password), Login()
    conversation = started("SCRAM-SHA-256", login)
    final = client.final(challenged(conversation, client.first()))
    with pytest.raises(MailError, match="^LOGIN_FAILED: wrong"):
        said(conversation, final)
    assert [claim.name for claim in login.claims] == [name]


@pytest.mark.parametrize(
    ("flag", "names", "refused"),
    [
        ("y", SERVER_MECHANISMS, True),
        ("y", ["SCRAM-SHA-256"], False),
        ("n", SERVER_MECHANISMS, False),
    ],
)
def test_hidden_mechanism(flag: str, names: Any, refused: bool) -> None:
    logged: list[Any] = []

    def sink(event: Event, fields: Any) -> None:
        logged.append((event, fields["cid"], fields["listener"], fields["ip"], fields["reason"]))

    add_sink(sink)
    try:
        answer = said(started("SCRAM-SHA-256", Login(), names=names), ScramClient("alice", "x", flag=flag).first())
    finally:
        remove_sink(sink)
    reason = "the -PLUS mechanism was hidden from the client"
    assert isinstance(answer, Refused) is refused
    assert logged == [(Event.LOGIN_FAILED, "c7", "imaps", "192.0.2.1", reason)] * refused


def test_unknown_binding() -> None:
    client = ScramClient("alice", "secret", flag="p=tls-unique")
    answer = said(started("SCRAM-SHA-256-PLUS", Login()), client.first())
    assert answer == Refused("no channel binding of this kind")


def test_something_after_the_end() -> None:
    client = ScramClient("alice", "secret")
    conversation = started("SCRAM-SHA-256", Login())
    challenged(conversation, client.final(challenged(conversation, client.first())))
    assert said(conversation, b"more") == Refused("something after the end")


def test_a_token_that_was_no_good() -> None:
    """The client hears why, says its word of no meaning, and only then that it has failed.  RFC 7628 §3.2.3"""
    conversation = started("OAUTHBEARER", Login())
    answer = said(conversation, b"n,a=alice,\x01auth=Bearer stolen\x01\x01")
    assert answer == Challenge(b'{"status": "invalid_token"}')
    with pytest.raises(MailError, match="LOGIN_FAILED"):
        said(conversation, b"\x01")


def test_external_is_for_who_has_shown_a_certificate() -> None:
    wire = Wire()
    assert begin(SERVER_MECHANISMS, "EXTERNAL", Login(), wire) is None  # type: ignore[arg-type]
    wire.peer = replace(wire.peer, addresses=("alice@demo.test",))
    assert begin(SERVER_MECHANISMS, "EXTERNAL", Login(), wire) is not None  # type: ignore[arg-type]
