"""Whose access token it is."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from mailstack.accounts.api import IssuerUnreachable
from mailstack.accounts.tokens import BadToken, TokenIssuer, TokenSettings
from mailstack.base.secret import Secret

ISSUER = "https://id.demo.test"
KEY = ECKey.generate_key("P-256", {"kid": "one"})
OTHER = ECKey.generate_key("P-256", {"kid": "two"})
CLAIMS = {"iss": ISSUER, "aud": ["mail"], "exp": 2000, "email": "alice@demo.test", "scope": "openid mail"}


class World:
    def __init__(self, **settings: Any) -> None:
        self.now = 1000.0
        self.asked: list[tuple[str, Any, str]] = []
        self.answers: dict[str, Any] = {
            f"{ISSUER}/.well-known/openid-configuration": {"jwks_uri": f"{ISSUER}/keys"},
            f"{ISSUER}/keys": KeySet([KEY]).as_dict(private=False),
        }
        self.issuer = TokenIssuer(
            TokenSettings(**({"issuer": ISSUER, "audience": "mail"} | settings)), self.fetch, lambda: self.now
        )

    async def fetch(self, url: str, form: Mapping[str, str] | None = None, authorization: str = "") -> bytes:
        self.asked.append((url, form, authorization))
        answer = self.answers.get(url)
        if answer is None:
            raise IssuerUnreachable(f"{url}: status 404")
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def whose(self, token: str) -> str:
        return asyncio.run(self.issuer.address(Secret(token)))


def token(key: Any = KEY, algorithm: str = "ES256", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    kid = key.kid
    return jwt.encode({"alg": algorithm, **({"kid": kid} if kid else {})}, claims, key, algorithms=[algorithm])


def test_signed() -> None:
    world = World()
    assert [world.whose(token()) for _ in range(3)] == ["alice@demo.test"] * 3
    assert [url for url, _, _ in world.asked] == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"]


def test_keys_by_their_own_address() -> None:
    world = World(jwks=f"{ISSUER}/keys")
    key = RSAKey.generate_key(2048, {"kid": "rsa"})
    world.answers[f"{ISSUER}/keys"] = KeySet([key]).as_dict(private=False)
    assert world.whose(token(key, "RS256")) == "alice@demo.test"
    assert world.whose(token(key, "PS256")) == "alice@demo.test"
    assert [url for url, _, _ in world.asked] == [f"{ISSUER}/keys"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"aud": "calendar"},
        {"aud": None},
        {"exp": 939},
        {"exp": None},
        {"nbf": 1061},
        {"email": None},
        {"email": ["alice@demo.test"]},
        {"email": ""},
    ],
)
def test_not_for_us(changes: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        World().whose(token(**changes))


def test_an_address_that_nobody_has_verified_is_nobodys() -> None:
    with pytest.raises(BadToken, match="verified"):
        World().whose(token(email_verified=False))
    assert World().whose(token(email_verified=True)) == "alice@demo.test"


def test_clocks_may_differ() -> None:
    assert World().whose(token(exp=941, nbf=1059)) == "alice@demo.test"


def test_forged() -> None:
    world = World()
    head, body, signature = token().split(".")
    forged = ECKey.generate_key("P-256", {"kid": "one"})
    secret = OctKey.import_key("what anybody could have chosen for it", {"kid": "one"})
    for bad in (
        token(forged),
        token(secret, "HS256"),
        f"{head}.{body}.",
        f"{head}.{body[:-2]}AA.{signature}",
        "eyJhbGciOiJub25lIn0." + body + ".",
        "garbage",
        "",
    ):
        with pytest.raises(BadToken):
            world.whose(bad)


def test_new_keys_are_fetched_when_one_is_named() -> None:
    """But not more often than once a minute, whatever is named."""
    world = World()
    world.whose(token())
    world.answers[f"{ISSUER}/keys"] = KeySet([OTHER]).as_dict(private=False)
    asked = len(world.asked)
    with pytest.raises(BadToken):
        world.whose(token(OTHER))
    assert len(world.asked) == asked
    world.now += 61
    assert world.whose(token(OTHER)) == "alice@demo.test"


def test_old_keys_go_on_while_the_issuer_is_down() -> None:
    world = World()
    world.whose(token(exp=10_000))
    world.answers.clear()
    world.now += 3601
    assert world.whose(token(exp=10_000)) == "alice@demo.test"


def test_nobody_there_is_no_wrong_token() -> None:
    world = World()
    world.answers.clear()
    for _ in range(3):
        with pytest.raises(IssuerUnreachable):
            world.whose(token())
    assert len(world.asked) == 1


@pytest.mark.parametrize("answer", [b"<html>", b"[]", {"keys": "?"}])
def test_no_keys(answer: Any) -> None:
    world = World()
    world.answers[f"{ISSUER}/keys"] = answer
    with pytest.raises(IssuerUnreachable):
        world.whose(token())


@pytest.mark.parametrize(
    ("scopes", "good"),
    [({}, True), ({"scope": "openid"}, False), ({"scope": None}, False), ({"scope": None, "scp": ["mail"]}, True)],
)
def test_scope(scopes: dict[str, Any], good: bool) -> None:
    world = World(scope="mail")
    if good:
        assert world.whose(token(**scopes)) == "alice@demo.test"
    else:
        with pytest.raises(BadToken, match="no scope mail"):
            world.whose(token(**scopes))


# --- introspection ---------------------------------------------------------------------------------------------

ASK = f"{ISSUER}/introspect"


def introspecting(answer: Any, **settings: Any) -> World:
    world = World(introspection=ASK, client_id="mail server", client_secret=Secret("hush:"), **settings)
    world.answers = {ASK: answer}
    return world


def test_introspected() -> None:
    world = introspecting({"active": True, "username": "alice@demo.test"}, claim="username")
    assert world.whose("opaque") == "alice@demo.test"
    [(url, form, authorization)] = world.asked
    assert (url, form["token"]) == (ASK, "opaque")
    assert authorization == "Basic bWFpbCUyMHNlcnZlcjpodXNoJTNB"  # mail%20server:hush%3A


@pytest.mark.parametrize(
    "answer",
    [
        {"active": False, "email": "alice@demo.test"},
        {"active": "true", "email": "alice@demo.test"},
        {"email": "alice@demo.test"},
        {"active": True},
        {"active": True, "email": "alice@demo.test", "exp": 900},
        {"active": True, "email": "alice@demo.test", "aud": "calendar"},
    ],
)
def test_not_active(answer: Any) -> None:
    with pytest.raises(BadToken):
        introspecting(answer).whose("opaque")


def test_no_introspection() -> None:
    with pytest.raises(IssuerUnreachable):
        introspecting(None).whose("opaque")
    with pytest.raises(IssuerUnreachable):
        introspecting(b"?").whose("opaque")
