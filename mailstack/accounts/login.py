"""Decides about claims, the same for every protocol."""

from collections.abc import Collection

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from mailstack.accounts.api import AnyClaim, Principal
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.hashing import Hashing
from mailstack.accounts.names import canonical_address
from mailstack.accounts.passwords import Credential, ScramKeys, VerifiedPasswords, make_credential
from mailstack.accounts.proofs import Proofs, Proven
from mailstack.accounts.store import AccountStore
from mailstack.accounts.throttle import LoginThrottle
from mailstack.accounts.tokens import TokenIssuer
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log
from mailstack.base.secret import Secret

__all__ = ["PasswordLogin"]

_WRONG = "login failed: user name or password is wrong"
_LATER = "too many login attempts; try again in a minute"


class PasswordLogin:
    """Implements `accounts.api.Login`.

    `inline`: see `Hashing`.  `scram` names the hash functions for which SCRAM keys are kept; `issuer` knows tokens.
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
    ) -> None:
        self._directory, self._reactor, self._scram = directory, reactor, scram
        self._throttle = LoginThrottle() if throttle is None else throttle
        self._hashing = Hashing(reactor, inline=inline)
        verified = VerifiedPasswords(reactor.seconds)
        self._proofs = Proofs(store, directory, self._hashing, verified, scram=scram, issuer=issuer)

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
            self._throttle.failed(name, peer.ip, self._reactor.seconds())
            self._log_failure(claim, peer, cid, proof.reason)
            raise MailError(Condition.LOGIN_FAILED, _WRONG, detail=proof.reason)
        self._throttle.succeeded(name, peer.ip, self._reactor.seconds())
        log(Event.LOGIN, cid=cid, listener=peer.listener, account=proof.account, ip=peer.ip, mechanism=claim.mechanism)
        return self._directory.principal(proof.account)

    async def scram_keys(self, name: str, algorithm: str = "sha256") -> ScramKeys:
        """See `accounts.api.Login`."""
        return self._proofs.scram_keys(name, algorithm)

    async def make_credential(self, password: Secret) -> Credential:
        """As `passwords.make_credential`, off the reactor's thread."""
        return await self._hashing(lambda: make_credential(password, self._scram))

    async def _wait_for_turn(self, name: str, claim: AnyClaim, peer: Peer, cid: str) -> None:
        wait = self._throttle.reserve(name, peer.ip, self._reactor.seconds())
        if wait is None or self._hashing.overrun:
            self._log_failure(claim, peer, cid, "too many tries before this one")
            raise MailError(Condition.LOGIN_UNAVAILABLE, _LATER)
        if wait:
            await deferLater(self._reactor, wait)

    def _log_failure(self, claim: AnyClaim, peer: Peer, cid: str, reason: str) -> None:
        name = "".join(c if c.isprintable() else "?" for c in claim.name[:200])
        log(Event.LOGIN_FAILED, cid=cid, listener=peer.listener, name=name, ip=peer.ip, reason=reason)
