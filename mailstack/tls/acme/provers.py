"""The proofs that a name is ours, one class a kind of challenge.  Each is there as long as the `with` lasts."""

import base64
import hashlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["AlpnProver", "DnsProver", "HttpProver", "PortInUse", "Proof", "Prover"]

_ALPN = "acme-tls/1"
_ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")  # RFC 8737 §6.1
_SECONDS = 10.0  # for one visit
_REQUEST_OCTETS = 4096


class PortInUse(OSError):
    """`str()` is for the operator."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the authority wants to find for a name.  RFC 8555 §8.1"""

    name: str
    token: str
    key_authorization: str

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.key_authorization.encode()).digest()


class Prover(Protocol):
    @property
    def kind(self) -> str:
        """`http-01`, as RFC 8555 §9.7.8 names it."""

    def proven(self, proofs: Sequence[Proof]) -> AbstractContextManager[None]:
        """The authority may look for all of them while this lasts.  OSError, DnsFailure: it cannot be proven so."""


class HttpProver:
    """A file of the web, `http://NAME/.well-known/acme-challenge/TOKEN`.  RFC 8555 §8.3"""

    kind = "http-01"

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    @contextmanager
    def proven(self, proofs: Sequence[Proof]) -> Iterator[None]:
        files = {f"/.well-known/acme-challenge/{proof.token}": proof.key_authorization for proof in proofs}

        def visit(connection: socket.socket) -> None:
            request = connection.recv(_REQUEST_OCTETS).split(b"\r\n", 1)[0].split(b" ")
            found = files.get(request[1].decode("latin-1")) if len(request) > 1 else None
            status, body = ("200 OK", found) if found else ("404 Not Found", "Nothing here.\n")
            connection.sendall(
                f"HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n"
                f"Connection: close\r\n\r\n{body}".encode()
            )

        with _serving(self._host, self._port, visit):
            yield


class AlpnProver:
    """A certificate of the challenge's own, shown to who asks for the protocol `acme-tls/1`.  RFC 8737 §3"""

    kind = "tls-alpn-01"

    def __init__(self, host: str, port: int, now: Callable[[], datetime]) -> None:
        self._host, self._port, self._now = host, port, now

    @contextmanager
    def proven(self, proofs: Sequence[Proof]) -> Iterator[None]:
        contexts = {proof.name: _alpn_context(proof, self._now()) for proof in proofs}
        default = next(iter(contexts.values()))

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = contexts.get(name or "", default)

        default.sni_callback = choose

        def visit(connection: socket.socket) -> None:
            with default.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)  # the handshake is all; the authority closes

        with _serving(self._host, self._port, visit):
            yield


class DnsProver:
    """A TXT record below the name.  `put` makes it visible to the world, `remove` takes it away.  RFC 8555 §8.4"""

    kind = "dns-01"

    def __init__(self, put: Callable[[str, str], None], remove: Callable[[str, str], None]) -> None:
        self._put, self._remove = put, remove

    @contextmanager
    def proven(self, proofs: Sequence[Proof]) -> Iterator[None]:
        texts = [
            (f"_acme-challenge.{proof.name}", base64.urlsafe_b64encode(proof.digest).rstrip(b"=").decode())
            for proof in proofs
        ]
        with ExitStack() as put:
            for owner, text in texts:
                self._put(owner, text)
                put.callback(self._remove, owner, text)
            yield


@contextmanager
def _serving(host: str, port: int, visit: Callable[[socket.socket], None]) -> Iterator[None]:
    """One visitor after the other, in a thread; authorities look from several places."""
    listening = _listen(host, port)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                continue
            connection.settimeout(_SECONDS)
            with closing(connection), suppress(OSError, ValueError):  # ssl.SSLError is an OSError
                visit(connection)

    thread = threading.Thread(target=serve, name="mailstack-acme", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        listening.close()
        thread.join(_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    try:
        if host or not socket.has_dualstack_ipv6():
            made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        else:
            made = socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)
    except PermissionError:
        raise PortInUse(
            f"port {port} may be opened by root only; the systemd unit allows it (CAP_NET_BIND_SERVICE), "
            "or choose tls.acme.challenge = dns-01"
        ) from None
    except OSError as fault:
        raise PortInUse(
            f"port {port} on {host or 'every address'} cannot be opened ({fault.strerror}): another program may have "
            "it; let that one pass /.well-known/acme-challenge/ on to tls.acme.address, or choose "
            'tls.acme.challenge = "dns-01"'
        ) from None
    made.settimeout(0.2)  # how soon the end is noticed
    return made


def _alpn_context(proof: Proof, now: datetime) -> ssl.SSLContext:
    """A context that shows the self-signed certificate of the challenge."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme challenge")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(proof.name)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(_ACME_IDENTIFIER, b"\x04\x20" + proof.digest), critical=True)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols([_ALPN])
    with tempfile.TemporaryDirectory() as folder:  # ssl takes files only; the key is good for nothing else
        chain = Path(folder, "challenge.pem")
        chain.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context.load_cert_chain(chain)
    return context
