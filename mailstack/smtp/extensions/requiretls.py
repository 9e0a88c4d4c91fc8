"""REQUIRETLS: over verified TLS to the end, or not at all.  RFC 8689

Offered under TLS only, where alone it may be asked for.  The request goes with the
message through queue and reports; `relay.policy` says what it means for each host.
The header field `TLS-Required: No`, its opposite, is read by `flow.promise`.
"""

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param, Terms

__all__ = ["EXTENSION", "REQUIRETLS"]


def _line(terms: Terms) -> str | None:
    return "REQUIRETLS" if terms.tls else None


def _without_value(value: str | None) -> bool:
    """requiretls-param = "REQUIRETLS"     RFC 8689 §2"""
    if value is not None:
        raise ParseFault("REQUIRETLS takes no value")
    return True


REQUIRETLS = Param("REQUIRETLS", _without_value, False)

EXTENSION = Extension("REQUIRETLS", _line, mail=(REQUIRETLS,))
