"""Hashes that other servers have made: taken over as they are, and replaced at the next login that shows the password.

Dovecot's names in braces, or what crypt(3) begins with.  Refused: whatever is no hash or is
reversible (PLAIN, CRAM-MD5, DIGEST-MD5), and schemes without a salt.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping

__all__ = ["is_foreign", "normalised", "verifies"]

_PREFIXED = re.compile(r"\{([A-Za-z0-9-]+)\}(.+)", re.DOTALL)
_CRYPT = {"$6$": "SHA512-CRYPT", "$5$": "SHA256-CRYPT", "$1$": "MD5-CRYPT", "$2": "BLF-CRYPT", "$argon2": "ARGON2ID"}


def normalised(text: str) -> str | None:
    """`{SCHEME}hash`, or argon2 as we keep our own; None for what cannot be taken over."""
    found = _PREFIXED.fullmatch(text.strip())
    scheme, kept = (found[1].upper(), found[2]) if found else ("CRYPT", text.strip())
    if scheme == "CRYPT":
        scheme = next((name for start, name in _CRYPT.items() if kept.startswith(start)), "")
    if scheme == "ARGON2ID":
        return kept if kept.startswith("$argon2id$") else None
    if scheme not in _SCHEMES:
        return None
    return f"{{{scheme}}}{kept}" if _is_well_formed(scheme, kept) else None


def is_foreign(hashed: str) -> bool:
    return hashed.startswith("{")


def verifies(hashed: str, password: str) -> bool:
    """`hashed` as `normalised` has made it.  Tens of milliseconds, or seconds for who chose many rounds."""
    found = _PREFIXED.fullmatch(hashed)
    if found is None or found[1] not in _SCHEMES:
        return False
    try:
        return _SCHEMES[found[1]](found[2], password)
    except (ValueError, TypeError):
        return False


def _is_well_formed(scheme: str, kept: str) -> bool:
    try:
        _SCHEMES[scheme](kept, "")
    except (ValueError, TypeError):
        return False
    return True


def _by_passlib(name: str, braces: str = "") -> Callable[[str, str], bool]:
    """`braces`: what passlib wants to see before the hash."""

    def verify(kept: str, password: str) -> bool:
        import passlib.hash

        return bool(getattr(passlib.hash, name).verify(password, braces + kept))

    return verify


def _bcrypt(kept: str, password: str) -> bool:
    """bcrypt sees 72 octets of a password, and newer libraries refuse longer ones."""
    import bcrypt

    return bcrypt.checkpw(password.encode()[:72], kept.encode("ascii"))


def _dovecot_pbkdf2(kept: str, password: str) -> bool:
    """$1$salt$rounds$hex, HMAC-SHA-1"""
    _, version, salt, rounds, digest = kept.split("$")
    if version != "1":
        raise ValueError("another version")
    expected = bytes.fromhex(digest)
    made = hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), int(rounds), len(expected))
    return hmac.compare_digest(made, expected)


_SCHEMES: Mapping[str, Callable[[str, str], bool]] = {
    "SHA512-CRYPT": _by_passlib("sha512_crypt"),
    "SHA256-CRYPT": _by_passlib("sha256_crypt"),
    "MD5-CRYPT": _by_passlib("md5_crypt"),
    "BLF-CRYPT": _bcrypt,
    "PBKDF2": _dovecot_pbkdf2,
    "SSHA": _by_passlib("ldap_salted_sha1", "{SSHA}"),
    "SSHA256": _by_passlib("ldap_salted_sha256", "{SSHA256}"),
    "SSHA512": _by_passlib("ldap_salted_sha512", "{SSHA512}"),
}
