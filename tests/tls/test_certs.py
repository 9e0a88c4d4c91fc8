"""Certificate files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mailstack.config.model import Certificate, Config, Tls
from mailstack.tls.authority import MadeCertificate, make_certificate
from mailstack.tls.certs import CertificateFault, certificate_faults, certificate_warnings, load_pair

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def made(tmp_path: Path) -> MadeCertificate:
    return make_certificate(tmp_path, ["mail.demo.test", "*.wild.test"], now=NOW)


def config(made: MadeCertificate, **changes: str) -> Config:
    files = {"certificate": made.certificate, "key": made.key} | changes
    return Config(hostname="mail.demo.test", tls=Tls(**files))


def test_a_pair(made: MadeCertificate) -> None:
    pair = load_pair(made.certificate, made.key)
    assert pair.names == ("mail.demo.test", "*.wild.test", "localhost", "127.0.0.1", "::1")
    assert pair.algorithm == "EC"
    assert pair.valid_from < NOW < pair.valid_until
    assert pair.covers("MAIL.demo.test")
    assert pair.covers("a.wild.test")
    assert not pair.covers("a.b.wild.test")
    assert not pair.covers("wild.test")


def test_files_are_closed_to_others(made: MadeCertificate) -> None:
    for path in (made.authority, made.certificate, made.key):
        assert Path(path).stat().st_mode & 0o777 == 0o600


def test_made_again_in_the_same_place(made: MadeCertificate, tmp_path: Path) -> None:
    before = Path(made.certificate).read_bytes()
    assert make_certificate(tmp_path, ["other.test"], also_local=False) == made
    assert Path(made.certificate).read_bytes() != before
    assert load_pair(made.certificate, made.key).names == ("other.test",)


def test_signed_by_its_authority(made: MadeCertificate) -> None:
    authority = x509.load_pem_x509_certificate(Path(made.authority).read_bytes())
    certificate = x509.load_pem_x509_certificate(Path(made.certificate).read_bytes())
    certificate.verify_directly_issued_by(authority)


def test_nothing_wrong(made: MadeCertificate) -> None:
    assert certificate_faults(config(made), NOW) == ()
    assert certificate_warnings(config(made), NOW) == ()
    assert certificate_faults(Config(hostname="a.test"), NOW) == ()


def words(config: Config, now: datetime = NOW) -> list[str]:
    return [fault.line("f") for fault in certificate_faults(config, now)]


def test_missing(made: MadeCertificate) -> None:
    assert words(config(made, certificate="/nowhere/c.pem", key="/nowhere/k.pem")) == [
        "f:tls.certificate: /nowhere/c.pem is not there; allowed: the path of a PEM file",
        "f:tls.key: /nowhere/k.pem is not there; allowed: the path of a PEM file",
    ]


def test_swapped(made: MadeCertificate) -> None:
    assert words(config(made, certificate=made.key, key=made.certificate)) == [
        f"f:tls.certificate: {made.key} is not a PEM certificate; allowed: -----BEGIN CERTIFICATE-----",
        f"f:tls.key: {made.certificate} is not a PEM private key; allowed: -----BEGIN PRIVATE KEY-----",
    ]


def test_a_key_of_another(made: MadeCertificate, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other", ["other.test"])
    assert words(config(made, key=other.key)) == [
        f"f:tls.key: {other.key} does not belong to {made.certificate}; allowed: the key it was made with"
    ]
    extra = Tls(
        certificate=made.certificate, key=made.key, extra=(Certificate(certificate=other.certificate, key=made.key),)
    )
    assert words(Config(hostname="mail.demo.test", tls=extra)) == [
        f"f:tls.extra[1].key: {made.key} does not belong to {other.certificate}; allowed: the key it was made with"
    ]


def test_an_open_key(made: MadeCertificate) -> None:
    Path(made.key).chmod(0o644)
    assert words(config(made)) == [
        f"f:tls.key: {made.key} is open to everybody (mode 0644); allowed: chmod 600 {made.key}"
    ]
    Path(made.key).chmod(0o640)
    assert words(config(made)) == []


def test_a_passphrase(made: MadeCertificate) -> None:
    key = load_pem_private_key(Path(made.key).read_bytes(), None)
    Path(made.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    assert words(config(made)) == [f"f:tls.key: {made.key} has a passphrase; allowed: a key without one"]


def test_a_folder(made: MadeCertificate, tmp_path: Path) -> None:
    with pytest.raises(CertificateFault, match=r"cannot be read \(Is a directory\)"):
        load_pair(str(tmp_path), made.key)


def test_expiry(made: MadeCertificate) -> None:
    assert words(config(made), NOW + timedelta(days=365)) == [
        f"f:tls.certificate: {made.certificate} expired on 2027-11-23; allowed: one that is valid"
    ]
    assert "is valid from 2026-11-23 only" in words(config(made), NOW - timedelta(days=1))[0]
    soon = certificate_warnings(config(made), NOW + timedelta(days=360))
    assert [fault.text for fault in soon] == [f"{made.certificate} expires on 2027-11-23; renew it"]


def test_another_name(made: MadeCertificate) -> None:
    other = Config(hostname="mx.demo.test", tls=config(made).tls)
    (warning,) = certificate_warnings(other, NOW)
    assert "is for mail.demo.test, *.wild.test, localhost, 127.0.0.1, ::1, not for mx.demo.test" in warning.text


def test_other_algorithms(made: MadeCertificate) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    Path(made.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(CertificateFault, match="does not belong"):
        load_pair(made.certificate, made.key)
