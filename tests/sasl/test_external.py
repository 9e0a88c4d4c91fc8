"""EXTERNAL."""

from mailstack.accounts.api import CertificateClaim
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.external import ExternalExchange


def test_who_the_certificate_says() -> None:
    exchange = ExternalExchange()
    assert exchange.step(None) == Challenge(b"")
    assert exchange.step(b"") == Done(CertificateClaim("EXTERNAL", ""))


def test_somebody_in_particular() -> None:
    assert ExternalExchange().step(b"alice@demo.test") == Done(CertificateClaim("EXTERNAL", "alice@demo.test"))


def test_refused() -> None:
    assert ExternalExchange().step(b"a\0b") == Refused("NUL in the authorization identity")
    assert ExternalExchange().step(b"\xff") == Refused("authorization identity is not UTF-8")
