"""Channel bindings, against OpenSSL's own other end."""

import datetime as dt
import hashlib
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from mailstack.net.binding import _end_point, channel_binding

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.demo.test")])
DAY = dt.timedelta(days=1)


def certificate(key, signed_with):
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).serial_number(1).public_key(key.public_key())
    return made.not_valid_before(now - DAY).not_valid_after(now + DAY).sign(key, signed_with)


def context_with(key, shown):
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(shown)
    context.use_privatekey(key)
    return context


def connected(version=SSL.TLS1_3_VERSION, key=None, signed_with=SHA256, by_name=None):
    """Both ends of a TLS connection in memory: (server's handle, client's handle, certificate).

    `by_name` is the context that the server changes to when it hears a name.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    shown = certificate(key, signed_with and signed_with())
    context = context_with(key, shown)
    context.set_max_proto_version(version)
    if by_name:
        context.set_tlsext_servername_callback(lambda connection: connection.set_context(by_name))
    server, client = SSL.Connection(context, None), SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    if by_name:
        client.set_tlsext_host_name(b"mail.demo.test")
    server.set_accept_state()
    client.set_connect_state()
    for _ in range(4):
        for end, other in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                end.do_handshake()
            with suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(65536))
    return server, client, shown


def test_exporter():
    server, client, _ = connected()
    theirs = client.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    assert channel_binding(server, "tls-exporter") == theirs
    assert len(theirs) == 32
    another, _, _ = connected()
    assert channel_binding(another, "tls-exporter") != theirs


def test_no_exporter_before_tls_1_3():
    server, _, _ = connected(SSL.TLS1_2_VERSION)
    assert channel_binding(server, "tls-exporter") is None
    assert channel_binding(server, "tls-server-end-point") is not None


@pytest.mark.parametrize(("signed_with", "digest"), [(SHA256, hashlib.sha256), (SHA384, hashlib.sha384)])
def test_server_end_point(signed_with, digest):
    server, client, shown = connected(signed_with=signed_with)
    theirs = client.get_peer_certificate(as_cryptography=True).public_bytes(Encoding.DER)
    assert channel_binding(server, "tls-server-end-point") == digest(theirs).digest()
    assert shown.fingerprint(signed_with()) == digest(theirs).digest()


def test_the_certificate_of_the_name_that_was_asked_for():
    key = ec.generate_private_key(ec.SECP256R1())
    server, client, shown = connected(by_name=context_with(key, certificate(key, SHA256())))
    theirs = client.get_peer_certificate(as_cryptography=True)
    assert theirs != shown
    assert channel_binding(server, "tls-server-end-point") == theirs.fingerprint(SHA256())


def test_old_signatures_count_as_sha256():
    """RFC 5929 §4.1.  Such a certificate cannot be made any more, so it is played."""

    class Old:
        signature_hash_algorithm = SHA1()

        def fingerprint(self, function):
            return function.name

    assert _end_point(Old()) == "sha256"


def test_a_signature_without_a_hash():
    server, _, _ = connected(key=ed25519.Ed25519PrivateKey.generate(), signed_with=None)
    assert channel_binding(server, "tls-server-end-point") is None
    assert channel_binding(server, "tls-exporter") is not None


@pytest.mark.parametrize("kind", ["tls-unique", "", "TLS-EXPORTER"])
def test_other_kinds(kind):
    server, _, _ = connected()
    assert channel_binding(server, kind) is None
