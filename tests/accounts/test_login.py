"""The decision about a login."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailstack.accounts import proofs as proofs_module
from mailstack.accounts.api import CertificateClaim, Claim, IssuerUnreachable, Principal, ScramClaim, TokenClaim
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.login import PasswordLogin
from mailstack.accounts.store import AccountStore
from mailstack.accounts.tokens import BadToken
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.base.secret import Secret
from tests.accounts.people import PASSWORD, credential, population

PEER = Peer(*("192.0.2.1", 40000, "submission"), tls=True, tls_version="TLSv1.3", tls_cipher="TLS_AES_256_GCM_SHA384")


class World:
    def __init__(self, folder: Path) -> None:
        self.store = population(folder)
        self.clock = Clock()
        self.login = PasswordLogin(self.store, AccountDirectory(self.store), self.clock, inline=True)
        self.logged: list[tuple[Event, dict[str, Any]]] = []

    def start(self, name: str, password: str, authzid: str = "", peer: Peer = PEER) -> "Deferred[Principal]":
        claim = Claim("PLAIN", name, Secret(password), authzid)
        return Deferred.fromCoroutine(self.login.verify(claim, peer, "c1"))

    def ask(self, name: str, password: str = "correct horse", authzid: str = "", peer: Peer = PEER) -> Principal:
        deferred = self.start(name, password, authzid, peer)
        got: list[Any] = []
        deferred.addBoth(got.append)
        if not got:
            self.clock.advance(30)
        if isinstance(got[0], Failure):
            got[0].raiseException()
        return got[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)

    def sink(event: Event, fields: Any) -> None:
        made.logged.append((event, dict(fields)))

    add_sink(sink)
    yield made
    remove_sink(sink)
    made.store.close()


def refused(condition: Condition):
    return pytest.raises(MailError, match=f"^{condition.name}: ")


@pytest.mark.parametrize("name", ["alice@demo.test", "ALICE@Demo.test", "a.liddell@demo.test"])
def test_right(world: World, name: str) -> None:
    principal = world.ask(name)
    assert principal == Principal("alice@demo.test", frozenset({"alice@demo.test", "a.liddell@demo.test"}))
    assert world.logged == [
        (
            Event.LOGIN,
            {
                "cid": "c1",
                "listener": "submission",
                "account": "alice@demo.test",
                "ip": "192.0.2.1",
                "mechanism": "PLAIN",
                "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
            },
        )
    ]


def test_the_same_words(world: World) -> None:
    said = set()
    for name, password in (("alice@demo.test", "wrong"), ("eve@demo.test", "correct horse"), ("", ""), ("alice", "x")):
        with refused(Condition.LOGIN_FAILED) as caught:
            world.ask(name, password)
        said.add(caught.value.public)
    assert len(said) == 1
    assert [fields["reason"] for _, fields in world.logged] == ["wrong password", *["no such account"] * 3]
    assert "correct horse" not in repr(world.logged)


def test_the_same_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name costs a hash, too."""
    hashed = []
    monkeypatch.setattr(proofs_module, "verify_nobody", lambda password: bool(hashed.append(password)))
    with refused(Condition.LOGIN_FAILED):
        world.ask("eve@demo.test")
    assert hashed == [PASSWORD]


def test_once_right_is_quick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ask("alice@demo.test")
    monkeypatch.setattr(proofs_module, "verify", lambda *_: pytest.fail("hashed again"))
    world.ask("alice@demo.test")
    with pytest.raises(pytest.fail.Exception):
        world.ask("alice@demo.test", "wrong")


def test_a_changed_password_counts_at_once(world: World) -> None:
    world.ask("alice@demo.test")
    world.store.set_credential("alice@demo.test", credential("new"))
    with refused(Condition.LOGIN_FAILED):
        world.ask("alice@demo.test")
    world.ask("alice@demo.test", "new")


def test_authorization_identity(world: World) -> None:
    assert world.ask("alice@demo.test", authzid="A.Liddell@demo.test").account == "alice@demo.test"
    with refused(Condition.LOGIN_FAILED):
        world.ask("alice@demo.test", authzid="bob@demo.test")


def test_kept_as_now(world: World) -> None:
    """Keys for SCRAM-SHA-1 come with the next password that is shown; then they are there for good."""
    sha1 = PasswordLogin(world.store, AccountDirectory(world.store), world.clock, inline=True, scram=("sha256", "sha1"))
    world.login = sha1
    before = world.store.credential("alice@demo.test")
    with refused(Condition.LOGIN_FAILED):
        world.ask("alice@demo.test", "wrong")
    assert world.store.credential("alice@demo.test") == before
    world.ask("alice@demo.test")
    after = world.store.credential("alice@demo.test")
    assert after is not None
    assert [keys.algorithm for keys in after.scram] == ["sha256", "sha1"]
    assert Event.PASSWORD_UPGRADED in [event for event, _ in world.logged]
    world.ask("alice@demo.test")
    assert world.store.credential("alice@demo.test") == after


def test_disabled(world: World) -> None:
    """Told only to who has the password."""
    world.store.set_right("alice@demo.test", "enabled", given=False)
    with refused(Condition.LOGIN_FAILED):
        world.ask("alice@demo.test", "wrong")
    with refused(Condition.ACCOUNT_DISABLED):
        world.ask("alice@demo.test")
    with refused(Condition.ACCOUNT_DISABLED):
        scram(world, "alice@demo.test", "correct horse")
    world.store.set_right("alice@demo.test", "enabled", given=True)
    world.ask("alice@demo.test")


def scram(world: World, name: str, password: str, authzid: str = "", peer: Peer = PEER) -> Principal:
    """What a SCRAM exchange asks of a login."""
    keys = finished(world.login.scram_keys(name))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), keys.salt, keys.iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), b"both sides' messages", "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    claim = ScramClaim("SCRAM-SHA-256-PLUS", name, b"both sides' messages", proof, authzid)
    return finished(world.login.verify(claim, peer, "c1"), world.clock)


def finished(coroutine: Any, clock: Clock | None = None) -> Any:
    got: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(got.append)
    if clock is not None and not got:
        clock.advance(30)
    if isinstance(got[0], Failure):
        got[0].raiseException()
    return got[0]


def test_proved(world: World) -> None:
    assert scram(world, "A.Liddell@demo.test", "correct horse").account == "alice@demo.test"
    [(event, fields)] = world.logged
    assert (event, fields["cid"], fields["mechanism"]) == (Event.LOGIN, "c1", "SCRAM-SHA-256-PLUS")


def test_not_proved(world: World) -> None:
    """The words, the log and the throttle are those of a wrong password."""
    said = set()
    for name, password in (("alice@demo.test", "wrong"), ("eve@demo.test", "correct horse"), ("", ""), ("alice", "x")):
        with refused(Condition.LOGIN_FAILED) as caught:
            scram(world, name, password)
        said.add(caught.value.public)
    assert said == {"login failed: user name or password is wrong"}
    assert [fields["reason"] for _, fields in world.logged] == ["wrong password", *["no such account"] * 3]
    with refused(Condition.LOGIN_FAILED):
        scram(world, "alice@demo.test", "correct horse", authzid="bob@demo.test")


def test_failed_proofs_slow_down(world: World) -> None:
    for _ in range(8):
        with refused(Condition.LOGIN_FAILED):
            scram(world, "alice@demo.test", "wrong")
    waiting = world.start("alice@demo.test", "correct horse")
    assert not waiting.called
    world.clock.advance(30)
    assert waiting.called


def test_a_proof_for_the_password_before(world: World) -> None:
    """Changed amid the exchange: the keys that decide are those of now."""
    keys = finished(world.login.scram_keys("alice@demo.test"))
    world.store.set_credential("alice@demo.test", credential("new"))
    signature = hmac.digest(keys.stored_key, b"m", "sha256")
    with refused(Condition.LOGIN_FAILED):
        finished(world.login.verify(ScramClaim("SCRAM-SHA-256", "alice@demo.test", b"m", signature), PEER))


def test_keys_of_nobody(world: World, tmp_path: Path) -> None:
    """They look like somebody's, stay the same over restarts, and are no other server's."""
    real = finished(world.login.scram_keys("alice@demo.test"))
    nobodys = finished(world.login.scram_keys("Eve@demo.test "))
    assert (len(nobodys.salt), nobodys.iterations) == (len(real.salt), real.iterations)
    assert nobodys == finished(world.login.scram_keys("eve@demo.test"))
    assert nobodys.salt != finished(world.login.scram_keys("eva@demo.test")).salt
    again = AccountStore(tmp_path / "accounts.sqlite")
    elsewhere = AccountStore(tmp_path / "other.sqlite")
    for store, same in ((again, True), (elsewhere, False)):
        login = PasswordLogin(store, AccountDirectory(store), world.clock, inline=True)
        assert (finished(login.scram_keys("eve@demo.test")) == nobodys) is same
        store.close()


def test_failures_slow_down(world: World) -> None:
    for _ in range(4):
        with refused(Condition.LOGIN_FAILED):
            world.ask("alice@demo.test", "wrong")
    waiting = world.start("alice@demo.test", "correct horse")
    assert not waiting.called
    world.clock.advance(2)
    assert waiting.called
    elsewhere = world.start("alice@demo.test", "correct horse", peer=Peer("198.51.100.1", 1, "imap"))
    assert elsewhere.called


def test_too_many_at_once(world: World) -> None:
    for _ in range(8):
        with refused(Condition.LOGIN_FAILED):
            world.ask("alice@demo.test", "wrong")
    first, second = world.start("alice@demo.test", "x"), world.start("alice@demo.test", "x")
    failed = second.addErrback(lambda failure: failure.value.condition)
    assert failed.result is Condition.LOGIN_UNAVAILABLE
    first.addErrback(lambda _: None)
    world.clock.advance(30)
    assert first.called


def test_names_are_logged_safely(world: World) -> None:
    with refused(Condition.LOGIN_FAILED):
        world.ask("a\r\nb" * 200)
    assert world.logged[0][1]["name"].startswith("a??b")
    assert len(world.logged[0][1]["name"]) == 200


def test_in_threads(tmp_path: Path) -> None:
    """The real pool; the reactor's thread is played by this one."""
    import queue

    class Reactor(Clock):
        def __init__(self) -> None:
            super().__init__()
            self.calls: queue.Queue[Any] = queue.Queue()

        def callFromThread(self, call: Any, *args: Any, **kwargs: Any) -> None:
            self.calls.put(lambda: call(*args, **kwargs))

    store, reactor = population(tmp_path), Reactor()
    login = PasswordLogin(store, AccountDirectory(store), reactor)
    login.start()
    try:
        deferred = Deferred.fromCoroutine(login.verify(Claim("LOGIN", "alice@demo.test", PASSWORD), PEER))
        assert not deferred.called
        reactor.calls.get(timeout=10)()
        assert deferred.result.account == "alice@demo.test"
    finally:
        login.stop()
        store.close()


# --- no oracle -------------------------------------------------------------------------------------------------


def failure_of(world: World, mechanism: str, name: str) -> tuple[str, str, int]:
    """(condition, words, how many passwords were hashed) of a login that fails."""
    hashed: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proofs_module, "verify", lambda *_: bool(hashed.append(1)))
        patch.setattr(proofs_module, "verify_nobody", lambda *_: bool(hashed.append(1)))
        with pytest.raises(MailError) as caught:
            if mechanism.startswith("SCRAM"):
                algorithm = "sha1" if mechanism.endswith("-1") else "sha256"
                keys = finished(world.login.scram_keys(name, algorithm))
                claim: Any = ScramClaim(mechanism, name, b"x", bytes(len(keys.stored_key)), algorithm=algorithm)
                finished(world.login.verify(claim, PEER, "c1"))
            else:
                finished(world.login.verify(Claim(mechanism, name, Secret("wrong")), PEER, "c1"))
    return caught.value.condition.name, caught.value.public, len(hashed)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "USER", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1"])
def test_no_oracle(world: World, mechanism: str) -> None:
    """Somebody and nobody: the same words and the same work, in every mechanism."""
    somebody, nobody = (failure_of(world, mechanism, name) for name in ("alice@demo.test", "eve@demo.test"))
    assert somebody == nobody
    assert somebody[2] == (0 if mechanism.startswith("SCRAM") else 1)


def test_app_password_shaped_guesses_are_no_oracle(world: World) -> None:
    """What looks like an app password and is none costs what any wrong password does."""
    hashed: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proofs_module, "verify", lambda *_: bool(hashed.append(1)))
        with refused(Condition.LOGIN_FAILED):
            world.ask("alice@demo.test", "abcde-fghij-klmno-pqrst")
    assert len(hashed) == 1


# --- tokens and certificates -----------------------------------------------------------------------------------


class Issuer:
    """Tokens are addresses; `down` answers nobody."""

    async def address(self, token: Secret) -> str:
        if token.reveal() == "down":
            raise IssuerUnreachable("no answer")
        if "@" not in token.reveal():
            raise BadToken("forged")
        return token.reveal()


def by(world: World, claim: TokenClaim | CertificateClaim, peer: Peer = PEER) -> str:
    login = PasswordLogin(
        world.store,
        AccountDirectory(world.store),
        world.clock,
        inline=True,
        issuer=Issuer(),  # type: ignore[arg-type]
    )
    got: list[Any] = []
    Deferred.fromCoroutine(login.verify(claim, peer, "c1")).addBoth(got.append)
    if isinstance(got[0], Failure):
        got[0].raiseException()
    return got[0].account


@pytest.mark.parametrize("name", ["", "alice@demo.test", "A.Liddell@demo.test"])
def test_token(world: World, name: str) -> None:
    assert by(world, TokenClaim("XOAUTH2", name, Secret("alice@demo.test"))) == "alice@demo.test"
    assert world.logged[0][1]["mechanism"] == "XOAUTH2"


@pytest.mark.parametrize(
    ("name", "token", "reason"),
    [
        ("alice@demo.test", "forged", "forged"),
        ("alice@demo.test", "bob@demo.test", "the token is somebody else's"),
        ("eve@demo.test", "bob@demo.test", "the token is somebody else's"),
        ("", "eve@demo.test", "no such account"),
    ],
)
def test_token_refused(world: World, name: str, token: str, reason: str) -> None:
    with refused(Condition.LOGIN_FAILED):
        by(world, TokenClaim("XOAUTH2", name, Secret(token)))
    assert world.logged[0][1]["reason"] == reason


def test_issuer_down(world: World) -> None:
    """No failure of the person's: nothing is counted, nothing said of the password."""
    with refused(Condition.LOGIN_UNAVAILABLE):
        by(world, TokenClaim("XOAUTH2", "alice@demo.test", Secret("down")))


def test_no_issuer(world: World) -> None:
    got: list[Any] = []
    claim = TokenClaim("XOAUTH2", "alice@demo.test", Secret("alice@demo.test"))
    Deferred.fromCoroutine(world.login.verify(claim, PEER)).addErrback(got.append)
    assert got[0].value.condition is Condition.LOGIN_FAILED


SHOWN = Peer("192.0.2.1", 1, "imaps", tls=True, addresses=("x@elsewhere.test", "Bob@demo.test", "alice@demo.test"))


@pytest.mark.parametrize(
    ("name", "account"),
    [("", "bob@demo.test"), ("alice@demo.test", "alice@demo.test"), ("BOB@demo.test", "bob@demo.test")],
)
def test_certificate(world: World, name: str, account: str) -> None:
    assert by(world, CertificateClaim("EXTERNAL", name), SHOWN) == account


@pytest.mark.parametrize(
    ("name", "addresses", "reason"),
    [
        ("alice@demo.test", ("bob@demo.test",), "the certificate is somebody else's"),
        ("", ("x@elsewhere.test",), "the certificate is nobody's here"),
        ("alice@demo.test", (), "the certificate is nobody's here"),
    ],
)
def test_certificate_refused(world: World, name: str, addresses: tuple[str, ...], reason: str) -> None:
    peer = Peer("192.0.2.1", 1, "imaps", tls=True, addresses=addresses)
    with refused(Condition.LOGIN_FAILED):
        by(world, CertificateClaim("EXTERNAL", name), peer)
    assert world.logged[0][1]["reason"] == reason
