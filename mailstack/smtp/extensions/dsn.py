"""DSN: the sender says which reports it wants, and what shall stand in them.  RFC 3461

RET and ENVID belong to the message, NOTIFY and ORCPT to each recipient.  They go with
the message through the queue to the next server; what this server reports by
itself is `queue.bounce`'s.
"""

import re

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param

__all__ = ["ENVID", "EXTENSION", "NOTIFY", "ORCPT", "RET"]

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")  # RFC 3461 §4
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
# utf-8-addr-xtext / utf-8-addr-unitext, the second only where SMTPUTF8 lets it stand: RFC 6533 §3
_UTF8_ADDRESS = re.compile(r"(?:[!-*,-<>-\[\]-~\u0080-\U0010ffff]|\\x\{[0-9A-F]{2,6}\})+")
_WORDS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_ENVID_LIMIT = 100  # characters, RFC 3461 §4.4
_ORCPT_LIMIT = 500  # characters, RFC 3461 §4.2


def _ret(value: str | None) -> str:
    """ret-value = "FULL" / "HDRS"     RFC 3461 §4.3"""
    word = (value or "").upper()
    if word not in {"FULL", "HDRS"}:
        raise ParseFault("RET is FULL or HDRS")
    return word


def _envid(value: str | None) -> str:
    """envid-parameter = "ENVID=" xtext     RFC 3461 §4.4"""
    if value is None or len(value) > _ENVID_LIMIT or not _XTEXT.fullmatch(value):
        raise ParseFault("ENVID is xtext of at most 100 characters")
    return value


def _notify(value: str | None) -> frozenset[str]:
    """notify-esmtp-value = "NEVER" / 1#notify-list-element     RFC 3461 §4.1"""
    words = (value or "").upper().split(",")
    if words != ["NEVER"] and not _WORDS.issuperset(words):
        raise ParseFault("NOTIFY is NEVER, or some of SUCCESS, FAILURE, DELAY")
    return frozenset(words)


def _orcpt(value: str | None) -> str:
    """original-recipient-address = addr-type ";" xtext     RFC 3461 §4.2

    Kept in ASCII, so that it can go on to any server.
    """
    kind, _, address = (value or "").partition(";")
    form = _UTF8_ADDRESS if kind.lower() == "utf-8" else _XTEXT
    if not _ADDRESS_TYPE.fullmatch(kind) or not form.fullmatch(address):
        raise ParseFault("ORCPT is a type, a semicolon and an address in xtext")
    kept = f"{kind};{''.join(c if c.isascii() else _escaped(c) for c in address)}"
    if len(kept) > _ORCPT_LIMIT:
        raise ParseFault("ORCPT is too long")
    return kept


def _escaped(char: str) -> str:
    """QCHAR / EmbeddedUnicodeChar     RFC 6533 §3"""
    return f"\\x{{{ord(char):02X}}}"


RET = Param("RET", _ret, "")
ENVID = Param("ENVID", _envid, "")
NOTIFY: Param[frozenset[str]] = Param("NOTIFY", _notify, frozenset())
ORCPT = Param("ORCPT", _orcpt, "")

EXTENSION = Extension("DSN", lambda _terms: "DSN", mail=(RET, ENVID), rcpt=(NOTIFY, ORCPT))
