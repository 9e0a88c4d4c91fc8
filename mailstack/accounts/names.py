"""The one form in which addresses are kept and compared."""

import re
import unicodedata

import idna

from mailstack.base.errors import Condition, MailError

__all__ = ["address_of_account", "canonical_address", "canonical_domain", "parse_address", "parse_domain"]

_ATOM = re.compile(r"[^\s\x00-\x20()<>\[\]:;@\\,.\"/\x7f-\x9f]+")  # atext and UTF-8, without / (it parts folders)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LOCAL_LIMIT = 64  # octets, RFC 5321 §4.5.3.1.1
_DOMAIN_LIMIT = 253  # octets, RFC 1035 §2.3.4 without the final dot


def canonical_domain(domain: str) -> str:
    """Lower-case A-labels, no final dot.  A name that IDNA refuses stays as it is, in lower case: it is nobody's."""
    domain = domain.rstrip(".")
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return domain.lower()


def canonical_address(address: str) -> str:
    """`Alice@Bücher.example` → `alice@xn--bcher-kva.example`.  Without `@` only the case changes."""
    local, at, domain = address.rpartition("@")
    if not at:
        return _folded(domain)
    return f"{_folded(local)}@{canonical_domain(domain)}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower())


def parse_domain(text: str) -> str:
    """A domain that somebody typed, canonical.  MailError(NO_SUCH_DOMAIN) when it can be none."""
    domain = canonical_domain(text.strip())
    labels = domain.split(".")
    if len(domain) > _DOMAIN_LIMIT or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)):
        raise MailError(Condition.NO_SUCH_DOMAIN, f"{text!r} is not a domain; write it like example.org")
    return domain


def parse_address(text: str) -> str:
    """An address that somebody typed, canonical.  MailError(NO_SUCH_USER) when it can be none."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not domain or not _is_local_part(local):
        raise MailError(Condition.NO_SUCH_USER, f"{text!r} is not an address; write it like alice@example.org")
    parse_domain(domain)
    return canonical_address(f"{local}@{domain}")


def address_of_account(text: str) -> str:
    """As `parse_address`, for the name of an account: it also names a folder, and so stays within one file name."""
    address = parse_address(text)
    if len(address.encode()) > 200:
        raise MailError(Condition.NO_SUCH_USER, f"{text!r} is too long for an account; allowed: 200 octets")
    return address


def _is_local_part(local: str) -> bool:
    """dot-atom of RFC 5322 §3.2.3 with RFC 6531 §3.3's UTF-8; never the quoted form."""
    atoms = local.split(".")
    return (
        len(local.encode("utf-8", "replace")) <= _LOCAL_LIMIT
        and all(map(_ATOM.fullmatch, atoms))
        and local.isprintable()
    )
