"""SCRAM-SHA-256 and -PLUS: RFC 7677's example, every refusal, and any octets whatsoever."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.accounts.api import ScramClaim, ScramKeys
from mailstack.accounts.passwords import _scram_keys, proves
from mailstack.sasl import SERVER_MECHANISMS, USUAL_MECHANISMS
from mailstack.sasl.api import Challenge, Channel, Done, NeedKeys, Refused
from mailstack.sasl.scram import ScramExchange, ScramPlusExchange, ScramSha1Exchange
from tests.sasl.scramclient import ScramClient

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
KEYS = _scram_keys(b"pencil", SALT, 4096)
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
UNPROVED = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
PROOF = b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
BINDING = bytes(range(32))


def exchange(*, plus: bool = False) -> ScramExchange:
    return (ScramPlusExchange if plus else ScramExchange)(lambda: SERVER_NONCE)


def answered(made: ScramExchange, first: bytes, channel: Channel | None = None) -> Challenge | Refused:
    """The answer to a good first message."""
    need = made.step(first)
    assert isinstance(need, NeedKeys), need
    return need.go_on(KEYS, channel or Channel())


def test_example() -> None:
    """RFC 7677 §3"""
    made = exchange()
    need = made.step(FIRST)
    assert isinstance(need, NeedKeys)
    assert (need.name, need.binding) == ("user", "")
    assert need.go_on(KEYS, Channel()) == Challenge(SERVER_FIRST)
    done = made.step(UNPROVED + b",p=" + PROOF)
    auth_message = b",".join((FIRST[3:], SERVER_FIRST, UNPROVED))
    claim = ScramClaim("SCRAM-SHA-256", "user", auth_message, base64.b64decode(PROOF))
    assert done == Done(claim, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert proves(KEYS, claim.auth_message, claim.proof)


@pytest.mark.parametrize("kind", ["tls-exporter", "tls-server-end-point"])
def test_channel_binding(kind: str) -> None:
    made = exchange(plus=True)
    client = ScramClient("user", "pencil", flag=f"p={kind}", binding=BINDING)
    need = made.step(client.first())
    assert isinstance(need, NeedKeys)
    assert need.binding == kind
    challenge = need.go_on(KEYS, Channel(BINDING, binding_offered=True))
    assert isinstance(challenge, Challenge)
    done = made.step(client.final(challenge.data))
    assert isinstance(done, Done)
    assert isinstance(done.claim, ScramClaim)
    assert done.claim.mechanism == "SCRAM-SHA-256-PLUS"
    assert proves(KEYS, done.claim.auth_message, done.claim.proof)
    assert done.last == client.expects()


def test_somebody_in_the_middle() -> None:
    """The channel that the client is bound to is not ours."""
    made = exchange(plus=True)
    client = ScramClient("user", "pencil", flag="p=tls-exporter", binding=b"of the other connection")
    challenge = answered(made, client.first(), Channel(BINDING, binding_offered=True))
    assert isinstance(challenge, Challenge)
    assert made.step(client.final(challenge.data)) == Refused("bound to another channel")


@pytest.mark.parametrize(
    ("plus", "first", "channel", "answer"),
    [
        (False, b"y,,n=user,r=x", Channel(BINDING, True), "the -PLUS mechanism was hidden from the client"),
        (False, b"y,,n=user,r=x", Channel(), None),
        (False, b"n,,n=user,r=x", Channel(BINDING, True), None),
        (True, b"p=tls-unique,,n=user,r=x", Channel(None, True), "no channel binding of this kind"),
        (True, b"p=tls-exporter,,n=user,r=x", Channel(BINDING, True), None),
    ],
)
def test_the_channel(plus: bool, first: bytes, channel: Channel, answer: str | None) -> None:
    got = answered(exchange(plus=plus), first, channel)
    assert isinstance(got, Challenge) if answer is None else got == Refused(answer)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"", "not a client-first-message"),
        (b"n", "not a client-first-message"),
        (b"n,,", "not a client-first-message"),
        (b"n,,n=user", "not a client-first-message"),
        (b"n,,n=user,r=", "not a client-first-message"),
        (b"n,,r=x,n=user", "not a client-first-message"),
        (b"n,,n=user,r=x,", "not a client-first-message"),
        (b"n,,n=user,r=x y", "not a client-first-message"),
        (b"n,,n=user,r=\xc3\xa4", "not a client-first-message"),
        (b"n,,n=user,r=x,a", "not a client-first-message"),
        (b"n,,n=user,r=x,a=\0", "not a client-first-message"),
        (b"n,,n=user,r=x\n", "not a client-first-message"),
        (b"N,,n=user,r=x", "not a client-first-message"),
        (b"n,a=,n=user,r=x", "not a client-first-message"),
        (b"n,b=x,n=user,r=x", "not a client-first-message"),
        (b"q=tls-exporter,,n=user,r=x", "not a client-first-message"),
        (b"p=,,n=user,r=x", "not a client-first-message"),
        (b"n,,m=must,n=user,r=x", "extension not known"),
        (b"n,,n=user,r=x,m=must", "not a client-first-message"),
        (b"n,,n=,r=x", "empty user name"),
        (b"n,,n=us\0er,r=x", "NUL in the user name"),
        (b"n,,n=\xff,r=x", "user name is not UTF-8"),
        (b"n,,n=a=b,r=x", "a single = in the user name"),
        (b"n,,n=a=2c,r=x", "a single = in the user name"),
        (b"n,a=a=b,n=user,r=x", "a single = in the authorization identity"),
        (b"n,,n=" + b"u" * 1021 + b",r=x", "user name longer than 1020 octets"),
        (b"n,,n=user,r=" + b"x" * 4096, "message longer than 4096 octets"),
        (b"p=tls-exporter,,n=user,r=x", "channel binding with -PLUS, and only there"),
    ],
)
def test_first_messages_refused(first: bytes, reason: str) -> None:
    assert exchange().step(first) == Refused(reason)


@pytest.mark.parametrize("flag", [b"n", b"y"])
def test_plus_without_binding(flag: bytes) -> None:
    assert exchange(plus=True).step(flag + b",,n=user,r=x") == Refused("channel binding with -PLUS, and only there")


@pytest.mark.parametrize(
    ("first", "name", "authzid"),
    [
        (b"n,a=user,n=user,r=x", "user", ""),  # as Cyrus SASL has it
        (b"n,a=other,n=user,r=x", "user", "other"),
        (b"n,a=a=3D2C,n=b=2Cc,r=x,z=1,y=2", "b,c", "a=2C"),
        ("n,,n=jürgen@bücher.test,r=x".encode(), "jürgen@bücher.test", ""),
    ],
)
def test_names(first: bytes, name: str, authzid: str) -> None:
    made = exchange()
    answered(made, first)
    header = base64.b64encode(first[: first.index(b"n=", 1)])
    done = made.step(b"c=" + header + b",r=x" + SERVER_NONCE.encode() + b",z=later,p=AAAA")
    assert isinstance(done, Done)
    assert isinstance(done.claim, ScramClaim)
    assert (done.claim.name, done.claim.authzid) == (name, authzid)
    assert not proves(KEYS, done.claim.auth_message, done.claim.proof)


@pytest.mark.parametrize(
    ("final", "reason"),
    [
        (b"", "not a client-final-message"),
        (UNPROVED, "not a client-final-message"),
        (UNPROVED + b",p=", "not a client-final-message"),
        (UNPROVED + b",p=AAAA,x=y", "not a client-final-message"),
        (UNPROVED + b",m=must,p=AAAA", "not a client-final-message"),
        (UNPROVED.partition(b",")[2] + b",c=biws,p=AAAA", "not a client-final-message"),
        (UNPROVED + b",p=A", "not base64"),
        (UNPROVED + b",p=AA\r\nAA", "not base64"),
        (UNPROVED[:-1] + b",p=AAAA", "another nonce"),
        (UNPROVED + b"x,p=AAAA", "another nonce"),
        (UNPROVED.replace(b"biws", b"b!ws") + b",p=AAAA", "not base64"),
        (UNPROVED.replace(b"biws", b"eSws") + b",p=AAAA", "bound to another channel"),
        (FIRST, "not a client-final-message"),
        (b"c=" * 3000, "message longer than 4096 octets"),
    ],
)
def test_final_messages_refused(final: bytes, reason: str) -> None:
    made = exchange()
    assert answered(made, FIRST) == Challenge(SERVER_FIRST)
    assert made.step(final) == Refused(reason)


def test_the_client_speaks_first() -> None:
    made = exchange()
    assert made.step(None) == Challenge(b"")
    assert answered(made, FIRST) == Challenge(SERVER_FIRST)


def test_nonces_are_fresh() -> None:
    answers = {answered(ScramExchange(), FIRST) for _ in range(3)}
    assert len(answers) == 3


def test_what_proves_nothing() -> None:
    message, proof = b",".join((FIRST[3:], SERVER_FIRST, UNPROVED)), base64.b64decode(PROOF)
    assert proves(KEYS, message, proof)
    assert not proves(KEYS, message + b"x", proof)
    assert not proves(KEYS, message, bytes([proof[0] ^ 1]) + proof[1:])
    for wrong in (b"", proof[:-1], proof + b"\0", bytes(32)):
        assert not proves(KEYS, message, wrong)


def test_nothing_shows_the_proof() -> None:
    claim = ScramClaim("SCRAM-SHA-256", "user", b"message", b"the proof")
    assert "the proof" not in repr(Done(claim, b""))
    assert "stored" not in repr(ScramKeys(b"salt", 1, b"stored", b"server"))


@given(st.text(min_size=1, max_size=40).filter(lambda name: "\0" not in name), st.text(min_size=1, max_size=20))
def test_any_name_and_password(name: str, password: str) -> None:
    keys = _scram_keys(password.encode(), SALT, 1)
    made, client = ScramExchange(), ScramClient(name, password)
    need = made.step(client.first())
    assert isinstance(need, NeedKeys)
    assert need.name == name
    challenge = need.go_on(keys, Channel())
    assert isinstance(challenge, Challenge)
    done = made.step(client.final(challenge.data))
    assert isinstance(done, Done)
    assert isinstance(done.claim, ScramClaim)
    assert proves(keys, done.claim.auth_message, done.claim.proof)
    assert done.last == client.expects()


@given(st.binary(max_size=60), st.binary(max_size=120), st.booleans())
def test_any_octets(first: bytes, final: bytes, plus: bool) -> None:
    """Nothing raises, nothing proves anything."""
    made = exchange(plus=plus)
    if isinstance(need := made.step(first), NeedKeys):
        need.go_on(KEYS, Channel(BINDING, True))
    else:
        assert isinstance(need, Refused)
        answered(made, b"p=tls-exporter,,n=u,r=x" if plus else FIRST, Channel(BINDING, True))
    outcome = made.step(final)
    if isinstance(outcome, Done):
        assert isinstance(outcome.claim, ScramClaim)
        assert not proves(KEYS, outcome.claim.auth_message, outcome.claim.proof)


@given(st.data())
def test_one_octet_off(data: st.DataObject) -> None:
    """A final message with any octet changed logs nobody in."""
    made = exchange()
    answered(made, FIRST)
    right = UNPROVED + b",p=" + PROOF
    at = data.draw(st.integers(0, len(right) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda value: value != right[at]))
    outcome = made.step(right[:at] + bytes([octet]) + right[at + 1 :])
    if isinstance(outcome, Done):
        assert isinstance(outcome.claim, ScramClaim)
        if outcome.claim.proof == base64.b64decode(PROOF):
            return  # base64 has bits that do not count
        assert not proves(KEYS, outcome.claim.auth_message, outcome.claim.proof)


def test_mechanisms() -> None:
    assert list(USUAL_MECHANISMS) == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
    assert set(USUAL_MECHANISMS) < set(SERVER_MECHANISMS)
    assert all(make().name == name for name, make in SERVER_MECHANISMS.items())


def test_sha1_example() -> None:
    """RFC 5802 §5: user, pencil."""
    exchange = ScramSha1Exchange(lambda: "3rfcNHYJY1ZVvWVs7j")
    first = exchange.step(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")
    assert isinstance(first, NeedKeys)
    assert first.algorithm == "sha1"
    keys = _scram_keys(b"pencil", base64.b64decode("QSXCR+Q6sek8bf92"), 4096, "sha1")
    server_first = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
    assert first.go_on(keys, Channel()) == Challenge(server_first)
    done = exchange.step(b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
    assert isinstance(done, Done)
    assert isinstance(done.claim, ScramClaim)
    assert proves(keys, done.claim.auth_message, done.claim.proof)
    assert done.last == b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
