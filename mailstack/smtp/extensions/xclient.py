"""XCLIENT: a proxy or filter that the configuration names says for whom it speaks.  Postfix's XCLIENT_README

What it says counts as if the client were connected itself: for Received, checks, limits of sessions and the
log.  It is offered to those addresses alone, and a command of anybody else is refused (550), so that nobody
lies about his address.  After it the conversation begins anew, with the greeting.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailstack.smtp import replies
from mailstack.smtp.grammar import CommandFault, Context, Extension, State, Verb
from mailstack.smtp.values import Command, Terms

__all__ = ["EXTENSION", "Xclient"]

_NAMES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")
_ATTRIBUTE = re.compile(r"([A-Za-z]{1,20})=((?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2}){1,255})")  # xtext: RFC 3461 §4
_HEX = re.compile(r"\+([0-9A-Fa-f]{2})")
_UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})


@dataclass(frozen=True, slots=True)
class Xclient(Command):
    """Attribute → value, "" for what the proxy does not know; only what was named is there.  Addresses are good."""

    attributes: Mapping[str, str]


def _line(terms: Terms) -> str | None:
    return f"XCLIENT {' '.join(_NAMES)}" if terms.xclient else None


def _xclient(argument: str, _context: Context) -> Xclient:
    """xclient-command = XCLIENT 1*( SP attribute-name"="attribute-value )"""
    attributes: dict[str, str] = {}
    for word in argument.split():
        match = _ATTRIBUTE.fullmatch(word)
        name = match[1].upper() if match else ""
        if match is None or name not in _NAMES or name in attributes:
            raise CommandFault(replies.BAD_ARGUMENT)
        attributes[name] = _value(name, _HEX.sub(lambda octet: chr(int(octet[1], 16)), match[2]))
    if not attributes:
        raise CommandFault(replies.BAD_ARGUMENT)
    return Xclient(MappingProxyType(attributes))


def _value(name: str, text: str) -> str:
    if text.upper() in _UNKNOWN:
        return ""
    if name in {"ADDR", "DESTADDR"}:
        return _address(text)
    good = {"PORT": _is_port(text), "DESTPORT": _is_port(text), "PROTO": text.upper() in {"SMTP", "ESMTP"}}
    if not good.get(name, text.isprintable()):
        raise CommandFault(replies.BAD_ARGUMENT)
    return text


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) < 65536


def _address(text: str) -> str:
    """IPv4, or `IPV6:` and IPv6, without brackets"""
    try:
        if text[:5].upper() == "IPV6:" and "%" not in text:
            return str(ipaddress.IPv6Address(text[5:]))
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise CommandFault(replies.BAD_ARGUMENT) from None


# in a state where nothing is under way; before EHLO too, as Postfix takes it
EXTENSION = Extension("XCLIENT", _line, verbs=(Verb("XCLIENT", _xclient, frozenset({State.FRESH, State.GREETED})),))
