"""TLS contexts for Twisted: the serving side with several certificates, the calling side with or without verifying."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from zope.interface import implementer

from mailstack.config.model import Tls
from mailstack.tls.certs import CertificateFault, Pair, pairs_of

__all__ = ["ClientContexts", "ServerContexts"]

_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!PSK:!SRP:!MD5"  # TLS 1.2; 1.3 has its own
_VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_SESSION_ID = b"mailstack"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What one set of files has become."""

    default: SSL.Context
    by_name: dict[str, SSL.Context] = field(default_factory=dict)

    def find(self, name: str) -> SSL.Context:
        """Whole name, then wildcard, then the main certificate: a client of a wrong name can read why."""
        return self.by_name.get(name) or self.by_name.get(f"*.{name.partition('.')[2]}") or self.default


@implementer(IOpenSSLServerConnectionCreator)
class ServerContexts:
    """What Twisted asks for each new TLS connection.  Shared by all listeners that ask for certificates of one CA.

    `client_ca`: the path of a CA whose certificates clients may show; "" does not ask for any.  One that is
    shown and is not from there, or has expired, ends the handshake; none at all does not.
    """

    def __init__(self, tls: Tls, client_ca: str = "") -> None:
        """CertificateFault."""
        self._client_ca = client_ca
        self._loaded = _load(tls, client_ca)

    def reload(self, tls: Tls) -> None:
        """New connections get what the files hold now.  CertificateFault, and then nothing has changed."""
        self._loaded = _load(tls, self._client_ca)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: ARG002, N803  Twisted's
        """Twisted's hook; `tlsProtocol` is not needed."""
        context = self._loaded.default
        connection = SSL.Connection(context, None)
        connection.set_app_data(self._loaded)
        return connection


def _load(tls: Tls, client_ca: str) -> _Loaded:
    pairs = pairs_of(tls)
    if not pairs:
        raise CertificateFault("certificate", "no certificate is set")
    made: dict[tuple[Pair, ...], SSL.Context] = {}
    by_name = {}
    for name in {name for pair in pairs for name in pair.names}:
        group = _one_of_each_algorithm(pair for pair in pairs if name in pair.names)
        by_name[name] = made.get(group) or made.setdefault(group, _server_context(group, tls, client_ca))
    default = _one_of_each_algorithm(pair for pair in pairs if set(pairs[0].names) <= set(pair.names))
    return _Loaded(made.get(default) or _server_context(default, tls, client_ca), by_name)


def _one_of_each_algorithm(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """The first of each: OpenSSL keeps one certificate a key type, and picks what the client can use."""
    found: dict[str, Pair] = {}
    for pair in pairs:
        found.setdefault(pair.algorithm, pair)
    return tuple(found.values())


def _server_context(pairs: Sequence[Pair], tls: Tls, client_ca: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(_VERSIONS[tls.minimum_version])
    context.set_cipher_list(_CIPHERS)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_id(_SESSION_ID)
    if not tls.session_tickets:
        context.set_options(SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    for pair in pairs:
        _use(context, pair)
    if client_ca:
        _ask_for_certificate(context, client_ca)
    context.set_tlsext_servername_callback(_choose)
    return context


def _use(context: SSL.Context, pair: Pair) -> None:
    try:
        context.use_certificate_chain_file(pair.certificate)
        context.use_privatekey_file(pair.key)
        context.check_privatekey()
    except SSL.Error as failure:
        reason = failure.args[0][0][2] if failure.args and failure.args[0] else "OpenSSL gives no reason"
        raise CertificateFault("certificate", f"{pair.certificate} cannot be used: {reason}") from failure


def _ask_for_certificate(context: SSL.Context, client_ca: str) -> None:
    try:
        context.load_verify_locations(client_ca)
        context.load_client_ca(client_ca.encode())
    except SSL.Error as failure:
        raise CertificateFault("client_ca", f"{client_ca} cannot be used; allowed: the path of a PEM file") from failure
    context.set_verify(SSL.VERIFY_PEER)


def _choose(connection: SSL.Connection) -> None:
    """The client has said which name it wants (SNI, RFC 6066 §3)."""
    name = connection.get_servername()
    loaded = connection.get_app_data()
    if name and isinstance(loaded, _Loaded):
        connection.set_context(loaded.find(name.decode("ascii", "replace").lower()))


class ClientContexts:
    """Contexts for calling other servers.

    `authorities` are further CA files to trust, in place of the system's (a private
    smarthost, tests).
    """

    def __init__(self, authorities: Sequence[str] = ()) -> None:
        self._trust = _trust(authorities)
        self._verifying: dict[str, Any] = {}
        self._unverified = _client_context()

    def __call__(self, hostname: str, verify: bool) -> Any:  # noqa: FBT001  relay.session.TlsClients
        """For one connection to `hostname` (or IP address).  `verify`: the handshake fails unless the certificate is
        for it and from a CA that is trusted; otherwise any certificate will do (opportunistic TLS, RFC 7435)."""
        if not verify:
            return _AnyCertificate(self._unverified, hostname)
        if hostname not in self._verifying:
            if len(self._verifying) >= 64:  # reading the CAs takes milliseconds; a context stays useful
                self._verifying.pop(next(iter(self._verifying)))
            self._verifying[hostname] = optionsForClientTLS(hostname, trustRoot=self._trust)
        return self._verifying[hostname]


def _trust(authorities: Sequence[str]) -> Any:
    if not authorities:
        return platformTrust()
    return trustRootFromCertificates([Certificate.loadPEM(Path(path).read_bytes()) for path in authorities])


def _client_context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_verify(SSL.VERIFY_NONE)
    return context


@implementer(IOpenSSLClientConnectionCreator)
class _AnyCertificate:
    def __init__(self, context: SSL.Context, hostname: str) -> None:
        self._context, self._hostname = context, hostname

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: ARG002, N803  Twisted's
        connection = SSL.Connection(self._context, None)
        if not _is_ip(self._hostname):
            connection.set_tlsext_host_name(self._hostname.encode("idna" if not self._hostname.isascii() else "ascii"))
        return connection


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
