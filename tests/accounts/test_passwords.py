"""Passwords at rest."""

import base64
import hashlib
import hmac

import pytest

from mailstack.accounts.passwords import (
    VerifiedPasswords,
    _scram_keys,
    make_credential,
    prepare,
    verify,
    verify_nobody,
)
from mailstack.base.errors import MailError
from mailstack.base.secret import Secret
from tests.accounts.people import PASSWORD, credential


def test_right_and_wrong() -> None:
    kept = credential()
    assert kept.hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify(kept.hashed, PASSWORD)
    assert not verify(kept.hashed, Secret("correct  horse"))
    assert not verify("garbage", PASSWORD)
    assert not verify(kept.hashed, Secret("x" * 100_000))
    assert not verify_nobody(PASSWORD)


def test_nothing_shows_it() -> None:
    assert PASSWORD.reveal() not in repr(credential())
    assert "argon2id" not in repr(credential())


def test_scram_example() -> None:
    """RFC 7677 §3: user, pencil."""
    keys = _scram_keys(b"pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    exchange = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    signature = hmac.digest(keys.stored_key, exchange, "sha256")
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == keys.stored_key
    answer = hmac.digest(keys.server_key, exchange, "sha256")
    assert base64.b64encode(answer) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("I\u00adX", "IX"),  # RFC 4013 §3, examples 1 to 5
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("u\u0308", "\u00fc"),
        ("\u0007", "\u0007"),  # forbidden, taken as it is
        ("\u00ad", "\u00ad"),  # nothing would be left
    ],
)
def test_prepare(typed: str, prepared: str) -> None:
    assert prepare(typed) == prepared.encode()


@pytest.mark.parametrize("password", ["", "a\nb", "a\0", "x" * 1025])
def test_unusable(password: str) -> None:
    with pytest.raises(MailError, match="cannot be used; allowed: 1 to 1024"):
        make_credential(Secret(password))


def test_verified_passwords_are_forgotten() -> None:
    now = [0.0]
    known = VerifiedPasswords(lambda: now[0], keep_for=60.0, limit=2)
    known.remember("a", "hash", PASSWORD)
    assert known.knows("a", "hash", PASSWORD)
    assert not known.knows("a", "other hash", PASSWORD)
    assert not known.knows("b", "hash", PASSWORD)
    assert not known.knows("a", "hash", Secret("wrong"))
    now[0] = 60.0
    assert not known.knows("a", "hash", PASSWORD)
    for account in "abc":
        known.remember(account, "hash", PASSWORD)
    assert not known.knows("a", "hash", PASSWORD)
    assert known.knows("c", "hash", PASSWORD)
