"""Certificates by DNSSEC: whether a server's certificates match its TLSA records.  Pure.  RFC 7672, RFC 7671"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname

from mailstack.dns.api import TlsaRecord

__all__ = ["Mismatch", "check", "usable"]

_TRUST_ANCHOR, _END_ENTITY = 2, 3  # DANE-TA, DANE-EE; PKIX-TA and PKIX-EE are not for SMTP (RFC 7672 §3.1.3)
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_LENGTHS = {1: 32, 2: 64}


@dataclass(frozen=True, slots=True)
class Mismatch(Exception):
    """`reason` is one line for the log and the queue."""

    reason: str


def usable(records: Sequence[TlsaRecord]) -> tuple[TlsaRecord, ...]:
    """Those that can be matched at all; the others are as if they were not there.  RFC 7672 §2.1"""
    return tuple(
        each
        for each in records
        if each.usage in {_TRUST_ANCHOR, _END_ENTITY}
        and each.selector in {0, 1}
        and (each.matching == 0 or len(each.data) == _LENGTHS.get(each.matching))
    )


def check(records: Sequence[TlsaRecord], chain: Sequence[x509.Certificate], names: Sequence[str]) -> None:
    """Mismatch unless one record fits the chain that the server has sent, its own certificate first.

    `names`: any of them may be in the certificate, for usage 2 only; with usage 3 neither
    the name nor the dates count (RFC 7672 §3.1.1).
    """
    if not chain:
        raise Mismatch("the server has shown no certificate")
    if any(_matches(each, chain[0]) for each in records if each.usage == _END_ENTITY):
        return
    anchors = [
        place
        for place, certificate in enumerate(chain)
        if any(_matches(each, certificate) for each in records if each.usage == _TRUST_ANCHOR)
    ]
    if not anchors:
        raise Mismatch("its certificate matches none of its TLSA records")
    _check_path(chain, chain[anchors[0]])
    _check_name(chain[0], names)


def _matches(record: TlsaRecord, certificate: x509.Certificate) -> bool:
    if record.selector == 0:
        octets = certificate.public_bytes(Encoding.DER)
    else:
        octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = _DIGESTS.get(record.matching)
    return (digest(octets).digest() if digest else octets) == record.data


def _check_path(chain: Sequence[x509.Certificate], anchor: x509.Certificate) -> None:
    """From the server's certificate up to the anchor, with dates and signatures."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(anchor))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    between = [crypto.X509.from_cryptography(each) for each in chain[1:]]
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(chain[0]), between)
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as failure:
        raise Mismatch(f"its certificate does not lead to the one in its TLSA record: {failure}") from failure


def _check_name(certificate: x509.Certificate, names: Sequence[str]) -> None:
    for name in names:
        try:
            return verify_certificate_hostname(certificate, name)
        except (VerificationError, CertificateError):
            continue
    raise Mismatch(f"its certificate is not for {' or '.join(names)}")
