"""BINARY: a part's octets without their transfer encoding.  RFC 3516"""

import binascii
from typing import Final

from mailstack.message.mime import Part

__all__ = ["UnknownEncodingFault", "decoded"]

_PLAIN: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})


class UnknownEncodingFault(Exception):
    """The part's transfer encoding is none that can be taken off: [UNKNOWN-CTE].  RFC 3516 §4.3"""


def decoded(part: Part) -> bytes:
    """UnknownEncodingFault.  What contains other parts has no encoding of its own: RFC 2045 §6.4."""
    octets = part.content()
    encoding = b"" if part.children else part.encoding
    if encoding in _PLAIN:
        return octets
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding != b"base64":
        raise UnknownEncodingFault
    return _from_base64(octets)


def _from_base64(octets: bytes) -> bytes:
    """As far as it goes: what is no base64 between is passed over, missing padding is added.  RFC 2045 §6.8"""
    for padding in (b"", b"=", b"=="):
        try:
            return binascii.a2b_base64(octets + padding)
        except binascii.Error:
            continue
    raise UnknownEncodingFault
