"""Hashes of other servers.  The examples are Dovecot's, passlib's and OpenLDAP's own."""

import base64
import hashlib

import bcrypt
import pytest
from passlib.hash import ldap_salted_sha1, ldap_salted_sha256, ldap_salted_sha512, md5_crypt, sha256_crypt, sha512_crypt

from mailstack.accounts.foreign import is_foreign, normalised
from mailstack.accounts.passwords import Credential, is_as_made_now, make_credential, verify
from mailstack.base.secret import Secret

PASSWORD = "pässword one"


def pbkdf2() -> str:
    digest = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), b"s4ltS4lt", 5000, 20).hex()
    return f"{{PBKDF2}}$1$s4ltS4lt$5000${digest}"


HASHES = {
    "SHA512-CRYPT": "{SHA512-CRYPT}" + sha512_crypt.using(rounds=5000).hash(PASSWORD),
    "SHA256-CRYPT": "{sha256-crypt}" + sha256_crypt.using(rounds=5000).hash(PASSWORD),
    "crypt(3), 6": sha512_crypt.using(rounds=5000).hash(PASSWORD),
    "CRYPT": "{CRYPT}" + sha256_crypt.using(rounds=5000).hash(PASSWORD),
    "MD5-CRYPT": "{MD5-CRYPT}" + md5_crypt.hash(PASSWORD),
    "BLF-CRYPT": "{BLF-CRYPT}" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    "PBKDF2": pbkdf2(),
    "SSHA": ldap_salted_sha1.hash(PASSWORD),
    "SSHA256": ldap_salted_sha256.hash(PASSWORD),
    "SSHA512": ldap_salted_sha512.hash(PASSWORD),
    "ARGON2ID": "{ARGON2ID}" + make_credential(Secret(PASSWORD)).hashed,
}


@pytest.mark.parametrize("kept", HASHES.values(), ids=HASHES)
def test_taken_over(kept: str) -> None:
    hashed = normalised(f" {kept} ")
    assert hashed is not None
    assert verify(hashed, Secret(PASSWORD))
    assert not verify(hashed, Secret("password one"))
    assert not verify(hashed, Secret(""))
    assert is_foreign(hashed) is not kept.startswith("{ARGON2ID}")
    assert not is_as_made_now(Credential(hashed), ["sha256"])


def test_known_answers() -> None:
    """As libxcrypt's crypt(3) makes them."""
    assert verify(
        "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        Secret("Hello world!"),
    )
    assert verify("{BLF-CRYPT}$2y$04$DCq7YPn5Rq63x1Lad4cll.vSJzHkr64RhbVAAtTJLic6VtI1mhuL6", Secret("Hello world!"))
    assert verify("{SSHA}" + base64.b64encode(hashlib.sha1(b"xsalt").digest() + b"salt").decode(), Secret("x"))


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "*",
        "!",
        "x",
        "plaintext",
        "{PLAIN}secret",
        "{CRAM-MD5}e02d374fde0dc75a17a557039a3a5338c7743304777dccd376f332bee68d2cf6",
        "{SHA}qvTGHdzF6KLavt4PO0gs2a6pQ00=",
        "{SSHA}garbage!",
        "{SHA512-CRYPT}garbage",
        "{PBKDF2}$1$salt$many$zz",
        "{BLF-CRYPT}$2y$04$short",
        "{ARGON2ID}$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
    ],
)
def test_not_taken_over(kept: str) -> None:
    assert normalised(kept) is None
