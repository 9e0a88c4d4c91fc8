"""OAUTHBEARER and XOAUTH2: an access token in place of a password.  RFC 7628

Both are one message of the client, and on failure a JSON text for it, which it answers with a
word of no meaning before it hears the failure itself.
"""

import json
import re

from mailstack.accounts.api import TokenClaim
from mailstack.base.errors import ParseFault
from mailstack.base.secret import Secret
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.fields import NAME_LIMIT, text_field

__all__ = ["OAuthBearerExchange", "XOAuth2Exchange"]

_TOKEN_LIMIT = 8192  # octets; Microsoft's have about 2,000
_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 §2.1
_HEADER = re.compile(rb"[nyp](?:=[A-Za-z0-9.-]+)?,(?:a=([^,]+))?,")


class OAuthBearerExchange:
    """`n,a=user@example.org,^Ahost=…^Aport=…^Aauth=Bearer TOKEN^A^A`     RFC 7628 §3.1

    `issuer` is told to a client whose token was no good, so that it can find where to get another
    (RFC 7628 §3.2.2); "" when there is none to tell.
    """

    name = "OAUTHBEARER"

    def __init__(self, issuer: str = "") -> None:
        self._issuer = issuer

    def step(self, response: bytes | None) -> Challenge | Done | Refused:
        if response is None:
            return Challenge(b"")
        try:
            name, token = self._read(response)
        except ParseFault as fault:
            return Refused(str(fault))
        return Done(TokenClaim(self.name, name, Secret(token)), regret=json.dumps(self._regret()).encode())

    def _read(self, message: bytes) -> tuple[str, str]:
        header, *pairs = _parts(message)
        found = _HEADER.fullmatch(header)
        if found is None:
            raise ParseFault("not a gs2-header")
        if header.startswith(b"p"):
            raise ParseFault("channel binding, which the mechanism has not")
        authzid = found[1]
        name = "" if authzid is None else text_field(authzid, "authorization identity", NAME_LIMIT)
        return name.replace("=2C", ",").replace("=3D", "="), _bearer(pairs)

    def _regret(self) -> dict[str, str]:
        told = {"status": "invalid_token"}
        if self._issuer:
            told["openid-configuration"] = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        return told


class XOAuth2Exchange(OAuthBearerExchange):
    """`user=user@example.org^Aauth=Bearer TOKEN^A^A`: Google's and Microsoft's own, before the RFC."""

    name = "XOAUTH2"

    def _read(self, message: bytes) -> tuple[str, str]:
        user, *pairs = _parts(message)
        if not user.startswith(b"user="):
            raise ParseFault("no user=")
        return text_field(user[5:], "user name", NAME_LIMIT), _bearer(pairs)

    def _regret(self) -> dict[str, str]:
        return {"status": "401", "schemes": "bearer", "scope": "mail"}


def _parts(message: bytes) -> list[bytes]:
    """What stands between the ^A; the message ends in two."""
    if len(message) > _TOKEN_LIMIT:
        raise ParseFault(f"message longer than {_TOKEN_LIMIT} octets")
    if not message.endswith(b"\x01\x01"):
        raise ParseFault("does not end in two ^A")
    return message[:-2].split(b"\x01")


def _bearer(pairs: list[bytes]) -> str:
    """The token of the one `auth=` among `key=value`."""
    found = [_BEARER.fullmatch(pair[5:]) for pair in pairs if pair.startswith(b"auth=")]
    if len(found) != 1 or found[0] is None:
        raise ParseFault("no bearer token")
    return found[0][1].decode("ascii")
