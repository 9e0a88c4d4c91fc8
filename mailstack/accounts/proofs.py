"""Whether a claim is true: one way for each kind of claim."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from mailstack.accounts.api import (
    AnyClaim,
    CertificateClaim,
    Claim,
    IssuerUnreachable,
    ScramClaim,
    ScramKeys,
    TokenClaim,
)
from mailstack.accounts.apppasswords import AppPassword
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.hashing import Hashing
from mailstack.accounts.names import canonical_address
from mailstack.accounts.passwords import (
    Credential,
    VerifiedPasswords,
    is_as_made_now,
    make_credential,
    nobodys_keys,
    proves,
    verify,
    verify_nobody,
)
from mailstack.accounts.store import AccountStore
from mailstack.accounts.tokens import BadToken, TokenIssuer
from mailstack.base.engine import Peer
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log
from mailstack.base.secret import Secret

__all__ = ["Proofs", "Proven", "Unproven"]

_SCOPES = {"submission": "smtp"}  # what people call a listener's protocol


@dataclass(frozen=True, slots=True)
class Proven:
    """`epoch` is the account's from before the proof: see `Rights`."""

    account: str
    epoch: int
    app_password: str = ""


@dataclass(frozen=True, slots=True)
class Unproven:
    """`reason` is for the log."""

    reason: str


class Proofs:
    """`scram` names the hash functions for which SCRAM keys are kept.  Without an `issuer` every token is no good.

    `knows` tells whether an account has logged in from an address before.
    """

    def __init__(
        self,
        store: AccountStore,
        directory: AccountDirectory,
        hashing: Hashing,
        verified: VerifiedPasswords,
        *,
        scram: Collection[str],
        knows: Callable[[str, str], bool],
        issuer: TokenIssuer | None,
        now: Callable[[], float],
    ) -> None:
        self._store, self._directory, self._hashing = store, directory, hashing
        self._verified, self._scram, self._issuer, self._knows = verified, scram, issuer, knows
        self._now = now

    async def of(self, claim: AnyClaim, peer: Peer) -> Proven | Unproven:
        """MailError(LOGIN_UNAVAILABLE) when it cannot be told now."""
        found = await _WAYS[type(claim)](self, claim, peer)
        if isinstance(found, Unproven) or not claim.authzid:
            return found
        acts_for = self._directory.account_named(claim.authzid)
        return found if acts_for == found.account else Unproven("asked to act for somebody else")

    def _proven(self, account: str) -> Proven:
        rights = self._directory.rights(account)
        return Proven(account, 0 if rights is None else rights.epoch)

    # --- passwords ---------------------------------------------------------------------------------------------

    async def _by_password(self, claim: Claim, peer: Peer) -> Proven | Unproven:
        account = self._directory.account_named(claim.name)
        credential = None if account is None else self._store.credential(account)
        if account is None or credential is None:
            await self._hashing(lambda: verify_nobody(claim.password), known=False)
            return Unproven("no such account")
        proven = self._proven(account)
        app = self._store.app_passwords.find(account, claim.password)
        if app is not None:
            return self._by_app_password(proven, app, peer)
        right = await self._is_right(account, credential, claim.password, known=self._knows(account, peer.ip))
        return proven if right else Unproven("wrong password")

    def _by_app_password(self, proven: Proven, app: AppPassword, peer: Peer) -> Proven | Unproven:
        """Who has it may hear the truth: it is no guess."""
        now = self._now()
        reason = app.why_not(_SCOPES.get(peer.protocol, peer.protocol), peer.ip, now)
        if reason:
            return Unproven(reason)
        self._store.app_passwords.note_use(app, ip=peer.ip, protocol=peer.protocol, now=int(now))
        return replace(proven, app_password=app.name)

    async def _is_right(self, account: str, credential: Credential, password: Secret, *, known: bool) -> bool:
        hashed = credential.hashed
        if self._verified.knows(account, hashed, password):
            return True
        right = await self._hashing(lambda: verify(hashed, password), known=known)
        if right:
            hashed = await self._keep_as_now(account, credential, password)
            self._verified.remember(account, hashed, password)
        return right

    async def _keep_as_now(self, account: str, credential: Credential, password: Secret) -> str:
        """Now that the password is at hand, keep it as a new one would be kept; its hash from now on."""
        if is_as_made_now(credential, self._scram):
            return credential.hashed
        made = await self._hashing(lambda: make_credential(password, self._scram))
        self._store.upgrade_credential(account, credential.hashed, made)
        log(Event.PASSWORD_UPGRADED, account=account)
        return made.hashed

    # --- SCRAM -------------------------------------------------------------------------------------------------

    async def _by_scram(self, claim: ScramClaim, _peer: Peer) -> Proven | Unproven:
        account = self._directory.account_named(claim.name)
        keys = self.scram_keys(claim.name, claim.algorithm)
        if proves(keys, claim.auth_message, claim.proof) and account is not None:
            return self._proven(account)
        return Unproven("no such account" if account is None else "wrong password")

    def scram_keys(self, name: str, algorithm: str) -> ScramKeys:
        """Those of an account, or for ever the same that nobody has."""
        name = canonical_address(name.strip())
        account = self._directory.account_named(name)
        credential = self._store.credential(name if account is None else account)
        nobodys = nobodys_keys(self._store.secret, name, algorithm)
        kept = None if account is None or credential is None else credential.keys(algorithm)
        return nobodys if kept is None else kept

    # --- tokens, certificates -----------------------------------------------------------------------------------

    async def _by_token(self, claim: TokenClaim, _peer: Peer) -> Proven | Unproven:
        if self._issuer is None:
            return Unproven("no issuer of tokens is known")
        try:
            address = await self._issuer.address(claim.token)
        except BadToken as bad:
            return Unproven(str(bad))
        except IssuerUnreachable as failure:
            raise MailError(
                Condition.LOGIN_UNAVAILABLE, "the token cannot be checked now; try again later", detail=str(failure)
            ) from failure
        account = self._directory.account_named(address)
        if account is None:
            return Unproven("no such account")
        if claim.name and self._directory.account_named(claim.name) != account:
            return Unproven("the token is somebody else's")
        return self._proven(account)

    async def _by_certificate(self, claim: CertificateClaim, peer: Peer) -> Proven | Unproven:
        accounts = [account for name in peer.addresses if (account := self._directory.account_named(name))]
        wanted = self._directory.account_named(claim.name) if claim.name else next(iter(accounts), None)
        if wanted is None or wanted not in accounts:
            return Unproven("the certificate is somebody else's" if accounts else "the certificate is nobody's here")
        return self._proven(wanted)


_WAYS: dict[type, Callable[[Proofs, Any, Peer], Awaitable[Proven | Unproven]]] = {
    Claim: Proofs._by_password,  # noqa: SLF001  the class's own table
    ScramClaim: Proofs._by_scram,  # noqa: SLF001
    TokenClaim: Proofs._by_token,  # noqa: SLF001
    CertificateClaim: Proofs._by_certificate,  # noqa: SLF001
}
