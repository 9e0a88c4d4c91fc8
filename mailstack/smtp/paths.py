"""Paths: the addresses of MAIL and RCPT.  RFC 5321 §4.1.2, with RFC 6531 §3.3's UTF-8

What comes out is text in one form: domain in lower case, local part with quotes
only where it needs them.  Whether non-ASCII may stand there is the caller's
question (`str.isascii`), because MAIL says so only behind its path.
"""

import ipaddress
import re

from mailstack.base.errors import ParseFault

__all__ = ["forward_path", "reverse_path"]

# quirk: dots at the ends of a local part or side by side, which some telephone companies gave out
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\U0010ffff-]++"
_QUOTED = r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*+"'
_NAME = r"[A-Za-z0-9_.\u0080-\U0010ffff-]++"
_DOMAIN = rf"{_NAME}|\[[^\[\]\\\s]*+\]"
# Path = "<" [ A-d-l ":" ] Mailbox ">"; A-d-l must be taken and ignored: RFC 5321 §4.1.2
_PATH = re.compile(
    rf"<(?:@(?:{_DOMAIN})(?:,@(?:{_DOMAIN}))*:)?(?P<local>{_LOCAL}|{_QUOTED})@(?P<domain>{_DOMAIN})>(?= |$)"
)
# quirk: a path without its brackets, from scripts and appliances
_BARE = re.compile(rf"(?P<local>{_LOCAL}|{_QUOTED})@(?P<domain>{_DOMAIN})(?= |$)")
_NULL = re.compile(r"<>(?= |$)")
_POSTMASTER = re.compile(r"<postmaster>(?= |$)", re.IGNORECASE)
_PLAIN = re.compile(_LOCAL)
_PAIR = re.compile(r"\\(.)")

_LOCAL_LIMIT = 256  # octets; quirk: RFC 5321 §4.5.3.1.1 says 64, senders of bounce addresses go beyond
_DOMAIN_LIMIT = 255  # octets, RFC 5321 §4.5.3.1.2: with the local part still far below a header line's 998


def reverse_path(text: str) -> tuple[str, str]:
    """Reverse-path = Path / "<>": the address ("" for the null path), and what stands behind it."""
    null = _NULL.match(text)
    if null:
        return "", text[null.end() :]
    return _mailbox(text)


def forward_path(text: str) -> tuple[str, str]:
    """ "<Postmaster>" / Path: the address (`postmaster` alone for the first form), and what stands behind it."""
    postmaster = _POSTMASTER.match(text)
    if postmaster:
        return "postmaster", text[postmaster.end() :]
    return _mailbox(text)


def _mailbox(text: str) -> tuple[str, str]:
    match = _PATH.match(text) or _BARE.match(text)
    if match is None:
        raise ParseFault("not a path")
    local = _unquoted(match["local"])
    if len(local.encode()) > _LOCAL_LIMIT:
        raise ParseFault("local part too long")
    return f"{local}@{_domain(match['domain'])}", text[match.end() :]


def _unquoted(local: str) -> str:
    """A quoted string without its quotes where they are not needed: both name the same mailbox (RFC 5321 §4.1.2)."""
    if not local.startswith('"'):
        return local
    content = _PAIR.sub(r"\1", local[1:-1])
    if _PLAIN.fullmatch(content):
        return content
    escaped = content.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _domain(domain: str) -> str:
    """Domain / address-literal     RFC 5321 §4.1.2, §4.1.3"""
    if domain.startswith("["):
        return _literal(domain[1:-1])
    labels = domain.split(".")
    if len(domain.encode()) > _DOMAIN_LIMIT or not all(_good_label(label) for label in labels):
        raise ParseFault("bad domain")
    return domain.lower()


def _good_label(label: str) -> bool:
    return 0 < len(label) <= 63 and not label.startswith("-") and not label.endswith("-")


def _literal(content: str) -> str:
    """address-literal = "[" ( IPv4 / "IPv6:" IPv6 ) "]"; no other kind is registered"""
    try:
        if content[:5].lower() == "ipv6:" and "%" not in content:  # no zone
            return f"[IPv6:{ipaddress.IPv6Address(content[5:])}]"
        return f"[{ipaddress.IPv4Address(content)}]"
    except ValueError:
        raise ParseFault("bad address literal") from None
