"""The keys as files: made, read, turned over.  `dkim/DOMAIN/SELECTOR.LIFE.pem` in the state folder, mode 0600."""

import base64
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import count
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from mailstack.base import files
from mailstack.base.errors import Condition, MailError
from mailstack.base.secret import Secret
from mailstack.dkim.signature import SigningKey

__all__ = ["Kept", "Life", "domains", "kept", "make", "published", "record", "retire", "rotate", "signing_keys"]

RSA_BITS = 2048  # RFC 8301 §3.2: at least 1024, should be 2048; larger ones break many a DNS form
_FILE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.(next|signs|old)\.pem")
_TXT_OCTETS = 255  # of one string in a TXT record: RFC 1035 §3.3.14


class Life(Enum):
    NEXT = "next"  # published, perhaps; does not sign yet
    SIGNS = "signs"
    OLD = "old"  # signs no more; its record stays for mail on its way


@dataclass(frozen=True, slots=True)
class Kept:
    """One key file."""

    domain: str
    selector: str
    life: Life
    path: Path
    made: datetime

    def read(self) -> SigningKey:
        """MailError(UNAVAILABLE) when the file is no key of ours."""
        try:
            text = Secret(self.path.read_text("ascii"))
            key = serialization.load_pem_private_key(text.reveal().encode(), None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as fault:
            raise MailError(Condition.UNAVAILABLE, f"{self.path} cannot be read as a key: {fault}") from None
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise MailError(Condition.UNAVAILABLE, f"{self.path} is neither an RSA nor an Ed25519 key")
        return SigningKey(self.domain, self.selector, key)


def domains(folder: str) -> Sequence[str]:
    there = Path(folder)
    return sorted(path.name for path in there.iterdir() if path.is_dir()) if there.is_dir() else []


def kept(folder: str, domain: str) -> Sequence[Kept]:
    """A domain's keys, the youngest last."""
    there = Path(folder, domain)
    found = []
    for path in sorted(there.iterdir()) if there.is_dir() else ():
        if match := _FILE.fullmatch(path.name):
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            found.append(Kept(domain, match[1], Life(match[2]), path, made))
    return sorted(found, key=lambda each: (each.made, each.selector))


def signing_keys(folder: str) -> tuple[Mapping[str, Sequence[SigningKey]], Sequence[str]]:
    """By domain, those that sign now, Ed25519 first; and what is wrong with those that cannot be read."""
    found: dict[str, list[SigningKey]] = {}
    faults = []
    for each in (key for domain in domains(folder) for key in kept(folder, domain) if key.life is Life.SIGNS):
        try:
            found.setdefault(each.domain, []).append(each.read())
        except MailError as fault:
            faults.append(fault.public)
    return {domain: sorted(keys, key=lambda key: key.algorithm) for domain, keys in found.items() if keys}, faults


def published(folder: str, domain: str) -> Sequence[tuple[str, str]]:
    """(selector, text of its record) of every key that may be looked up: also those that wait, and old ones."""
    try:
        return [(each.selector, record(each.read())[1]) for each in kept(folder, domain)]
    except (MailError, PermissionError):
        return []  # not for whoever asks


def make(folder: str, domain: str, now: datetime) -> Sequence[Kept]:
    """A pair of keys.  They sign at once when the domain has no others, else they wait for `rotate`.

    MailError(IN_USE) when a pair waits already.
    """
    there = kept(folder, domain)
    if any(each.life is Life.NEXT for each in there):
        raise MailError(
            Condition.IN_USE, f"{domain} has keys that wait already; mailstack dkim rotate {domain} has them sign"
        )
    life = Life.NEXT if any(each.life is Life.SIGNS for each in there) else Life.SIGNS
    stem = _free_stem(now, {each.selector for each in there})
    Path(folder, domain).mkdir(files.FOLDER_MODE, parents=True, exist_ok=True)
    _write(Path(folder, domain, f"{stem}e.{life.value}.pem"), Ed25519PrivateKey.generate())
    _write(Path(folder, domain, f"{stem}r.{life.value}.pem"), generate_private_key(65537, RSA_BITS))
    return [each for each in kept(folder, domain) if each.selector in {f"{stem}e", f"{stem}r"}]


def _free_stem(now: datetime, taken: set[str]) -> str:
    """`20261123`, or with a number when there is one of that day."""
    day = now.strftime("%Y%m%d")
    return next(stem for n in count(1) if f"{(stem := f'{day}n{n}' if n > 1 else day)}r" not in taken)


def _write(path: Path, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, files.FILE_MODE)
    try:
        files.write_all(fd, pem)
        os.fsync(fd)
    finally:
        os.close(fd)
    files.sync_folder(str(path.parent))


def rotate(folder: str, domain: str) -> tuple[Sequence[Kept], Sequence[Kept]]:
    """Those that wait sign from now on, those that signed do not any more: (these, those).

    MailError(NO_SUCH_DOMAIN) when none wait.  A crash in between leaves both signing: good mail all the same.
    """
    there = kept(folder, domain)
    waiting = [each for each in there if each.life is Life.NEXT]
    if not waiting:
        raise MailError(
            Condition.NO_SUCH_DOMAIN, f"no keys of {domain} wait to sign; make some first: mailstack dkim new {domain}"
        )
    begin = [_turn(each, Life.SIGNS) for each in waiting]
    end = [_turn(each, Life.OLD) for each in there if each.life is Life.SIGNS]
    return begin, end


def _turn(key: Kept, life: Life) -> Kept:
    path = key.path.with_name(f"{key.selector}.{life.value}.pem")
    files.rename(str(key.path), str(path))
    files.sync_folder(str(path.parent))
    return Kept(key.domain, key.selector, life, path, key.made)


def retire(folder: str, domain: str, selector: str) -> Kept:
    """Remove a key for good.  MailError(NO_SUCH_DOMAIN, IN_USE)"""
    for each in kept(folder, domain):
        if each.selector == selector:
            if each.life is Life.SIGNS:
                raise MailError(
                    Condition.IN_USE,
                    f"{selector} of {domain} signs; first let another: mailstack dkim new {domain}, then rotate",
                )
            each.path.unlink()
            return each
    raise MailError(Condition.NO_SUCH_DOMAIN, f"{domain} has no key {selector}; see: mailstack dkim list")


def record(key: SigningKey) -> tuple[str, str, str]:
    """What belongs in the DNS: (name, value for a web form, line for a zone file).  RFC 6376 §3.6.1, RFC 8463 §4"""
    public = key.private.public_key()
    if isinstance(key.private, RSAPrivateKey):
        kind, form = "rsa", serialization.PublicFormat.SubjectPublicKeyInfo
        octets = public.public_bytes(serialization.Encoding.DER, form)
    else:
        kind = "ed25519"
        octets = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    name = f"{key.selector}._domainkey.{key.domain}"
    value = f"v=DKIM1; k={kind}; p={base64.b64encode(octets).decode()}"
    parts = [value[place : place + _TXT_OCTETS] for place in range(0, len(value), _TXT_OCTETS)]
    strings = " ".join(f'"{part}"' for part in parts)
    return name, value, f"{name}. 3600 IN TXT {f'( {strings} )' if len(parts) > 1 else strings}"
