"""The DKIM-Signature field: which fields it covers, its tags, its folding.  RFC 6376 §3.5, §5"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from mailstack.dkim.canon import relaxed_field
from mailstack.message.header import Header

__all__ = ["OVER_SIGNED", "SIGNED", "SigningKey", "signature"]

OVER_SIGNED = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"reply-to",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
)
SIGNED = (b"sender", b"in-reply-to", b"references", b"content-disposition", b"content-id")

_WIDTH = 75  # characters of a line of the field


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, and under which name its other half stands in the DNS: `selector._domainkey.domain`, A-labels."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey  # cryptography's: its repr shows nothing of it

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        """RFC 6376 §3.3.1; RFC 8463 §3: Ed25519 of the SHA-256."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(data).digest())


def signature(header: Header, body_hash: bytes, key: SigningKey, seconds: int) -> bytes:
    """The whole field, with its line end, to stand above the header.  `seconds` is UNIX time."""
    names, covered = _covered(header)
    unsigned = _field(key, seconds, names, base64.b64encode(body_hash))
    data = b"".join(relaxed_field(field) + b"\r\n" for field in covered) + relaxed_field(unsigned)
    return unsigned + _folded(base64.b64encode(key.sign(data))) + b"\r\n"


def _covered(header: Header) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """(the names of h=, the fields that they stand for): the lowest of a name first.  RFC 6376 §5.4.2"""
    names: list[bytes] = []
    fields: list[bytes] = []
    for name in (*OVER_SIGNED, *SIGNED):
        there = [header.raw(field) for field in reversed(header.named(name))]
        fields += there
        names += [name] * (len(there) + (name in OVER_SIGNED))
    return names, fields


def _field(key: SigningKey, seconds: int, names: Sequence[bytes], body_hash: bytes) -> bytes:
    """Up to and with `b=`."""
    domain, selector = key.domain.encode("ascii"), key.selector.encode("ascii")
    lines = [
        b"DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;" % key.algorithm.encode(),
        b"d=%s;" % domain,
        b"s=%s; t=%d;" % (selector, seconds),
        *_list_of(names),
        b"bh=%s;" % body_hash,
        b"b=",
    ]
    return b"\r\n\t".join(lines)


def _list_of(names: Sequence[bytes]) -> list[bytes]:
    """`h=`, folded behind colons."""
    lines = [b"h="]
    for number, name in enumerate(names):
        word = name + (b";" if number == len(names) - 1 else b":")
        if len(lines[-1]) + len(word) > _WIDTH:
            lines.append(b"")
        lines[-1] += word
    return lines


def _folded(encoded: bytes) -> bytes:
    return b"\r\n\t".join(encoded[place : place + _WIDTH] for place in range(0, len(encoded), _WIDTH))
