"""Access tokens for a smarthost."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from mailstack.accounts.api import IssuerUnreachable
from mailstack.base.secret import Secret
from mailstack.relay.settings import Smarthost
from mailstack.relay.tokens import ClientCredentials
from mailstack.smtp.conversation import LogIn

URL = "https://id.test/token"


class Issuer:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any]] = []
        self.now = 1000.0
        self.credentials = ClientCredentials(URL, "me", Secret("hush"), "mail", self.fetch, lambda: self.now)

    async def fetch(self, url: str, form: Mapping[str, str] | None = None, authorization: str = "") -> bytes:
        self.asked.append((url, form))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def token(self) -> str:
        return asyncio.run(self.credentials.token()).reveal()


def test_kept_until_shortly_before_its_end() -> None:
    issuer = Issuer({"access_token": "one", "expires_in": 3600}, {"access_token": "two", "expires_in": "3600"})
    assert [issuer.token(), issuer.token()] == ["one", "one"]
    assert issuer.asked == [
        (
            URL,
            {"grant_type": "client_credentials", "client_id": "me", "client_secret": "hush", "scope": "mail"},
        )
    ]
    issuer.now += 3479
    assert issuer.token() == "one"
    issuer.now += 1
    assert issuer.token() == "two"
    assert "hush" not in repr(issuer.credentials)
    assert "two" not in repr(issuer.credentials)


@pytest.mark.parametrize("answer", [b"<html>", [], {}, {"access_token": ""}, {"access_token": 1}, {"error": "no"}])
def test_no_token(answer: Any) -> None:
    with pytest.raises(IssuerUnreachable, match="no access token"):
        Issuer(answer).token()


def test_login_of_a_smarthost() -> None:
    issuer = Issuer({"access_token": "one"})
    plain = Smarthost("s.test", user="u", password=Secret("p"))
    assert asyncio.run(Smarthost("s.test").login()) is None
    assert asyncio.run(plain.login()) == LogIn("u", Secret("p"))
    with_token = Smarthost("s.test", user="u", tokens=issuer.credentials)
    assert asyncio.run(with_token.login()) == LogIn("u", Secret("one"), token=True)
