"""Certificates ordered from a real ACME authority, by each of the challenges."""

import shutil
import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from mailstack.tls.acme.kept import Kept
from mailstack.tls.acme.order import obtain
from mailstack.tls.acme.provers import AlpnProver, DnsProver, HttpProver, PortInUse
from mailstack.tls.acme.values import AcmeFault, Authority
from mailstack.tls.certs import utc_now
from tests.clients.daemon import Daemon
from tests.clients.pebble import Pebble

pytestmark = pytest.mark.needs("pebble")
NAMES = ("mail.demo.test", "imap.demo.test")


@pytest.fixture(scope="module")
def pebble(tmp_path_factory):
    programs = [shutil.which(name) for name in ("pebble", "pebble-challtestsrv")]
    if None in programs:
        pytest.skip("pebble is not installed")
    running = Pebble(*programs, tmp_path_factory.mktemp("pebble"))
    yield running
    running.stop()


@pytest.fixture
def kept(tmp_path):
    return Kept(str(tmp_path / "certificates"), NAMES)


@pytest.fixture
def authority(pebble, kept):
    kept.stand_in()
    return Authority(pebble.directory, "hostmaster@demo.test", kept.account_key, pebble.trust)


def prover(kind, pebble):
    return {
        "http-01": lambda: HttpProver("127.0.0.1", pebble.http_port),
        "tls-alpn-01": lambda: AlpnProver("127.0.0.1", pebble.tls_port, utc_now),
        "dns-01": lambda: DnsProver(pebble.put_text, pebble.clear_text),
    }[kind]()


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01", "dns-01"])
def test_a_certificate_for_two_names(pebble, authority, kept, kind):
    assert kept.why_due(utc_now()) == "there is none yet"
    assert kept.is_stand_in
    kept.keep(obtain(authority, kept.names, prover(kind, pebble), utc_now()))
    assert kept.why_due(utc_now()) == ""
    assert not kept.is_stand_in
    pair = kept.pair()
    assert set(pair.names) == set(NAMES)
    chain = x509.load_pem_x509_certificates(Path(kept.certificate).read_bytes())
    assert len(chain) == 2
    for file in (kept.key, kept.certificate, kept.account_key):
        assert Path(file).read_bytes().startswith(b"-----BEGIN")
    root = x509.load_pem_x509_certificate(pebble.root())
    chain[1].verify_directly_issued_by(root)
    chain[0].verify_directly_issued_by(chain[1])
    assert kept.why_due(pair.valid_until - (pair.valid_until - pair.valid_from) / 4).startswith("it is valid until")
    assert (
        Kept(kept.certificate.rpartition("/")[0], [*NAMES, "new.demo.test"])
        .why_due(utc_now())
        .endswith("not for new.demo.test")
    )


def test_the_account_is_used_again(pebble, authority, kept):
    first = obtain(authority, kept.names, prover("http-01", pebble), utc_now())
    key = Path(kept.account_key).read_bytes()
    second = obtain(authority, kept.names, prover("http-01", pebble), utc_now())
    assert first.key != second.key
    assert Path(kept.account_key).read_bytes() == key


def test_a_proof_that_nobody_finds(pebble, authority, kept):
    with pytest.raises(AcmeFault, match=r"mail\.demo\.test"):
        obtain(authority, kept.names, DnsProver(lambda *_: None, lambda *_: None), utc_now())


def test_a_port_that_is_taken(authority, kept):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortInUse, match="another program may have it"):
        obtain(authority, kept.names, HttpProver("127.0.0.1", other.getsockname()[1]), utc_now())


def test_an_authority_that_is_not_there(pebble, authority, kept):
    nobody = Authority("https://127.0.0.1:1/dir", "", kept.account_key)
    with pytest.raises(AcmeFault, match="cannot be reached"):
        obtain(nobody, kept.names, prover("http-01", pebble), utc_now())


def test_names_that_the_authority_does_not_take(pebble, authority):
    with pytest.raises(AcmeFault):
        obtain(authority, ["192.0.2.1.bad_name"], prover("http-01", pebble), utc_now())


def test_a_stand_in_is_soon_due(kept):
    kept.stand_in()
    assert kept.pair().valid_until < utc_now() + timedelta(days=31)
    assert set(kept.pair().names) == set(NAMES)


ACME = """
[tls.acme]
enabled = true
directory = "{directory}"
address = ["127.0.0.1:{port}"]
trust = "{trust}"
"""


class SelfMade(Daemon):
    """A daemon without a certificate of its own."""

    acme = ""

    def _write(self, top, more, dns):
        super()._write(top, more, dns)
        text = self.config.read_text()
        lines = [line for line in text.splitlines() if not line.startswith(("certificate =", "key ="))]
        self.config.write_text("\n".join(lines).replace("[tls]", self.acme))


def shown(daemon, trust):
    """The certificate's names, as a client sees who trusts this CA; SSLCertVerificationError."""
    context = ssl.create_default_context(cafile=trust)
    address = ("127.0.0.1", daemon.ports["imaps"])
    with (
        socket.create_connection(address) as connection,
        context.wrap_socket(connection, server_hostname="mail.demo.test") as secured,
    ):
        return {name for _, name in secured.getpeercert()["subjectAltName"]}


def test_the_server_gets_its_own_certificate(pebble, tmp_path):
    """From none at all: it starts, orders, and shows the new one without a restart."""
    root = tmp_path / "root.pem"
    root.write_bytes(pebble.root())
    SelfMade.acme = ACME.format(directory=pebble.directory, port=pebble.http_port, trust=pebble.trust)
    daemon = SelfMade(tmp_path / "daemon")
    try:
        daemon.wait_for("certificate_renewed")
        assert shown(daemon, root) == {"mail.demo.test"}
        assert "A new certificate for mail.demo.test is in use." in daemon.run("certificate", "renew")
        assert "mail.demo.test" in daemon.run("certificate", "show")
        assert "stand-in" not in daemon.run("certificate", "show")
    finally:
        daemon.stop()


def test_a_server_that_gets_none_goes_on(tmp_path):
    SelfMade.acme = ACME.format(directory="https://127.0.0.1:1/dir", port=1, trust="")
    daemon = SelfMade(tmp_path / "daemon")
    try:
        assert "cannot be reached" in daemon.wait_for("certificate_failed")["reason"]
        with pytest.raises(ssl.SSLCertVerificationError):
            shown(daemon, None)
        assert "stand-in" in daemon.run("certificate", "show")
        refused = daemon.run("certificate", "renew", check=False)
        assert refused.returncode == 1
        assert "cannot be reached" in refused.stderr
    finally:
        daemon.kill()  # `stop` wants a log without errors
