"""8BITMIME: the message may have octets above 127.  RFC 6152"""

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param

__all__ = ["BODY", "EXTENSION"]

_BODIES = frozenset({"7BIT", "8BITMIME", "BINARYMIME"})


def _body(value: str | None) -> str:
    """body-value = "7BIT" / "8BITMIME" / "BINARYMIME"     RFC 6152 §3, RFC 3030 §3"""
    word = (value or "").upper()
    if word not in _BODIES:
        raise ParseFault("BODY is 7BIT, 8BITMIME or BINARYMIME")
    return word


BODY = Param("BODY", _body, "7BIT")

EXTENSION = Extension("8BITMIME", lambda _terms: "8BITMIME", mail=(BODY,))
