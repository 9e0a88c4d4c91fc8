"""Decides about claims, the same for every protocol."""

import hashlib
import os
from collections.abc import Callable, Collection, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from mailstack.accounts.api import AnyClaim, Claim, Principal, TokenClaim
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.guard import Guard
from mailstack.accounts.hashing import Hashing
from mailstack.accounts.live import Live
from mailstack.accounts.names import canonical_address
from mailstack.accounts.passwords import Credential, ScramKeys, VerifiedPasswords, make_credential
from mailstack.accounts.proofs import Proofs, Proven
from mailstack.accounts.store import AccountStore
from mailstack.accounts.strength import expect_strong
from mailstack.accounts.throttle import LoginThrottle
from mailstack.accounts.tokens import TokenIssuer
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log
from mailstack.base.secret import Secret

__all__ = ["PasswordLogin"]

_WRONG = "login failed: user name or password is wrong"
_BANNED = "too many failed logins from your address; try again later"
_LATER = "too many login attempts; try again in a minute"


class PasswordLogin:
    """Implements `accounts.api.Login`.

    `inline`: see `Hashing`.  `scram` names the hash functions for which SCRAM keys are kept; `issuer` knows tokens;
    `guard` is told of good and bad logins, and says who is banned.
    """

    def __init__(
        self,
        store: AccountStore,
        directory: AccountDirectory,
        reactor: IReactorTime,
        *,
        throttle: LoginThrottle | None = None,
        inline: bool = False,
        scram: Collection[str] = ("sha256",),
        issuer: TokenIssuer | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._directory, self._reactor, self._scram = directory, reactor, scram
        self._throttle = LoginThrottle() if throttle is None else throttle
        self._hashing = Hashing(reactor, inline=inline)
        verified = VerifiedPasswords(reactor.seconds)
        self._proofs = Proofs(
            store,
            directory,
            self._hashing,
            verified,
            scram=scram,
            issuer=issuer,
            knows=self._knows,
            now=reactor.seconds,
        )
        self.live = Live(directory)
        self.least_strength = 0
        self.tell_of_new_network: Callable[[str, str, Peer], None] = lambda _account, _mechanism, _peer: None
        self._guard, self._key = guard, os.urandom(32)

    def start(self) -> None:
        self._hashing.start()

    def stop(self) -> None:
        """Waits for the password that is being hashed."""
        self._hashing.stop()

    async def verify(self, claim: AnyClaim, peer: Peer, cid: str = "-") -> Principal:
        """See `accounts.api.Login`.  May take seconds after failures."""
        name = canonical_address(claim.name.strip())
        await self._wait_for_turn(name, claim, peer, cid)
        proof = await self._proofs.of(claim, peer)
        if not isinstance(proof, Proven):
            self._failed(name, claim, peer)
            self._log_failure(claim, peer, cid, proof.reason)
            raise MailError(Condition.LOGIN_FAILED, _WRONG, detail=proof.reason)
        rights = self._directory.rights(proof.account)
        if rights is None or not rights.enabled:
            self._log_failure(claim, peer, cid, "the account is disabled")
            raise MailError(Condition.ACCOUNT_DISABLED, "this account is disabled; ask the postmaster")
        self._succeeded(name, proof.account, claim.mechanism, peer)
        self.live.entered(cid, proof.account, proof.epoch)
        tls = f"{peer.tls_version} {peer.tls_cipher}".strip() or "no TLS"
        log(
            Event.LOGIN,
            cid=cid,
            listener=peer.listener,
            account=proof.account,
            ip=peer.ip,
            mechanism=f"{claim.mechanism}{proof.app_password and f', app password {proof.app_password}'}",
            tls=tls,
        )
        return self._directory.principal(proof.account)

    def _failed(self, name: str, claim: AnyClaim, peer: Peer) -> None:
        now = self._reactor.seconds()
        self._throttle.failed(name, peer.ip, now)
        if self._guard is not None:
            self._guard.failed(peer.ip, self._guess(name, claim, now))

    def _succeeded(self, name: str, account: str, mechanism: str, peer: Peer) -> None:
        self._throttle.succeeded(name, peer.ip, self._reactor.seconds())
        if self._guard is not None and self._guard.succeeded(account, peer.ip):
            log(Event.NEW_NETWORK, account=account, ip=peer.ip, listener=peer.listener)
            self.tell_of_new_network(account, mechanism, peer)

    def _knows(self, account: str, ip: str) -> bool:
        return self._guard is None or self._guard.knows(account, ip)

    def _guess(self, name: str, claim: AnyClaim, now: float) -> bytes:
        """The same for the same, and tells nothing.  SCRAM proofs never are: all of a quarter of an hour are."""
        if isinstance(claim, Claim):
            said = claim.password.reveal()
        elif isinstance(claim, TokenClaim):
            said = claim.token.reveal()
        else:
            said = str(now // 900)
        octets = f"{name}\0{said}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(octets, key=self._key, digest_size=12).digest()

    async def scram_keys(self, name: str, algorithm: str = "sha256") -> ScramKeys:
        """See `accounts.api.Login`."""
        return self._proofs.scram_keys(name, algorithm)

    async def make_credential(self, password: Secret) -> Credential:
        """As `passwords.make_credential`, off the reactor's thread."""
        return await self._hashing(lambda: make_credential(password, self._scram))

    def expect_strong(self, password: Secret, words: Sequence[str]) -> None:
        """As `strength.expect_strong`, with what the configuration asks for."""
        expect_strong(password, words, self.least_strength)

    async def _wait_for_turn(self, name: str, claim: AnyClaim, peer: Peer, cid: str) -> None:
        banned = "" if self._guard is None else self._guard.refusal(peer.ip)
        if banned:
            self._log_failure(claim, peer, cid, banned)
            raise MailError(Condition.LOGIN_UNAVAILABLE, _BANNED)
        account = self._directory.account_named(name)
        known = account is not None and self._knows(account, peer.ip)
        wait = self._throttle.reserve(name, peer.ip, self._reactor.seconds())
        if wait is None or self._hashing.overrun(known=known):
            self._log_failure(claim, peer, cid, "too many tries before this one")
            raise MailError(Condition.LOGIN_UNAVAILABLE, _LATER)
        if wait:
            await deferLater(self._reactor, wait)

    def _log_failure(self, claim: AnyClaim, peer: Peer, cid: str, reason: str) -> None:
        name = "".join(c if c.isprintable() else "?" for c in claim.name[:200])
        log(Event.LOGIN_FAILED, cid=cid, listener=peer.listener, name=name, ip=peer.ip, reason=reason)
