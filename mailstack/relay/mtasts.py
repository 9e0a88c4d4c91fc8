"""MTA-STS: what a domain says about its hosts, and how to read it.  Pure.  RFC 8461"""

import re
from dataclasses import dataclass
from enum import Enum

from mailstack.base.errors import ParseFault

__all__ = ["MAX_AGE", "StsMode", "StsPolicy", "read_policy", "read_record"]

MAX_AGE = 31_557_600  # seconds, about a year.  RFC 8461 §3.2
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


class StsMode(Enum):
    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """`mx` are patterns in lower case; `max_age` in seconds."""

    mode: StsMode
    mx: tuple[str, ...]
    max_age: int

    def covers(self, host: str) -> bool:
        """`*.` stands for exactly one label.  RFC 8461 §4.1"""
        name = host.lower().rstrip(".")
        above = name.partition(".")[2]
        return any(pattern in (name, f"*.{above}") for pattern in self.mx)


def read_record(texts: tuple[bytes, ...]) -> str | None:
    """The id in the one TXT record of `_mta-sts.`; None when there is no policy.

    sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]      RFC 8461 §3.1
    """
    records = [text for text in texts if text.startswith(b"v=STSv1")]
    if len(records) != 1:
        return None
    fields = [field.strip() for field in records[0].decode("ascii", "replace").split(";")]
    ids = [field[3:] for field in fields[1:] if field.startswith("id=")]
    return ids[0] if fields[0] == "v=STSv1" and ids and _ID.fullmatch(ids[0]) else None


def read_policy(octets: bytes) -> StsPolicy:
    """sts-policy-record = sts-policy-field *WSP *(sts-policy-term sts-policy-field *WSP)      RFC 8461 §3.2

    Of a key that is there twice the first counts, except mx.  ParseFault.
    """
    found: dict[str, str] = {}
    mx: list[str] = []
    for line in octets.decode("utf-8", "replace").splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            continue
        if key == "mx":
            mx.append(_mx(value))
        else:
            found.setdefault(key, value)
    if found.get("version") != "STSv1":
        raise ParseFault("MTA-STS policy without version: STSv1")
    try:
        mode = StsMode(found.get("mode", ""))
    except ValueError:
        raise ParseFault("MTA-STS policy without a mode that is known") from None
    age = found.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise ParseFault("MTA-STS policy without max_age")
    if not mx and mode is not StsMode.NONE:
        raise ParseFault("MTA-STS policy without mx")
    return StsPolicy(mode, tuple(mx), min(int(age), MAX_AGE))


def _mx(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ParseFault(f"MTA-STS policy with a strange mx: {value[:80]!r}")
    return value.lower()
