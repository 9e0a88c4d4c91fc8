"""SMTPUTF8: addresses and header fields beyond ASCII.  RFC 6531

The mailboxes here keep UTF-8 as it comes, so every own address may have such mail.
Whether the next server takes it is known only when it is asked: then the sender
gets a report (5.6.7).  `flow.promise` drops the request from messages that do not
need it, so that it stops nobody in vain.
"""

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param

__all__ = ["EXTENSION", "SMTPUTF8"]


def _without_value(value: str | None) -> bool:
    """The parameter takes no value: RFC 6531 §3.4"""
    if value is not None:
        raise ParseFault("SMTPUTF8 takes no value")
    return True


SMTPUTF8 = Param("SMTPUTF8", _without_value, False)

EXTENSION = Extension("SMTPUTF8", lambda _terms: "SMTPUTF8", mail=(SMTPUTF8,))
