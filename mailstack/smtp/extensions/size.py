"""SIZE: the sender says how big the message will be.  RFC 1870"""

import re

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param, Terms

__all__ = ["EXTENSION", "SIZE"]

_DIGITS = re.compile(r"[0-9]{1,20}")


def _line(terms: Terms) -> str:
    return f"SIZE {terms.message_octets}" if terms.message_octets else "SIZE"


def _octets(value: str | None) -> int:
    """size-value = 1*20DIGIT     RFC 1870 §6"""
    if value is None or not _DIGITS.fullmatch(value):
        raise ParseFault("SIZE is a number of octets")
    return int(value)


SIZE = Param("SIZE", _octets, 0)

EXTENSION = Extension("SIZE", _line, mail=(SIZE,))
