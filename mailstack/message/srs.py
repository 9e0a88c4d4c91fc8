"""The Sender Rewriting Scheme: return paths of forwarded mail that SPF lets pass, and the way back.  Pure.

    SRS0 = "SRS0=" hash "=" day "=" domain "=" local          of somebody else's sender
    SRS1 = "SRS1=" hash "=" domain "=" rest of SRS0           of one that was rewritten elsewhere before

As M. S. Wong's paper draws it (libsrs, postsrsd): everybody's SRS1 leads back to everybody's SRS0.
The hash is in lower-case base32, not base64: local parts are folded on their way here.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

from mailstack.base.secret import Secret

__all__ = ["Srs", "rewritten"]

_DAYS = 1024  # of which the two letters of the day are the rest
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_SRS0 = re.compile(r"srs0[=+-]([a-z2-7]{8})=([a-z2-7]{2})=([^=]+)=(.+)", re.IGNORECASE | re.DOTALL)
_SRS1 = re.compile(r"srs1[=+-]([a-z2-7]{8})=([^=]+)=(.+)", re.IGNORECASE | re.DOTALL)
_THEIRS0 = re.compile(r"srs0([=+-].+)", re.IGNORECASE | re.DOTALL)
_THEIRS1 = re.compile(r"srs1[=+-][^=]+=([^=]+)=(.+)", re.IGNORECASE | re.DOTALL)
_PATH_MAX = 254  # octets, RFC 5321 §4.5.3.1.3


def rewritten(address: str) -> bool:
    """Whether it looks like a return path of this kind."""
    return address[:4].lower() in {"srs0", "srs1"} and address[4:5] in {"=", "+", "-"}


class Srs:
    """`keys`: the first signs, all are believed.  A rewritten address holds for `days`."""

    def __init__(self, keys: Sequence[Secret], days: int = 21) -> None:
        self._keys, self._days = [key.reveal().encode() for key in keys], days

    def forward(self, sender: str, domain: str, now: float) -> str:
        """The return path in `domain`, one of ours; the sender itself when nothing sensible can be made of it.

        `now` in UNIX seconds.
        """
        local, _, theirs = sender.rpartition("@")
        if (before := _THEIRS1.fullmatch(local)) is not None:
            made = self._srs1(before[1].lower(), before[2])
        elif (before := _THEIRS0.fullmatch(local)) is not None:
            made = self._srs1(theirs.lower(), before[1])
        else:
            day = _day(now)
            hashed = self._hash(self._keys[0], day, theirs, local)
            made = f"srs0={hashed}={day}={theirs}={local}"
        path = f"{made}@{domain}"
        return path if local and '"' not in local and len(path.encode()) <= _PATH_MAX else sender

    def reverse(self, address: str, now: float) -> str | None:
        """Where a bounce to `address` belongs; None when it is none of ours, or too old."""
        local = address.rpartition("@")[0]
        if (mine := _SRS1.fullmatch(local)) is not None:
            hashed, domain, rest = mine[1], mine[2], mine[3]
            return f"SRS0{rest}@{domain}" if self._believed(hashed, domain, rest) else None
        if (mine := _SRS0.fullmatch(local)) is None:
            return None
        hashed, day, domain, sender = mine.groups()
        if not self._believed(hashed, day.lower(), domain, sender) or not self._fresh(day.lower(), now):
            return None
        return f"{sender}@{domain}"

    def _srs1(self, domain: str, rest: str) -> str:
        return f"srs1={self._hash(self._keys[0], domain, rest)}={domain}={rest}"

    def _fresh(self, day: str, now: float) -> bool:
        """Tomorrow's is fresh too: clocks differ."""
        age = (int(now // 86400) - _number(day)) % _DAYS
        return age <= self._days or age == _DAYS - 1

    def _believed(self, hashed: str, *parts: str) -> bool:
        return any(hmac.compare_digest(self._hash(key, *parts), hashed.lower()) for key in self._keys)

    @staticmethod
    def _hash(key: bytes, *parts: str) -> str:
        """Of the parts without regard to case."""
        digest = hmac.digest(key, "=".join(parts).lower().encode(), hashlib.sha256)
        return base64.b32encode(digest[:5]).decode().lower()


def _day(now: float) -> str:
    day = int(now // 86400) % _DAYS
    return _ALPHABET[day >> 5] + _ALPHABET[day & 31]


def _number(day: str) -> int:
    return _ALPHABET.index(day[0]) << 5 | _ALPHABET.index(day[1])
