"""SCRAM as gsasl, msmtp, mpop, mbsync and curl speak it, and -PLUS with OpenSSL's own idea of the channel."""

import base64
import socket
import subprocess

import pytest
from OpenSSL import SSL

from tests.clients.daemon import PASSWORDS, PATIENCE, Daemon
from tests.clients.mail import send, subjects, text
from tests.clients.test_programs import call, private_file
from tests.sasl.scramclient import ScramClient

ALICE = "alice@demo.test"
BOB = "bob@demo.test"


class EveryMechanism(Daemon):
    """-PLUS too, which is not among the usual ones."""

    def _write(self, *arguments):
        super()._write(*arguments)
        written = self.config.read_text(encoding="utf-8")
        address = 'address = ["127.0.0.1:0"]\n'
        mechanisms = 'mechanisms = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]\n'
        self.config.write_text(written.replace(address, address + mechanisms), encoding="utf-8")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    running = EveryMechanism(tmp_path_factory.mktemp("daemon"))
    yield running
    running.stop()


@pytest.fixture
def logged_in(daemon):
    """`logged_in(listener, mechanism, account)`: since the test began."""
    since = len(daemon.events)

    def check(listener, mechanism, account=ALICE):
        daemon.wait_for("login", since, listener=listener, mechanism=mechanism, account=account)

    return check


# --- gsasl: GnuTLS and libgsasl --------------------------------------------------------------------------------


def gsasl(daemon, program, *arguments, password=PASSWORDS[ALICE], status=0):
    return call(
        *(program, "--imap", "--connect", f"localhost:{daemon.ports['imap']}", "--x509-ca-file", daemon.ca),
        *("--authentication-id", ALICE, "--password", password, "--no-client-first", *arguments),
        daemon=daemon,
        status=status,
    )


@pytest.mark.needs("gsasl")
@pytest.mark.parametrize(
    ("mechanism", "arguments"),
    [
        ("SCRAM-SHA-256-PLUS", []),  # the first that both know
        ("SCRAM-SHA-256-PLUS", ["--mechanism", "SCRAM-SHA-256-PLUS"]),
        ("SCRAM-SHA-256", ["--mechanism", "SCRAM-SHA-256", "--no-cb"]),
        ("SCRAM-SHA-256", ["--mechanism", "SCRAM-SHA-256", "--no-cb", "--authorization-id", ALICE]),
        ("SCRAM-SHA-256", ["--mechanism", "SCRAM-SHA-256", "--no-cb", "--priority", "NORMAL:-VERS-TLS1.3"]),
    ],
)
def test_gsasl(daemon, program, logged_in, mechanism, arguments):
    assert "server trusted" in gsasl(daemon, program, *arguments)
    logged_in("imap", mechanism)


@pytest.mark.needs("gsasl")
@pytest.mark.parametrize("arguments", [["-m", "SCRAM-SHA-256-PLUS"], ["-m", "SCRAM-SHA-256", "--no-cb"]])
def test_gsasl_is_refused(daemon, program, arguments):
    output = gsasl(daemon, program, *arguments, password="wrong", status=1)
    assert "server trusted" not in output


# --- msmtp and mpop: libgsasl in SMTP and POP3 ------------------------------------------------------------------


def knows(program, mechanism):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    if mechanism not in said.split():
        pytest.skip(f"{program} does not know {mechanism}")


@pytest.mark.needs("msmtp")
@pytest.mark.parametrize("mechanism", ["scram-sha-256", "scram-sha-256-plus"])
def test_msmtp(daemon, program, logged_in, mechanism):
    knows(program, mechanism)
    settings = private_file(
        daemon,
        "msmtprc-scram",
        f"account default\nhost localhost\nport {daemon.ports['submission']}\nfrom {ALICE}\nauth {mechanism}\n"
        f"user {ALICE}\npassword {PASSWORDS[ALICE]}\ntls on\ntls_starttls on\ntls_trust_file {daemon.ca}\n",
    )
    call(program, "-C", settings, BOB, daemon=daemon, stdin=text(f"msmtp {mechanism}"))
    logged_in("submission", mechanism.upper())
    assert f"msmtp {mechanism}" in subjects(daemon)


@pytest.mark.needs("mpop")
@pytest.mark.parametrize("mechanism", ["scram-sha-256", "scram-sha-256-plus"])
def test_mpop(daemon, program, logged_in, mechanism):
    knows(program, mechanism)
    send(daemon, [ALICE], text("for mpop"))
    settings = private_file(
        daemon,
        "mpoprc-scram",
        f"account default\nhost localhost\nport {daemon.ports['pop3']}\nauth {mechanism}\nuser {ALICE}\n"
        f"password {PASSWORDS[ALICE]}\ntls on\ntls_starttls on\ntls_trust_file {daemon.ca}\nkeep on\n"
        f"delivery mbox {daemon.folder}/mpop.mbox\nuidls_file {daemon.folder}/mpop.uidls\n",
    )
    call(program, "-C", settings, daemon=daemon)
    logged_in("pop3", mechanism.upper())
    assert "Subject: for mpop" in (daemon.folder / "mpop.mbox").read_text(encoding="utf-8")


# --- mbsync: Cyrus SASL; curl ------------------------------------------------------------------------------------


@pytest.mark.needs("mbsync")
def test_mbsync(daemon, program, logged_in):
    near = daemon.folder / "near"
    near.mkdir()
    settings = private_file(
        daemon,
        "mbsyncrc-scram",
        f"IMAPAccount bob\nHost localhost\nPort {daemon.ports['imaps']}\nUser {BOB}\nPass {PASSWORDS[BOB]}\n"
        f"AuthMechs SCRAM-SHA-256\nSSLType IMAPS\nCertificateFile {daemon.ca}\n\nIMAPStore far\nAccount bob\n\n"
        f"MaildirStore near\nPath {near}/\nInbox {near}/INBOX\n\nChannel all\nFar :far:\nNear :near:\n"
        "Patterns INBOX\nCreate Near\nSyncState *\n",
    )
    call(program, "--config", settings, "--all", daemon=daemon)
    logged_in("imaps", "SCRAM-SHA-256", BOB)


@pytest.mark.needs("curl")
@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_curl(daemon, program, logged_in, protocol):
    knows(program, "gsasl")
    login = private_file(daemon, "curlrc-scram", f'user = "{BOB}:{PASSWORDS[BOB]}"\n')
    call(
        *(program, "--silent", "--show-error", "--cacert", daemon.ca, "--config", login),
        *("--login-options", "AUTH=SCRAM-SHA-256", f"{protocol}://localhost:{daemon.ports[protocol]}/"),
        daemon=daemon,
    )
    logged_in(protocol, "SCRAM-SHA-256", BOB)


# --- -PLUS in each protocol, the channel's data out of OpenSSL ---------------------------------------------------


class Bound:
    """A client on a TLS port; `maximum` is the newest TLS that it speaks."""

    def __init__(self, port, maximum):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(maximum)
        self.tls = SSL.Connection(context, socket.create_connection(("localhost", port), timeout=PATIENCE))
        self.tls.setblocking(1)
        self.tls.set_connect_state()
        self.tls.do_handshake()
        self.heard = b""

    def binding(self, kind):
        if kind == "tls-exporter":
            return self.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
        digest = self.tls.get_peer_certificate().digest("sha256")
        return bytes.fromhex(digest.replace(b":", b"").decode())

    def say(self, line):
        self.tls.sendall(line + b"\r\n")

    def line(self):
        while b"\r\n" not in self.heard:
            self.heard += self.tls.recv(4096)
        line, _, self.heard = self.heard.partition(b"\r\n")
        return line

    def line_with(self, start):
        while not (line := self.line()).startswith(start):
            pass
        return line

    def close(self):
        self.tls.sock_shutdown(socket.SHUT_RDWR)
        self.tls.close()


# listener: (what to say first, what its answer ends with, AUTH's wrapping, a challenge, success, failure)
WORDS = {
    "submissions": (b"EHLO x", b"250 ", b"AUTH %b %b", b"334 ", b"235 ", b"501 "),
    "imaps": (b"a NOOP", b"a OK", b"b AUTHENTICATE %b %b", b"+ ", b"b OK", b"b NO"),
    "pop3s": (b"NOOP", b"-ERR", b"AUTH %b %b", b"+ ", b"+OK", b"-ERR"),
}
PLUS = [
    ("tls-exporter", SSL.TLS1_3_VERSION),
    ("tls-server-end-point", SSL.TLS1_3_VERSION),
    ("tls-server-end-point", SSL.TLS1_2_VERSION),
]


def exchange(daemon, listener, kind, maximum, spoil=bytes):
    """The answer to the last message."""
    hello, ready, auth, challenge, *_ = WORDS[listener]
    peer = Bound(daemon.ports[listener], maximum)
    try:
        peer.say(hello)
        peer.line_with(ready)
        client = ScramClient(ALICE, PASSWORDS[ALICE], flag=f"p={kind}", binding=spoil(peer.binding(kind)))
        peer.say(auth % (b"SCRAM-SHA-256-PLUS", base64.b64encode(client.first())))
        answer = peer.line()
        if not answer.startswith(challenge):
            return answer
        peer.say(base64.b64encode(client.final(base64.b64decode(answer[len(challenge) :]))))
        answer = peer.line()
        if answer.startswith(challenge):
            assert base64.b64decode(answer[len(challenge) :]) == client.expects()
            peer.say(b"")
            answer = peer.line()
        return answer
    finally:
        peer.close()


@pytest.mark.parametrize("listener", WORDS)
@pytest.mark.parametrize(("kind", "maximum"), PLUS)
def test_bound(daemon, logged_in, listener, kind, maximum):
    assert exchange(daemon, listener, kind, maximum).startswith(WORDS[listener][-2])
    logged_in(listener, "SCRAM-SHA-256-PLUS")


@pytest.mark.parametrize("listener", WORDS)
@pytest.mark.parametrize(("kind", "maximum"), PLUS)
def test_bound_to_another_channel(daemon, listener, kind, maximum):
    since = len(daemon.events)
    answer = exchange(daemon, listener, kind, maximum, spoil=lambda binding: binding[::-1])
    assert answer.startswith(WORDS[listener][-1])
    daemon.wait_for("login_failed", since, listener=listener, reason="bound to another channel")


def test_no_exporter_before_tls_1_3(daemon):
    answer = exchange(daemon, "imaps", "tls-exporter", SSL.TLS1_2_VERSION)
    assert answer.startswith(b"b NO [AUTHENTICATIONFAILED]")
