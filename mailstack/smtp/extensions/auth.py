"""AUTH: log in by SASL.  RFC 4954"""

import binascii
import re

from mailstack.base.errors import ParseFault
from mailstack.smtp import replies
from mailstack.smtp.grammar import CommandFault, Context, Extension, State, Verb
from mailstack.smtp.values import Auth, AuthResponse, Param, Terms

__all__ = ["AUTH", "EXTENSION", "response"]

_MECHANISM = re.compile(r"[A-Za-z0-9_-]{1,20}")  # RFC 4422 §3.1
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")  # RFC 3461 §4


def _line(terms: Terms) -> str | None:
    return f"AUTH {' '.join(terms.mechanisms)}" if terms.mechanisms else None


def _auth(argument: str, _context: Context) -> Auth:
    """auth-command = "AUTH" SP sasl-mech [SP initial-response] *(CRLF [base64]) [CRLF cancel-response] CRLF

    initial-response = base64 / "="     RFC 4954 §8
    """
    mechanism, _, initial = argument.partition(" ")
    if not _MECHANISM.fullmatch(mechanism):
        raise CommandFault(replies.BAD_ARGUMENT)
    initial = initial.strip(" ")
    if not initial:
        return Auth(mechanism.upper())
    return Auth(mechanism.upper(), b"" if initial == "=" else _decoded(initial.encode()))


def response(line: bytes) -> AuthResponse:
    """One answer in the exchange; `*` cancels it: RFC 4954 §4"""
    if line == b"*":
        raise CommandFault(replies.AUTH_CANCELLED)
    return AuthResponse(_decoded(line))


def _decoded(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise CommandFault(replies.BAD_BASE64) from None


def _identity(value: str | None) -> str:
    """Who first submitted the message, `<>` when nobody may say: taken and not believed.  RFC 4954 §5"""
    if value is None or not _XTEXT.fullmatch(value):
        raise ParseFault("AUTH is xtext")
    return value


AUTH = Param("AUTH", _identity, "")

EXTENSION = Extension(
    "AUTH",
    _line,
    mail=(AUTH,),
    verbs=(Verb("AUTH", _auth, frozenset({State.GREETED})),),
)
