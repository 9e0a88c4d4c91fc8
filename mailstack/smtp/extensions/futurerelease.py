"""FUTURERELEASE: a message that is sent later.  RFC 4865, for submission alone

It waits in the queue, for recipients here as for those elsewhere, and nobody sees
it before.  `mailstack queue drop` takes it back, `queue retry` sends it at once.
"""

import re
from datetime import UTC, datetime

from mailstack.base.errors import ParseFault
from mailstack.smtp.grammar import Extension
from mailstack.smtp.values import Param, Terms

__all__ = ["EXTENSION", "HOLDFOR", "HOLDUNTIL"]

_INTERVAL = re.compile(r"[1-9][0-9]{0,8}")
# date-time of RFC 3339 §5.6, as the erratum 2040 of RFC 4865 says
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _line(terms: Terms) -> str | None:
    """future-release-params = max-future-release-interval SP max-future-release-date-time     RFC 4865 §3"""
    return f"FUTURERELEASE {terms.hold}" if terms.hold else None


def _interval(value: str | None) -> int:
    """future-release-integer = %x31-39 *8DIGIT: seconds     RFC 4865 §3"""
    if value is None or not _INTERVAL.fullmatch(value):
        raise ParseFault("HOLDFOR is a number of seconds")
    return int(value)


def _moment(value: str | None) -> datetime:
    """future-release-date-time = date-time     RFC 4865 §3"""
    match = _MOMENT.fullmatch(value or "")
    if match is None:
        raise ParseFault("HOLDUNTIL is a date and time with its zone")
    zone = "+00:00" if match[3] in "Zz" else match[3]
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ParseFault("HOLDUNTIL names no moment") from None


HOLDFOR = Param("HOLDFOR", _interval, 0)
HOLDUNTIL: Param[datetime | None] = Param("HOLDUNTIL", _moment, None)

EXTENSION = Extension("FUTURERELEASE", _line, mail=(HOLDFOR, HOLDUNTIL))
