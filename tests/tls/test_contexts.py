"""Contexts, by handshakes in memory."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL

from mailstack.config.model import Certificate, Tls
from mailstack.tls.authority import MadeCertificate, make_certificate
from mailstack.tls.certs import CertificateFault
from mailstack.tls.contexts import ClientContexts, ServerContexts


def made(folder: Path, *names: str) -> MadeCertificate:
    folder.mkdir(exist_ok=True)
    return make_certificate(folder, names, also_local=False)


def tls(main: MadeCertificate, *more: MadeCertificate, **settings: Any) -> Tls:
    extra = tuple(Certificate(certificate=other.certificate, key=other.key) for other in more)
    return Tls(certificate=main.certificate, key=main.key, extra=extra, **settings)


class Talk:
    """A stdlib client and our server, joined in memory."""

    def __init__(self, server: ServerContexts, name: str, context: ssl.SSLContext | None = None) -> None:
        if context is None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.server = server.serverConnectionForTLS(None)
        self.server.set_accept_state()
        for _ in range(4):
            self.turn()

    def turn(self) -> None:
        with suppress(ssl.SSLWantReadError):
            self.client.do_handshake()
        if data := self.outgoing.read():
            self.server.bio_write(data)
        with suppress(SSL.WantReadError):
            self.server.do_handshake()
        with suppress(SSL.WantReadError):
            while True:
                self.incoming.write(self.server.bio_read(65536))

    @property
    def certificate(self) -> x509.Certificate:
        shown = self.client.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown)

    @property
    def names(self) -> list[str]:
        names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return names.value.get_values_for_type(x509.DNSName)


def test_the_name_chooses(tmp_path: Path) -> None:
    main, other, wild = (
        made(tmp_path / "1", "mail.demo.test"),
        made(tmp_path / "2", "mail.other.test"),
        made(tmp_path / "3", "*.wild.test"),
    )
    server = ServerContexts(tls(main, other, wild))
    assert Talk(server, "mail.demo.test").names == ["mail.demo.test"]
    assert Talk(server, "MAIL.other.test").names == ["mail.other.test"]
    assert Talk(server, "x.wild.test").names == ["*.wild.test"]
    assert Talk(server, "unknown.test").names == ["mail.demo.test"]
    assert Talk(server, "127.0.0.1").names == ["mail.demo.test"]


def test_a_client_that_trusts_the_authority(tmp_path: Path) -> None:
    main = made(tmp_path, "mail.demo.test")
    trusting = ssl.create_default_context(cafile=main.authority)
    talk = Talk(ServerContexts(tls(main)), "mail.demo.test", trusting)
    assert talk.client.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        Talk(ServerContexts(tls(main)), "other.test", trusting)


def test_versions(tmp_path: Path) -> None:
    main = made(tmp_path, "mail.demo.test")
    old = ssl.create_default_context(cafile=main.authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert Talk(ServerContexts(tls(main)), "mail.demo.test", old).client.version() == "TLSv1.2"
    with pytest.raises(SSL.Error):
        Talk(ServerContexts(tls(main, minimum_version="1.3")), "mail.demo.test", old)


def resumes(server: ServerContexts, name: str, authority: str) -> bool:
    context = ssl.create_default_context(cafile=authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where a session is known right after the handshake
    first = Talk(server, name, context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    second = Talk.__new__(Talk)
    second.incoming, second.outgoing = incoming, outgoing
    second.client = context.wrap_bio(incoming, outgoing, server_hostname=name, session=first.client.session)
    second.server = server.serverConnectionForTLS(None)
    second.server.set_accept_state()
    for _ in range(4):
        second.turn()
    return bool(second.client.session_reused)


def test_tickets(tmp_path: Path) -> None:
    main, other = made(tmp_path / "1", "mail.demo.test"), made(tmp_path / "2", "mail.other.test")
    assert resumes(ServerContexts(tls(main)), "mail.demo.test", main.authority)
    assert resumes(ServerContexts(tls(main, other)), "mail.demo.test", main.authority)
    assert not resumes(ServerContexts(tls(main, session_tickets=False)), "mail.demo.test", main.authority)


def test_reload(tmp_path: Path) -> None:
    first, second = made(tmp_path / "1", "mail.demo.test"), made(tmp_path / "2", "mail.demo.test")
    server = ServerContexts(tls(first))
    before = Talk(server, "mail.demo.test").certificate
    server.reload(tls(second))
    after = Talk(server, "mail.demo.test").certificate
    assert before != after
    with pytest.raises(CertificateFault):
        server.reload(Tls(certificate=first.certificate, key=second.key))
    assert Talk(server, "mail.demo.test").certificate == after


def test_no_certificate() -> None:
    with pytest.raises(CertificateFault, match="no certificate is set"):
        ServerContexts(Tls())


def rsa_beside(folder: Path, name: str) -> MadeCertificate:
    folder.mkdir()
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = MadeCertificate("", str(folder / "c.pem"), str(folder / "k.pem"))
    Path(paths.certificate).write_bytes(certificate.public_bytes(Encoding.PEM))
    Path(paths.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_both_key_types_for_one_name(tmp_path: Path) -> None:
    server = ServerContexts(
        tls(made(tmp_path / "ec", "mail.demo.test"), rsa_beside(tmp_path / "rsa", "mail.demo.test"))
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert "EC" in type(Talk(server, "mail.demo.test", context).certificate.public_key()).__name__
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert "RSA" in type(Talk(server, "mail.demo.test", context).certificate.public_key()).__name__


def shake(server: ServerContexts, creator: Any) -> SSL.Connection:
    client = creator.clientConnectionForTLS(SimpleNamespace(factory=SimpleNamespace(wrappedFactory=None)))
    client.set_connect_state()
    far = server.serverConnectionForTLS(None)
    far.set_accept_state()
    for _ in range(4):
        for here, there in ((client, far), (far, client)):
            with suppress(SSL.WantReadError):
                here.do_handshake()
            with suppress(SSL.WantReadError):
                there.bio_write(here.bio_read(65536))
    return client


def test_calling_out(tmp_path: Path) -> None:
    main, other = made(tmp_path / "1", "mail.demo.test"), made(tmp_path / "2", "mail.other.test")
    server = ServerContexts(tls(main, other))
    anybody = ClientContexts()
    shown = shake(server, anybody("mail.other.test", False)).get_peer_certificate(as_cryptography=True)
    assert shown is not None
    assert "mail.other.test" in str(shown.subject)
    shake(server, anybody("192.0.2.1", False))


def test_calling_with_verification(tmp_path: Path) -> None:
    main = made(tmp_path, "mail.demo.test")
    clients = ClientContexts([main.authority])
    creator = clients("mail.demo.test", True)
    assert clients("mail.demo.test", True) is creator
    assert clients("other.test", True) is not creator
    connection = shake(ServerContexts(tls(main)), creator)
    assert connection.get_protocol_version_name() == "TLSv1.3"
    with pytest.raises(SSL.Error, match="certificate verify failed"):
        shake(ServerContexts(tls(main)), ClientContexts()("mail.demo.test", True))


def test_contexts_kept_are_few(tmp_path: Path) -> None:
    clients = ClientContexts([made(tmp_path, "a.test").authority])
    for number in range(70):
        clients(f"mx{number}.test", True)
    assert len(clients._verifying) == 64
