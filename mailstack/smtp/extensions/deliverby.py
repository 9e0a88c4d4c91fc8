"""DELIVERBY: how long the message is of use, and what becomes of it then.  RFC 2852

Mode R: it comes back (5.4.7), at the latest when the time is over.  Mode N: its
sender is told that it waits, and it is tried on.  T asks for word of every relay on
the way.  No least time is announced: local delivery is at once, and whether another
server can keep a time shows when it is asked.
"""

import re
from dataclasses import dataclass

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param

__all__ = ["BY", "EXTENSION", "By"]

_BY = re.compile(r"([+-]?[0-9]{1,9});([NR])(T?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class By:
    """`seconds` from now, below 0 when the time is over; `mode` is N or R, with T behind it."""

    seconds: int
    mode: str


def _by(value: str | None) -> By:
    """by-value = by-time ";" by-mode [by-trace]     RFC 2852 §3

    by-time = ["-" / "+"] 1*9DIGIT, above 0 with mode R
    """
    match = _BY.fullmatch(value or "")
    if match is None:
        raise ParseFault("BY is seconds, a semicolon, N or R, and perhaps T")
    seconds, mode = int(match[1]), match[2].upper()
    if mode == "R" and seconds <= 0:
        raise ParseFault("with mode R there must be some time left")
    return By(seconds, mode + match[3].upper())


BY: Param[By | None] = Param("BY", _by, None)

EXTENSION = Extension("DELIVERBY", lambda _terms: "DELIVERBY", mail=(BY,))
