"""Certificate files: read, matched with their keys, and checked before anybody depends on them."""

import ipaddress
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from mailstack.config.faults import Fault
from mailstack.config.model import Config, Tls

__all__ = [
    "CertificateFault",
    "Pair",
    "certificate_faults",
    "certificate_warnings",
    "load_pair",
    "pairs_of",
    "spki_of",
    "utc_now",
]

_SOON = timedelta(days=14)


class CertificateFault(Exception):
    """A certificate or key cannot be used.  `part` is "certificate" or "key"; `str()` says why and what to do."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and the key that fits it.  `names`: DNS names (also `*.x`) and IP addresses, lower case."""

    certificate: str  # path, with the chain behind it
    key: str
    names: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime
    algorithm: str  # "EC", "RSA", …: a context holds one of each

    def covers(self, name: str) -> bool:
        """RFC 6125 §6.4.3: a wildcard stands for one whole leftmost label."""
        name = name.lower()
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names


def load_pair(certificate: str, key: str) -> Pair:
    """Read both and see that they fit.  CertificateFault for the first thing that is wrong."""
    first = _load_certificate(certificate)
    private = _load_key(key)
    if _spki(first.public_key()) != _spki(private.public_key()):
        raise CertificateFault("key", f"{key} does not belong to {certificate}; allowed: the key it was made with")
    return Pair(
        certificate,
        key,
        tuple(_names(first)),
        first.not_valid_before_utc,
        first.not_valid_after_utc,
        type(private).__name__.partition("PrivateKey")[0],
    )


def pairs_of(tls: Tls) -> Sequence[Pair]:
    """The main pair first, then the extra ones; none when no certificate is set.  CertificateFault."""
    if not tls.certificate:
        return ()
    return tuple(load_pair(*files) for _, files in _places(tls))


def spki_of(pair: Pair) -> bytes:
    """The public key of the certificate, DER: what DANE pins (RFC 6698 §2.1.2).  CertificateFault"""
    return _spki(_load_certificate(pair.certificate).public_key())


def certificate_faults(config: Config, now: datetime) -> tuple[Fault, ...]:
    """What is wrong with the files that `[tls]` names; the same kind of fault as for the text.

    A certificate that the server orders by itself may not be there yet.
    """
    if config.tls.acme.enabled and not Path(config.tls.certificate).exists():
        return ()
    return tuple(fault for prefix, pair in _places(config.tls) for fault in _pair_faults(prefix, pair[0], pair[1], now))


def certificate_warnings(config: Config, now: datetime) -> tuple[Fault, ...]:
    """What will be wrong soon, or keeps mail programs from being content, in files without a fault."""
    return tuple(_warnings(config, now))


def _places(tls: Tls) -> Iterator[tuple[str, tuple[str, str]]]:
    if tls.certificate and tls.key:
        yield "tls", (tls.certificate, tls.key)
    for number, extra in enumerate(tls.extra, 1):
        yield f"tls.extra[{number}]", (extra.certificate, extra.key)


def _pair_faults(prefix: str, certificate: str, key: str, now: datetime) -> Iterator[Fault]:
    try:
        pair = load_pair(certificate, key)
    except CertificateFault as fault:
        yield Fault(f"{prefix}.{fault.part}", str(fault))
        if fault.part == "certificate":
            yield from _key_alone(prefix, key)
    else:
        if pair.valid_until <= now:
            yield Fault(
                f"{prefix}.certificate",
                f"{certificate} expired on {pair.valid_until:%Y-%m-%d}; allowed: one that is valid",
            )
        if pair.valid_from > now:
            yield Fault(
                f"{prefix}.certificate",
                f"{certificate} is valid from {pair.valid_from:%Y-%m-%d} only; "
                "allowed: one that is valid (or is the clock wrong?)",
            )
    yield from _open_key(prefix, key)


def _key_alone(prefix: str, key: str) -> Iterator[Fault]:
    try:
        _load_key(key)
    except CertificateFault as fault:
        yield Fault(f"{prefix}.key", str(fault))


def _open_key(prefix: str, key: str) -> Iterator[Fault]:
    """A key that everybody may read is nobody's secret.  A group may: certificate tools use one."""
    try:
        mode = stat.S_IMODE(Path(key).stat().st_mode)
    except OSError:
        return  # told already
    if mode & 0o007:
        yield Fault(f"{prefix}.key", f"{key} is open to everybody (mode {mode:04o}); allowed: chmod 600 {key}")


def _warnings(config: Config, now: datetime) -> Iterator[Fault]:
    for prefix, (certificate, key) in _places(config.tls):
        try:
            pair = load_pair(certificate, key)
        except CertificateFault:
            continue
        if timedelta() < pair.valid_until - now < _SOON:
            yield Fault(f"{prefix}.certificate", f"{certificate} expires on {pair.valid_until:%Y-%m-%d}; renew it")
        if prefix == "tls" and not pair.covers(config.hostname):
            yield Fault(
                f"{prefix}.certificate",
                f"{certificate} is for {', '.join(pair.names) or 'no name'}, not for {config.hostname}; "
                "mail programs will warn the people who use that name",
            )


def _read(part: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise CertificateFault(part, f"{path} is not there; allowed: the path of a PEM file") from None
    except OSError as failure:
        reason = failure.strerror or str(failure)
        raise CertificateFault(
            part, f"{path} cannot be read ({reason}); allowed: a file that the server may read"
        ) from None


def _load_certificate(path: str) -> x509.Certificate:
    data = _read("certificate", path)
    try:
        return x509.load_pem_x509_certificates(data)[0]
    except ValueError:
        raise CertificateFault(
            "certificate", f"{path} is not a PEM certificate; allowed: -----BEGIN CERTIFICATE-----"
        ) from None


def _load_key(path: str) -> PrivateKeyTypes:
    data = _read("key", path)
    try:
        return load_pem_private_key(data, None)
    except TypeError:
        raise CertificateFault("key", f"{path} has a passphrase; allowed: a key without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateFault(
            "key", f"{path} is not a PEM private key; allowed: -----BEGIN PRIVATE KEY-----"
        ) from None


def _spki(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded


def _names(certificate: x509.Certificate) -> Iterator[str]:
    """subjectAltName; the common name only where there is none (old private CAs)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            yield str(attribute.value).lower()
        return
    for name in names:
        if isinstance(name, x509.DNSName):
            yield name.value.lower()
        elif isinstance(name, x509.IPAddress) and isinstance(name.value, ipaddress.IPv4Address | ipaddress.IPv6Address):
            yield str(name.value)


def utc_now() -> datetime:
    return datetime.now(UTC)
