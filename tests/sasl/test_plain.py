"""PLAIN, RFC 4616."""

import pytest

from mailstack.accounts.api import Claim
from mailstack.base.secret import Secret
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.plain import PlainExchange


def claim(name: str, password: str, authzid: str = "") -> Done:
    return Done(Claim("PLAIN", name, Secret(password), authzid))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"\0tim\0tanstaaftanstaaf", claim("tim", "tanstaaftanstaaf")),  # RFC 4616 §4, first example
        (b"Ursel\0Kurt\0xipj3plmq", claim("Kurt", "xipj3plmq", "Ursel")),  # the second
        (b"bob@demo.test\0bob@demo.test\0x", claim("bob@demo.test", "x")),
        ("\0jürgen\0paß wort".encode(), claim("jürgen", "paß wort")),
        (b"\0" + b"n" * 1020 + b"\0" + b"p" * 4096, claim("n" * 1020, "p" * 4096)),
    ],
)
def test_claims(message: bytes, expected: Done) -> None:
    assert PlainExchange().step(message) == expected


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "not three fields parted by NUL"),
        (b"tim", "not three fields parted by NUL"),
        (b"\0tim\0pass\0", "not three fields parted by NUL"),
        (b"\0\0pass", "empty user name"),
        (b"\0tim\0", "empty password"),
        (b"\0t\xffm\0pass", "user name is not UTF-8"),
        (b"\0tim\0p\xc0\xafss", "password is not UTF-8"),
        (b"\xed\xa0\x80\0tim\0pass", "authorization identity is not UTF-8"),
        (b"\0" + b"n" * 1021 + b"\0pass", "user name longer than 1020 octets"),
        (b"\0tim\0" + b"p" * 4097, "password longer than 4096 octets"),
    ],
)
def test_refused(message: bytes, reason: str) -> None:
    assert PlainExchange().step(message) == Refused(reason)


def test_asks_when_there_is_no_initial_response() -> None:
    exchange = PlainExchange()
    assert exchange.step(None) == Challenge(b"")
    assert exchange.step(b"\0tim\0x") == claim("tim", "x")
