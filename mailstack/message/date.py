"""Dates of messages: read as people send them, written as RFC 5322 §3.3 says."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

__all__ = ["format_date", "parse_date"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBER = {name.lower().encode(): number for number, name in enumerate(_MONTHS, 1)}

# obs-zone: RFC 5322 §4.3; the military letters and every other word mean -0000, "unknown"
_ZONE_HOURS = {b"est": -5, b"edt": -4, b"cst": -6, b"cdt": -5, b"mst": -7, b"mdt": -6, b"pst": -8, b"pdt": -7}

_COMMENT = re.compile(rb"\([^()]*\)")
_TIME = rb"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
_ZONE = rb"(?:\s*(?P<sign>[+-])(?P<off_h>\d{2}):?(?P<off_m>\d{2})|\s+(?P<zone>[A-Za-z]+)|\s*(?P<z>[Zz]))?"
# date-time = [ day-of-week "," ] day month year hour ":" minute [ ":" second ] zone; quirks: dashes, no time
_INTERNET_DATE = re.compile(
    rb"\s*(?:[A-Za-z]+\.?\s*,?\s*)?(?P<day>\d{1,2})[\s-]+(?P<month>[A-Za-z]{3})[A-Za-z]*\.?[\s-]+(?P<year>\d{2,4})"
    rb"(?:,?\s+" + _TIME + _ZONE + rb")?"
)
# quirk: asctime(3), "Mon Nov 23 20:12:55 2026 +0100", from scripts
_ASCTIME = re.compile(
    rb"\s*(?:[A-Za-z]+,?\s+)?(?P<month>[A-Za-z]{3})[A-Za-z]*\s+(?P<day>\d{1,2}),?\s+"
    + _TIME
    + rb"\s+(?P<year>\d{4})"
    + _ZONE
)
# quirk: ISO 8601, from newer scripts
_ISO = re.compile(rb"\s*(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?:[Tt ]" + _TIME + _ZONE + rb")?")

_LONGEST = 200  # octets looked at


def parse_date(value: bytes) -> datetime | None:
    """When a message says it was written, in its own zone; None when nobody could tell.

    Takes the obsolete forms of RFC 5322 §4.3, comments, missing seconds and zones, asctime and ISO 8601.
    """
    text = _without_comments(value[:_LONGEST])
    for form in (_INTERNET_DATE, _ASCTIME, _ISO):
        match = form.match(text)
        if match:
            return _moment(match)
    return None


def format_date(moment: datetime) -> str:
    """`Mon, 23 Nov 2026 20:12:55 +0000`; `moment` is aware.  RFC 5322 §3.3"""
    minutes = round((moment.utcoffset() or timedelta(0)).total_seconds() / 60)
    return _formatted(moment.replace(microsecond=0, tzinfo=None), minutes)


@lru_cache(maxsize=16)  # a busy server writes the same second hundreds of times
def _formatted(local: datetime, minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return (
        f"{_DAYS[local.weekday()]}, {local.day:02} {_MONTHS[local.month - 1]} {local.year:04} "
        f"{local:%H:%M:%S} {sign}{hours:02}{minutes:02}"
    )


def _without_comments(text: bytes) -> bytes:
    """Comments of any depth become a blank.  Ends because each turn takes a pair of parentheses away."""
    found = 1
    while found:
        text, found = _COMMENT.subn(b" ", text)
    return text


def _moment(match: re.Match[bytes]) -> datetime | None:
    month = match["month"]
    number = int(month) if month.isdigit() else _MONTH_NUMBER.get(month.lower(), 0)
    second = min(int(match["second"] or 0), 59)  # a leap second is not a time to datetime
    try:
        return datetime(
            _year(match["year"]),
            number,
            int(match["day"]),
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            second,
            tzinfo=_zone(match),
        )
    except ValueError:
        return None


def _year(digits: bytes) -> int:
    """obs-year: 00 to 49 is this century, 50 to 99 and three digits the last.  RFC 5322 §4.3"""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _zone(match: re.Match[bytes]) -> timezone:
    if match["sign"]:
        offset = timedelta(hours=int(match["off_h"]), minutes=int(match["off_m"]))
        if offset >= timedelta(hours=24):
            return UTC
        return timezone(-offset if match["sign"] == b"-" else offset)
    hours = _ZONE_HOURS.get((match["zone"] or b"").lower(), 0)
    return timezone(timedelta(hours=hours)) if hours else UTC
