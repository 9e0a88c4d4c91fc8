"""LOGIN, draft-murchison-sasl-login-00, as Outlook speaks it."""

import pytest

from mailstack.accounts.api import Claim
from mailstack.base.secret import Secret
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.login import LoginExchange

DONE = Done(Claim("LOGIN", "tim@demo.test", Secret("geheim")))


@pytest.mark.parametrize("first", [None, b""])
def test_without_initial_response(first: bytes | None) -> None:
    exchange = LoginExchange()
    assert exchange.step(first) == Challenge(b"Username:")
    assert exchange.step(b"tim@demo.test") == Challenge(b"Password:")
    assert exchange.step(b"geheim") == DONE


def test_with_initial_response() -> None:
    exchange = LoginExchange()
    assert exchange.step(b"tim@demo.test") == Challenge(b"Password:")
    assert exchange.step(b"geheim") == DONE


@pytest.mark.parametrize(
    ("responses", "reason"),
    [
        ([None, b""], "empty user name"),
        ([None, b"a\0b"], "NUL in the user name"),
        ([b"\xff"], "user name is not UTF-8"),
        ([b"tim", b""], "empty password"),
        ([b"tim", b"p\0"], "NUL in the password"),
    ],
)
def test_refused(responses: list[bytes | None], reason: str) -> None:
    exchange = LoginExchange()
    *before, last = responses
    for response in before:
        assert isinstance(exchange.step(response), Challenge)
    assert exchange.step(last) == Refused(reason)
