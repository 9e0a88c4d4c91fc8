"""OAUTHBEARER and XOAUTH2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.accounts.api import TokenClaim
from mailstack.base.secret import Secret
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.oauth import OAuthBearerExchange, XOAuth2Exchange


def test_rfc_example() -> None:
    """RFC 7628 §4.1"""
    message = (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )
    answer = OAuthBearerExchange("https://id.example.com/").step(message)
    assert answer == Done(
        TokenClaim("OAUTHBEARER", "user@example.com", Secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")),
        regret=b'{"status": "invalid_token", "openid-configuration": '
        b'"https://id.example.com/.well-known/openid-configuration"}',
    )
    assert "vF9d" not in repr(answer)


def test_xoauth2() -> None:
    """As Google and Microsoft describe it."""
    exchange = XOAuth2Exchange()
    assert exchange.step(None) == Challenge(b"")
    answer = exchange.step(b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckB\x01\x01")
    assert isinstance(answer, Done)
    assert answer.claim == TokenClaim("XOAUTH2", "someuser@example.com", Secret("ya29.vF9dft4qmTc2Nvb3RlckB"))
    assert answer.regret == b'{"status": "401", "schemes": "bearer", "scope": "mail"}'


def test_nobody_named() -> None:
    answer = OAuthBearerExchange().step(b"n,,\x01auth=bearer abc\x01\x01")
    assert isinstance(answer, Done)
    assert answer.claim == TokenClaim("OAUTHBEARER", "", Secret("abc"))
    assert answer.regret == b'{"status": "invalid_token"}'


def test_a_comma_in_the_name() -> None:
    answer = OAuthBearerExchange().step(b"n,a=a=2Cb=3Dc,\x01auth=Bearer abc\x01\x01")
    assert isinstance(answer, Done)
    assert answer.claim.name == "a,b=c"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "does not end in two ^A"),
        (b"\x01", "does not end in two ^A"),
        (b"n,,\x01auth=Bearer abc\x01", "does not end in two ^A"),
        (b"\x01\x01", "not a gs2-header"),
        (b"auth=Bearer abc\x01\x01", "not a gs2-header"),
        (b"n,,\x01\x01", "no bearer token"),
        (b"n,,\x01auth=Basic abc\x01\x01", "no bearer token"),
        (b"n,,\x01auth=Bearer \x01\x01", "no bearer token"),
        (b"n,,\x01auth=Bearer a b\x01\x01", "no bearer token"),
        (b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01", "no bearer token"),
        (b"p=tls-exporter,,\x01auth=Bearer abc\x01\x01", "channel binding, which the mechanism has not"),
        (b"n,a=\xff,\x01auth=Bearer abc\x01\x01", "authorization identity is not UTF-8"),
        (b"n,,\x01auth=Bearer " + b"a" * 9000 + b"\x01\x01", "message longer than 8192 octets"),
    ],
)
def test_refused(message: bytes, reason: str) -> None:
    assert OAuthBearerExchange().step(message) == Refused(reason)


def test_xoauth2_refused() -> None:
    assert XOAuth2Exchange().step(b"n,,\x01auth=Bearer abc\x01\x01") == Refused("no user=")
    assert XOAuth2Exchange().step(b"user=\x01auth=Bearer abc\x01\x01") == Refused("empty user name")


@given(st.binary(max_size=300))
def test_any_octets(message: bytes) -> None:
    for made in (OAuthBearerExchange, XOAuth2Exchange):
        assert isinstance(made().step(message), Done | Refused)
