import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailstack.dns.api import TlsaRecord
from mailstack.relay.dane import Mismatch, check, usable
from mailstack.tls.authority import make_certificate


def chain_of(made):
    return [x509.load_pem_x509_certificate(Path(path).read_bytes()) for path in (made.certificate, made.authority)]


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return chain_of(make_certificate(tmp_path_factory.mktemp("dane"), ["mx1.t.test"]))


@pytest.fixture(scope="module")
def expired(tmp_path_factory):
    long_ago = datetime.now(UTC) - timedelta(days=400)
    return chain_of(make_certificate(tmp_path_factory.mktemp("old"), ["mx1.t.test"], now=long_ago))


def record(usage, selector, matching, certificate):
    if selector == 0:
        octets = certificate.public_bytes(Encoding.DER)
    else:
        octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = {0: octets, 1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}[matching]
    return TlsaRecord(usage, selector, matching, data)


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_kind_of_record_fits(chain, usage, selector, matching):
    good = record(usage, selector, matching, chain[1] if usage == 2 else chain[0])
    assert usable([good]) == (good,)
    check([good], chain, ["mx1.t.test"])


def test_one_that_fits_is_enough(chain):
    wrong = TlsaRecord(3, 1, 1, b"\0" * 32)
    check([wrong, record(2, 0, 1, chain[1])], chain, ["mx1.t.test", "t.test"])


def test_for_an_end_entity_neither_name_nor_dates_count(chain, expired):
    check([record(3, 1, 1, chain[0])], chain, ["another.test"])
    check([record(3, 1, 1, expired[0])], expired, ["mx1.t.test"])


def test_for_a_trust_anchor_both_do(chain, expired):
    with pytest.raises(Mismatch, match=r"not for another\.test or t\.test"):
        check([record(2, 1, 1, chain[1])], chain, ["another.test", "t.test"])
    with pytest.raises(Mismatch, match="expired"):
        check([record(2, 1, 1, expired[1])], expired, ["mx1.t.test"])


def test_an_anchor_that_has_not_signed(chain, expired):
    with pytest.raises(Mismatch, match="does not lead"):
        check([record(2, 1, 1, expired[1])], [chain[0], expired[1]], ["mx1.t.test"])


@pytest.mark.parametrize("shown", [[], ["chain"]])
def test_nothing_fits(chain, shown):
    with pytest.raises(Mismatch):
        check([TlsaRecord(3, 1, 1, b"\0" * 32)], chain if shown else [], ["mx1.t.test"])


@pytest.mark.parametrize(
    "bad",
    [
        TlsaRecord(0, 0, 1, b"x" * 32),  # PKIX-TA
        TlsaRecord(1, 0, 1, b"x" * 32),  # PKIX-EE
        TlsaRecord(3, 2, 1, b"x" * 32),
        TlsaRecord(3, 1, 3, b"x" * 32),
        TlsaRecord(3, 1, 1, b"x" * 31),
    ],
)
def test_records_of_no_use(bad):
    assert usable([bad]) == ()
