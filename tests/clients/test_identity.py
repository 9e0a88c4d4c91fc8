"""Logins without a password: access tokens of an issuer on loopback, and client certificates."""

import base64
import imaplib
import json
import poplib
import smtplib
import ssl
import subprocess
import threading
import time
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from mailstack.tls.authority import make_certificate
from mailstack.tls.certs import utc_now
from tests.clients.daemon import PATIENCE, Daemon

ALICE, BOB = "alice@demo.test", "bob@demo.test"
MECHANISMS = 'mechanisms = ["EXTERNAL", "OAUTHBEARER", "XOAUTH2", "PLAIN"]\n'


class Issuer:
    """An identity provider: its description and its keys, over HTTPS."""

    def __init__(self, folder):
        folder.mkdir()
        made = make_certificate(folder, ["localhost"])
        self.ca, self.key, self.asked = made.authority, ECKey.generate_key("P-256", {"kid": "k"}), []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                body = json.dumps(issuer.pages[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.certificate, made.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}"
        self.pages = {
            "/.well-known/openid-configuration": {"jwks_uri": f"{self.url}/keys"},
            "/keys": KeySet([self.key]).as_dict(private=False),
        }
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def token(self, email=ALICE, **changes):
        """Padded to the size of Microsoft's."""
        claims = {"iss": self.url, "aud": "mail", "exp": int(time.time()) + 600, "email": email, "x": "y" * 1500}
        return jwt.encode({"alg": "ES256", "kid": "k"}, claims | changes, self.key)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def make_people_ca(folder, email):
    """A CA, and a certificate for one person; the paths."""
    key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "People")])
    start = utc_now() - timedelta(hours=1)

    def begun(subject, public):
        return (
            x509.CertificateBuilder()
            .issuer_name(name)
            .subject_name(subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=2))
        )

    ca = begun(name, key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    person = (
        begun(x509.Name([]), own.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(email)]), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "people.pem").write_bytes(ca.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "person.pem").write_bytes(person.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) + pem)
    return folder / "people.pem", folder / "person.pem"


class WithoutPasswords(Daemon):
    def __init__(self, folder, issuer):
        self.issuer = issuer
        (folder / "people").mkdir()
        self.people_ca, self.person = make_people_ca(folder / "people", ALICE)
        (folder / "strangers").mkdir()
        _, self.stranger = make_people_ca(folder / "strangers", ALICE)
        super().__init__(folder)

    def _write(self, *arguments):
        super()._write(*arguments)
        written = self.config.read_text(encoding="utf-8")
        address = 'address = ["127.0.0.1:0"]\n'
        written = written.replace(address, f'{address}{MECHANISMS}client_ca = "{self.people_ca}"\n')
        oauth = f'[oauth]\nissuer = "{self.issuer.url}"\naudience = "mail"\nca = "{self.issuer.ca}"\n'
        self.config.write_text(written + oauth, encoding="utf-8")

    def context(self, certificate=None):
        context = ssl.create_default_context(cafile=self.ca)
        if certificate:
            context.load_cert_chain(certificate)
        return context

    def imap(self, certificate=None):
        return imaplib.IMAP4_SSL("localhost", self.ports["imaps"], ssl_context=self.context(certificate))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    made = Issuer(tmp_path_factory.mktemp("issuer") / "issuer")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, issuer):
    running = WithoutPasswords(tmp_path_factory.mktemp("daemon"), issuer)
    yield running
    running.stop()


def xoauth2(name, token):
    return f"user={name}\x01auth=Bearer {token}\x01\x01"


def bearer(name, token):
    return f"n,a={name},\x01host=localhost\x01port=1\x01auth=Bearer {token}\x01\x01"


def _say(said, _challenge):
    return said


def test_imap(daemon, issuer):
    for mechanism, message in (("XOAUTH2", xoauth2), ("OAUTHBEARER", bearer)):
        since = len(daemon.events)
        with daemon.imap() as client:
            assert f"AUTH={mechanism}" in client.capabilities
            assert "AUTH=EXTERNAL" not in client.capabilities
            said = message(ALICE, issuer.token()).encode()
            client.authenticate(mechanism, partial(_say, said))
            assert client.select()[0] == "OK"
        daemon.wait_for("login", since, listener="imaps", mechanism=mechanism, account=ALICE)


def test_a_bad_token(daemon, issuer):
    """The client is told in JSON, and then that it has failed; the issuer's own page is named."""
    heard = []
    with daemon.imap() as client:

        def answer(challenge):
            heard.append(challenge)
            return bearer(ALICE, issuer.token(aud="calendar")).encode() if len(heard) == 1 else b"\x01"

        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.authenticate("OAUTHBEARER", answer)
    assert json.loads(heard[1])["openid-configuration"] == f"{issuer.url}/.well-known/openid-configuration"
    with daemon.imap() as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        said = iter([xoauth2(BOB, issuer.token()).encode(), b""])
        client.authenticate("XOAUTH2", lambda _: next(said))


def test_smtp(daemon, issuer):
    """Its own words first; the token has more octets than a command line may have without AUTH."""
    with smtplib.SMTP("localhost", daemon.ports["submission"], timeout=PATIENCE) as client:
        client.starttls(context=daemon.context())
        client.ehlo()
        assert "XOAUTH2" in client.esmtp_features["auth"].split()
        client.auth("XOAUTH2", lambda challenge=None: xoauth2(ALICE, issuer.token()))
        client.sendmail(ALICE, [BOB], f"From: {ALICE}\r\nSubject: by token\r\n\r\n.\r\n")


def test_pop3(daemon, issuer):
    client = poplib.POP3_SSL("localhost", daemon.ports["pop3s"], context=daemon.context(), timeout=PATIENCE)
    assert "XOAUTH2" in client.capa()["SASL"]
    assert client._shortcmd("AUTH XOAUTH2").startswith(b"+")
    said = base64.b64encode(xoauth2(BOB, issuer.token(BOB)).encode()).decode()
    assert client._shortcmd(said).startswith(b"+OK")
    client.quit()


@pytest.mark.needs("curl")
@pytest.mark.parametrize(("scheme", "listener"), [("imaps", "imaps"), ("pop3s", "pop3s")])
def test_curl_with_a_token(daemon, issuer, program, scheme, listener):
    since = len(daemon.events)
    done = subprocess.run(
        [
            *(program, "--silent", "--show-error", "--cacert", daemon.ca, "--user", ALICE, "--config", "-"),
            f"{scheme}://localhost:{daemon.ports[listener]}/",
        ],
        input=f'oauth2-bearer = "{issuer.token()}"\n',
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    daemon.wait_for("login", since, listener=listener, mechanism="OAUTHBEARER", account=ALICE)


# --- certificates ------------------------------------------------------------------------------------------------


def test_certificate(daemon):
    since = len(daemon.events)
    with daemon.imap(daemon.person) as client:
        assert "AUTH=EXTERNAL" in client.capabilities
        client.authenticate("EXTERNAL", lambda _: b"")
        assert client.select()[0] == "OK"
    daemon.wait_for("login", since, listener="imaps", mechanism="EXTERNAL", account=ALICE)
    with smtplib.SMTP("localhost", daemon.ports["submission"], timeout=PATIENCE) as smtp:
        smtp.starttls(context=daemon.context(daemon.person))
        smtp.ehlo()
        smtp.auth("EXTERNAL", lambda challenge=None: ALICE)
        smtp.sendmail(ALICE, [BOB], f"From: {ALICE}\r\nSubject: by certificate\r\n\r\n.\r\n")
    with daemon.imap(daemon.person) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.authenticate("EXTERNAL", lambda _: BOB.encode())


def test_a_certificate_of_another_ca(daemon):
    with pytest.raises((ssl.SSLError, ConnectionError, imaplib.IMAP4.abort)), daemon.imap(daemon.stranger) as client:
        client.noop()


@pytest.mark.needs("curl")
def test_curl_with_a_certificate(daemon, program):
    since = len(daemon.events)
    subprocess.run(
        [
            *(program, "--silent", "--show-error", "--cacert", daemon.ca, "--cert", daemon.person),
            *("--user", f"{ALICE}:", "--login-options", "AUTH=EXTERNAL", f"pop3s://localhost:{daemon.ports['pop3s']}/"),
        ],
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    daemon.wait_for("login", since, listener="pop3s", mechanism="EXTERNAL", account=ALICE)
