"""MT-PRIORITY: which mail goes first.  RFC 6710

Everybody may ask for less than the usual 0; for more only those whom the
configuration names, and servers that speak LMTP to us.  What is not granted is 0,
and said to be so (2.3.6).  All 19 levels are told apart, so no profile is named.
"""

import re

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param

__all__ = ["EXTENSION", "MT_PRIORITY"]

_PRIORITY = re.compile(r"0|-?[1-9]")


def _priority(value: str | None) -> int:
    """priority-value = (["-"] NZDIGIT) / "0"     RFC 6710 §7"""
    if value is None or not _PRIORITY.fullmatch(value):
        raise ParseFault("MT-PRIORITY is a number from -9 to 9")
    return int(value)


MT_PRIORITY = Param("MT-PRIORITY", _priority, 0)

EXTENSION = Extension("MT-PRIORITY", lambda _terms: "MT-PRIORITY", mail=(MT_PRIORITY,))
