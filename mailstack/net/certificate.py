"""Whom the client's certificate was made for."""

from typing import Any

from cryptography import x509

__all__ = ["addresses"]


def addresses(handle: Any) -> tuple[str, ...]:
    """E-mail addresses in the subjectAltName of the certificate that the client has shown (RFC 5280 §4.2.1.6).

    `handle` is the server's `OpenSSL.SSL.Connection` after a handshake that has verified it.
    """
    certificate = handle.get_peer_certificate(as_cryptography=True)
    if certificate is None:
        return ()
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(names.get_values_for_type(x509.RFC822Name))
