"""Decides about claims, the same for every protocol.  Hashing runs in threads of its own."""

from collections.abc import Callable, Collection
from typing import TypeVar, cast

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mailstack.accounts.api import Claim, Principal, ScramClaim
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.names import canonical_address
from mailstack.accounts.passwords import (
    Credential,
    ScramKeys,
    VerifiedPasswords,
    is_as_made_now,
    make_credential,
    nobodys_keys,
    proves,
    verify,
    verify_nobody,
)
from mailstack.accounts.store import AccountStore
from mailstack.accounts.throttle import LoginThrottle
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log
from mailstack.base.secret import Secret

__all__ = ["PasswordLogin"]

T = TypeVar("T")

_THREADS = 2
_LONGEST_ROW = 200  # passwords waiting for a thread: about four seconds of work

_WRONG = "login failed: user name or password is wrong"
_LATER = "too many login attempts; try again in a minute"


class PasswordLogin:
    """Implements `accounts.api.Login`.

    `inline=True` hashes at once on the calling thread, and the reactor may be a mere clock (tests).
    Otherwise `start` must have been called, and `stop` ends the threads.  `scram` names the hash functions for which
    SCRAM keys are kept.
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
    ) -> None:
        self._store, self._directory, self._reactor, self._inline = store, directory, reactor, inline
        self._scram = scram
        self._throttle = LoginThrottle() if throttle is None else throttle
        self._verified = VerifiedPasswords(reactor.seconds)
        self._pool = ThreadPool(0, _THREADS, "passwords")
        self._row = 0

    def start(self) -> None:
        if not self._inline:
            self._pool.start()

    def stop(self) -> None:
        """Waits for the password that is being hashed."""
        if self._pool.started:
            self._pool.stop()

    async def verify(self, claim: Claim | ScramClaim, peer: Peer, cid: str = "-") -> Principal:
        """See `accounts.api.Login`.  May take seconds after failures."""
        name = canonical_address(claim.name.strip())
        await self._wait_for_turn(name, claim, peer, cid)
        account = self._directory.account_named(name)
        reason = await self._why_not(account, claim)
        if reason or account is None:
            self._throttle.failed(name, peer.ip, self._reactor.seconds())
            self._log_failure(claim, peer, cid, reason)
            raise MailError(Condition.LOGIN_FAILED, _WRONG, detail=reason)
        self._throttle.succeeded(name, peer.ip, self._reactor.seconds())
        log(Event.LOGIN, cid=cid, listener=peer.listener, account=account, ip=peer.ip, mechanism=claim.mechanism)
        return self._directory.principal(account)

    async def scram_keys(self, name: str, algorithm: str = "sha256") -> ScramKeys:
        """See `accounts.api.Login`."""
        name = canonical_address(name.strip())
        account = self._directory.account_named(name)
        credential = self._store.credential(name if account is None else account)
        nobodys = nobodys_keys(self._store.secret, name, algorithm)
        kept = None if account is None or credential is None else credential.keys(algorithm)
        return nobodys if kept is None else kept

    async def _wait_for_turn(self, name: str, claim: Claim | ScramClaim, peer: Peer, cid: str) -> None:
        wait = self._throttle.reserve(name, peer.ip, self._reactor.seconds())
        if wait is None or self._row >= _LONGEST_ROW:
            self._log_failure(claim, peer, cid, "too many tries before this one")
            raise MailError(Condition.LOGIN_UNAVAILABLE, _LATER)
        if wait:
            await deferLater(self._reactor, wait)

    async def _why_not(self, account: str | None, claim: Claim | ScramClaim) -> str:
        """What is wrong with the claim, for the log; "" when nothing is."""
        credential = None if account is None else self._store.credential(account)
        if isinstance(claim, ScramClaim):
            keys = await self.scram_keys(claim.name, claim.algorithm)
            right = proves(keys, claim.auth_message, claim.proof) and credential is not None
        else:
            right = await self._is_right(account, credential, claim.password)
        if not right:
            return "wrong password" if credential else "no such account"
        if claim.authzid and self._directory.account_named(claim.authzid) != account:
            return "asked to act for somebody else"
        return ""

    async def _is_right(self, account: str | None, credential: Credential | None, password: Secret) -> bool:
        if account is None or credential is None:
            return await self._hash(lambda: verify_nobody(password))
        hashed = credential.hashed
        if self._verified.knows(account, hashed, password):
            return True
        right = await self._hash(lambda: verify(hashed, password))
        if right:
            hashed = await self._keep_as_now(account, credential, password)
            self._verified.remember(account, hashed, password)
        return right

    async def _keep_as_now(self, account: str, credential: Credential, password: Secret) -> str:
        """Now that the password is at hand, keep it as a new one would be kept; its hash from now on."""
        if is_as_made_now(credential, self._scram):
            return credential.hashed
        made = await self.make_credential(password)
        self._store.upgrade_credential(account, credential.hashed, made)
        log(Event.PASSWORD_UPGRADED, account=account)
        return made.hashed

    async def make_credential(self, password: Secret) -> Credential:
        """As `passwords.make_credential`, off the reactor's thread."""
        return await self._hash(lambda: make_credential(password, self._scram))

    async def _hash(self, work: Callable[[], T]) -> T:
        if self._inline:
            return work()
        self._row += 1
        try:
            made: T = await deferToThreadPool(cast("IReactorFromThreads", self._reactor), self._pool, work)
        finally:
            self._row -= 1
        return made

    def _log_failure(self, claim: Claim | ScramClaim, peer: Peer, cid: str, reason: str) -> None:
        name = "".join(c if c.isprintable() else "?" for c in claim.name[:200])
        log(Event.LOGIN_FAILED, cid=cid, listener=peer.listener, name=name, ip=peer.ip, reason=reason)
