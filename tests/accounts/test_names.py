"""Addresses in their one form."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.accounts.names import (
    address_of_account,
    canonical_address,
    canonical_domain,
    parse_address,
    parse_domain,
)
from mailstack.base.errors import MailError


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Alice@Demo.Test", "alice@demo.test"),
        ("alice@demo.test.", "alice@demo.test"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("A\u0308nne@demo.test", "änne@demo.test"),
        ("Postmaster", "postmaster"),
        ('"a@b"@demo.test', '"a@b"@demo.test'),
        ("a@\u2024", "a@\u2024"),
    ],
)
def test_canonical(written: str, canonical: str) -> None:
    assert canonical_address(written) == canonical
    assert canonical_address(canonical) == canonical


@pytest.mark.parametrize(
    "written",
    ["", "alice", "@demo.test", "alice@", "a b@demo.test", "a..b@x.test", ".a@x.test", "a@x", "a@-x.test", "a/b@x.test",
     "a\0b@x.test", "x" * 65 + "@x.test", '"q"@x.test', "a@x..test", "a\u202eb@x.test", "a@" + "x." * 127 + "test"],
)  # fmt: skip
def test_no_addresses(written: str) -> None:
    with pytest.raises(MailError, match="is not a"):
        parse_address(written)


def test_typed() -> None:
    assert parse_address(" O'Neil.x+y@Demo.test ") == "o'neil.x+y@demo.test"
    assert parse_domain("Demo.Test.") == "demo.test"


def test_an_account_fits_a_file_name() -> None:
    with pytest.raises(MailError, match="too long"):
        address_of_account("a" * 60 + "@" + "long." * 40 + "test")


@given(st.text())
def test_never_raises_otherwise(text: str) -> None:
    canonical_domain(text)
    canonical = canonical_address(text)
    assert canonical_address(canonical) == canonical
    with suppress(MailError):
        parse_address(text)
