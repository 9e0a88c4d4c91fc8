"""Channel bindings of a TLS connection: what its two ends know, and somebody in the middle does not.  RFC 5056"""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256

__all__ = ["channel_binding"]

_EXPORTER_OCTETS = 32  # RFC 9266 §2


def channel_binding(handle: Any, kind: str) -> bytes | None:
    """`handle` is the server's `OpenSSL.SSL.Connection`.  None: no such kind, or not on this connection."""
    if kind == "tls-exporter":
        return _exporter(handle)
    if kind == "tls-server-end-point":
        return _end_point(handle.get_certificate(as_cryptography=True))
    return None


def _exporter(handle: Any) -> bytes | None:
    """Before TLS 1.3 it is safe with the extended master secret only (RFC 9266 §1), which pyOpenSSL does not tell."""
    if handle.get_protocol_version_name() != "TLSv1.3":
        return None
    octets: bytes = handle.export_keying_material(b"EXPORTER-Channel-Binding", _EXPORTER_OCTETS, b"")
    return octets


def _end_point(certificate: x509.Certificate) -> bytes | None:
    """The certificate's hash, by the function of its own signature, but not MD5 and SHA-1.  RFC 5929 §4.1"""
    function = certificate.signature_hash_algorithm
    if function is None:  # Ed25519 has none: not defined
        return None
    return certificate.fingerprint(SHA256() if isinstance(function, MD5 | SHA1) else function)
