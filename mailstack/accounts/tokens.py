"""Whose access token it is: asked of its issuer (RFC 7662), or read from its signature (RFC 7519, RFC 7517)."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mailstack.accounts.api import Fetch, IssuerUnreachable
from mailstack.base.secret import Secret

__all__ = ["BadToken", "TokenIssuer", "TokenSettings"]

# never "none", never an HMAC: its key would be the public one
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_KEYS_FOR = 3600.0  # seconds that keys are good before they are fetched anew
_KEYS_AGAIN = 60.0  # not more often than this, whatever keys the tokens name
_LEEWAY = 60  # seconds that two clocks may differ


class BadToken(Exception):
    """It is nobody's, or not for us.  `str()` is for the log."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What `[oauth]` says.  With `introspection` the issuer is asked for every token; else signatures count."""

    issuer: str = ""
    jwks: str = ""  # "": the issuer's own description says where
    introspection: str = ""
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    audience: str = ""
    scope: str = ""
    claim: str = "email"


class TokenIssuer:
    """`now` tells UNIX seconds."""

    def __init__(self, settings: TokenSettings, fetch: Fetch, now: Callable[[], float]) -> None:
        self._settings, self._fetch, self._now = settings, fetch, now
        self._keys: Any = None
        self._fetched = float("-inf")

    async def address(self, token: Secret) -> str:
        """Whose it is, as the claim says.  BadToken; IssuerUnreachable when that cannot be told now."""
        asked = self._introspected if self._settings.introspection else self._signed
        claims = await asked(token)
        self._expect_scope(claims)
        address = claims.get(self._settings.claim)
        if not isinstance(address, str) or not address:
            raise BadToken(f"the token has no {self._settings.claim}")
        if self._settings.claim == "email" and claims.get("email_verified") is False:
            raise BadToken("the issuer has not verified the email address")  # anybody may have typed it there
        return address

    def _expect_scope(self, claims: Mapping[str, Any]) -> None:
        """`scope` is a text of RFC 8693 §4.2; Microsoft writes `scp`, others a list."""
        wanted = self._settings.scope
        given = claims.get("scope", claims.get("scp", ""))
        has = given.split() if isinstance(given, str) else given
        if wanted and (not isinstance(has, list) or wanted not in has):
            raise BadToken(f"the token has no scope {wanted}")

    # --- introspection: RFC 7662 ------------------------------------------------------------------------------

    async def _introspected(self, token: Secret) -> Mapping[str, Any]:
        settings = self._settings
        form = {"token": token.reveal(), "token_type_hint": "access_token"}
        named = f"{quote(settings.client_id)}:{quote(settings.client_secret.reveal())}".encode()  # RFC 6749 §2.3.1
        authorization = f"Basic {base64.b64encode(named).decode()}" if settings.client_id else ""
        claims = _object(await self._fetch(settings.introspection, form, authorization), settings.introspection)
        if claims.get("active") is not True:
            raise BadToken("the issuer says that the token is not active")
        self._expect_time(claims)
        self._expect_audience(claims)
        return claims

    def _expect_time(self, claims: Mapping[str, Any]) -> None:
        ends = claims.get("exp")
        if isinstance(ends, int | float) and ends + _LEEWAY < self._now():
            raise BadToken("the token has expired")

    def _expect_audience(self, claims: Mapping[str, Any]) -> None:
        """Where the issuer says nothing of it, the token was made for whoever may ask."""
        audience = claims.get("aud")
        given = [audience] if isinstance(audience, str) else audience
        if self._settings.audience and given is not None and self._settings.audience not in given:
            raise BadToken("the token is for another audience")

    # --- signatures --------------------------------------------------------------------------------------------

    async def _signed(self, token: Secret) -> Mapping[str, Any]:
        from joserfc.errors import JoseError
        from joserfc.jwt import JWTClaimsRegistry

        try:
            claims = (await self._decoded(token)).claims
            JWTClaimsRegistry(
                now=lambda: int(self._now()),
                leeway=_LEEWAY,
                iss={"essential": True, "value": self._settings.issuer},
                aud={"essential": True, "value": self._settings.audience},
                exp={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError) as fault:
            raise BadToken(f"the token is no good: {fault}") from None  # what it holds stays out of tracebacks
        return dict(claims)

    async def _decoded(self, token: Secret) -> Any:
        from joserfc.errors import InvalidKeyIdError
        from joserfc.jwt import decode

        keys = await self._known_keys()
        try:
            return decode(token.reveal(), keys, algorithms=_ALGORITHMS)
        except (InvalidKeyIdError, ValueError):
            if self._now() - self._fetched < _KEYS_AGAIN:
                raise
            return decode(token.reveal(), await self._fetch_keys(), algorithms=_ALGORITHMS)

    async def _known_keys(self) -> Any:
        """Old ones go on while the issuer does not answer."""
        if self._now() - self._fetched < (_KEYS_FOR if self._keys is not None else _KEYS_AGAIN):
            if self._keys is None:
                raise IssuerUnreachable("it did not answer a moment ago")
            return self._keys
        try:
            return await self._fetch_keys()
        except IssuerUnreachable:
            if self._keys is None:
                raise
            return self._keys

    async def _fetch_keys(self) -> Any:
        from joserfc.jwk import KeySet

        self._fetched = self._now()
        url = self._settings.jwks or await self._described()
        found: Any = _object(await self._fetch(url), url)
        try:
            self._keys = KeySet.import_key_set(found)
        except Exception as fault:
            raise IssuerUnreachable(f"{url}: no set of keys: {fault}") from fault
        return self._keys

    async def _described(self) -> str:
        """RFC 8414 §3, OpenID Connect Discovery §4"""
        url = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = _object(await self._fetch(url), url).get("jwks_uri")
        if not isinstance(found, str):
            raise IssuerUnreachable(f"{url}: no jwks_uri")
        return found


def _object(octets: bytes, url: str) -> dict[str, Any]:
    try:
        found = json.loads(octets)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise IssuerUnreachable(f"{url}: not a JSON object")
    return found
