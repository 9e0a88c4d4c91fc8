"""Passwords: what is kept of them, and whether one is right."""

import hashlib
import hmac
import os
import stringprep
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from mailstack.accounts.api import ScramKeys
from mailstack.accounts.foreign import is_foreign, verifies
from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret

__all__ = [
    "Credential",
    "ScramKeys",
    "VerifiedPasswords",
    "is_as_made_now",
    "make_credential",
    "nobodys_keys",
    "prepare",
    "proves",
    "verify",
    "verify_nobody",
]

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)  # memory in KiB
_SCRAM_ITERATIONS = 50_000  # RFC 7677 §4 asks for 4096 at least; see the package for why it is more
_SALT_OCTETS = 16
_LONGEST = 1024  # characters; hashing takes no longer for a longer one, but storing SASLprep's work would

# argon2id of 32 random octets that nobody kept, with the parameters above: what an unknown name is checked against
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$0gYvZ+xZSq0gUcD9GOzr7Q$WoIBurJMaeJMKQaDbZwcULkgDNo+AIwuvv4DL7yU1xg"


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """What is kept of a password: its hash, and SCRAM keys, one set a hash function."""

    hashed: str
    scram: tuple[ScramKeys, ...] = ()

    def keys(self, algorithm: str) -> ScramKeys | None:
        return next((keys for keys in self.scram if keys.algorithm == algorithm), None)


def prepare(password: str) -> bytes:
    """SASLprep (RFC 4013) for what is stored and for what is checked, so that two keyboards agree.

    A password that it forbids (control characters, unassigned letters) is taken as it is: what people type must
    work.
    """
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in password if not stringprep.in_table_b1(c))
    prepared = unicodedata.normalize("NFKC", mapped)
    forbidden = any(map(_forbidden, prepared)) or not prepared
    return (password if forbidden else prepared).encode("utf-8", "surrogatepass")


def _forbidden(character: str) -> bool:
    return any(
        table(character)
        for table in (
            stringprep.in_table_c21_c22,
            stringprep.in_table_c3,
            stringprep.in_table_c4,
            stringprep.in_table_c5,
            stringprep.in_table_c6,
            stringprep.in_table_c7,
            stringprep.in_table_c8,
            stringprep.in_table_c9,
        )
    )


def make_credential(password: Secret, algorithms: Iterable[str] = ("sha256",)) -> Credential:
    """With SCRAM keys for each of `algorithms`.  Takes tens of milliseconds.

    MailError(NOT_ALLOWED) for a password that no mail program could send.
    """
    text = password.reveal()
    if not text or len(text) > _LONGEST or "\0" in text or "\n" in text or "\r" in text:
        raise MailError(
            Condition.NOT_ALLOWED, f"this password cannot be used; allowed: 1 to {_LONGEST} characters in one line"
        )
    prepared = prepare(text)
    keys = (_scram_keys(prepared, os.urandom(_SALT_OCTETS), _SCRAM_ITERATIONS, name) for name in algorithms)
    return Credential(_HASHER.hash(prepared), tuple(keys))


def is_as_made_now(credential: Credential, algorithms: Iterable[str]) -> bool:
    """Whether `make_credential` would keep the same kinds of things, at the same cost."""
    return (
        credential.hashed.startswith("$argon2id$")
        and not _HASHER.check_needs_rehash(credential.hashed)
        and {keys.algorithm for keys in credential.scram} == set(algorithms)
    )


def _scram_keys(prepared: bytes, salt: bytes, iterations: int, algorithm: str = "sha256") -> ScramKeys:
    """RFC 5802 §3: SaltedPassword, ClientKey, StoredKey, ServerKey."""
    salted = hashlib.pbkdf2_hmac(algorithm, prepared, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    stored_key = hashlib.new(algorithm, client_key).digest()
    return ScramKeys(salt, iterations, stored_key, hmac.digest(salted, b"Server Key", algorithm), algorithm)


def nobodys_keys(secret: bytes, name: str, algorithm: str = "sha256") -> ScramKeys:
    """For a name that is not there: like real ones, always the same, and no password leads to them."""
    octets = hashlib.new(algorithm).digest_size
    salt, stored, server = (
        hmac.digest(secret, part + b" " + algorithm.encode() + b" " + name.encode("utf-8", "surrogatepass"), "sha256")
        for part in (b"salt", b"stored key", b"server key")
    )
    return ScramKeys(salt[:_SALT_OCTETS], _SCRAM_ITERATIONS, stored[:octets], server[:octets], algorithm)


def proves(keys: ScramKeys, auth_message: bytes, proof: bytes) -> bool:
    """RFC 5802 §3: ClientKey := ClientProof XOR ClientSignature; its hash is StoredKey."""
    signature = hmac.digest(keys.stored_key, auth_message, keys.algorithm)
    if len(proof) != len(signature):
        return False
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    return hmac.compare_digest(hashlib.new(keys.algorithm, client_key).digest(), keys.stored_key)


def verify(hashed: str, password: Secret) -> bool:
    """Whether it is the password.  Tens of milliseconds; may be called from a thread."""
    if is_foreign(hashed):
        return verifies(hashed, password.reveal()[: _LONGEST + 1])
    try:
        return _HASHER.verify(hashed, prepare(password.reveal()[: _LONGEST + 1]))
    except (VerificationError, InvalidHashError):
        return False


def verify_nobody(password: Secret) -> bool:
    """Takes the time of `verify`, and is always False."""
    verify(_NOBODY, password)
    return False


class VerifiedPasswords:
    """Remembers for a while that a password was right: a digest keyed with octets that this process alone has.

    An entry holds for one account and one stored hash, so that a changed password is
    asked for at once.  `now` tells seconds.
    """

    def __init__(self, now: Callable[[], float], *, keep_for: float = 600.0, limit: int = 10_000) -> None:
        self._now, self._keep_for, self._limit = now, keep_for, limit
        self._key = os.urandom(32)
        self._known: dict[str, tuple[bytes, float]] = {}

    def remember(self, account: str, argon2: str, password: Secret) -> None:
        if len(self._known) >= self._limit:
            self._known.pop(next(iter(self._known)))
        self._known[account] = self._digest(account, argon2, password), self._now() + self._keep_for

    def knows(self, account: str, argon2: str, password: Secret) -> bool:
        digest, until = self._known.get(account, (b"", 0.0))
        if self._now() >= until:
            self._known.pop(account, None)
            return False
        return hmac.compare_digest(digest, self._digest(account, argon2, password))

    def _digest(self, account: str, argon2: str, password: Secret) -> bytes:
        parts = account.encode(), argon2.encode(), prepare(password.reveal()[: _LONGEST + 1])
        keyed = hashlib.blake2b(key=self._key, digest_size=32)
        for part in parts:
            keyed.update(len(part).to_bytes(4, "big") + part)
        return keyed.digest()
