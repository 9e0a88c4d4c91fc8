"""A small CA and a P-256 server certificate of its making, for the demo and for tests.  Nobody else should trust it."""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailstack.tls.certs import utc_now

__all__ = ["MadeCertificate", "make_certificate", "write_private"]

_BACKDATED = timedelta(hours=1)  # clocks of test machines differ


@dataclass(frozen=True, slots=True)
class MadeCertificate:
    """Paths.  `authority` is what a client must trust; `certificate` has the server's own, `key` its key."""

    authority: str
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def make_certificate(
    folder: str | Path,
    names: Sequence[str],
    *,
    valid_for: timedelta = timedelta(days=365),
    now: datetime | None = None,
    also_local: bool = True,
) -> MadeCertificate:
    """Write `ca.pem`, `server.pem` and `server.key` into `folder` (all mode 0600), for DNS names and IP addresses.

    `also_local` adds localhost, 127.0.0.1 and ::1.  The CA's own key is thrown away: it signs
    nothing else.
    """
    start = (utc_now() if now is None else now) - _BACKDATED
    everything = dict.fromkeys([*names, *(("localhost", "127.0.0.1", "::1") if also_local else ())])
    authority = _make_authority(start, start + valid_for + _BACKDATED)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(authority, key, list(everything), start, start + valid_for + _BACKDATED)
    paths = MadeCertificate(*(str(Path(folder, name)) for name in ("ca.pem", "server.pem", "server.key")))
    write_private(paths.authority, authority.certificate.public_bytes(Encoding.PEM))
    write_private(paths.certificate, certificate.public_bytes(Encoding.PEM))
    write_private(paths.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def _make_authority(start: datetime, end: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"mailstack demo CA {x509.random_serial_number():x}"[:40])]
    )
    builder = (
        _builder(name, name, key.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return _Authority(key, builder.sign(key, hashes.SHA256()))


def _sign(
    authority: _Authority, key: ec.EllipticCurvePrivateKey, names: Sequence[str], start: datetime, end: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = (
        _builder(subject, authority.certificate.subject, key.public_key(), start, end)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(usages, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def write_private(path: str, data: bytes) -> None:
    """Never open to others, not for a moment; a file that was there is replaced whole."""
    descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(f"{path}.new").replace(path)
