"""ETRN and its elders, which ask a server to send what it holds for the client: understood, and refused.

RFC 1985's ETRN starts a delivery for whoever asks, TURN gives mail to whoever says a
name (RFC 5321 appendix F.1), ATRN (RFC 2645) needs a login that port 25 does not have.
Never offered; 502 instead of 500 tells an old client that it is not misheard.
"""

from typing import NoReturn

from mailstack.smtp import replies
from mailstack.smtp.grammar import ANY_STATE, CommandFault, Context, Extension, Verb

__all__ = ["EXTENSION"]


def _refused(_argument: str, _context: Context) -> NoReturn:
    raise CommandFault(replies.NOT_IMPLEMENTED)


EXTENSION = Extension(
    "ETRN", lambda _terms: None, verbs=tuple(Verb(name, _refused, ANY_STATE) for name in ("ETRN", "TURN", "ATRN"))
)
