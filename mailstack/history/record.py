"""One record of the history: `[time, "EVENT", {fields}]`, a line of JSON."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from mailstack.base.events import Event

__all__ = ["Happening", "Record", "decode", "encode"]

Happening = tuple[float, Event, Mapping[str, Any]]  # UNIX seconds

_TRACE_END = 2000  # characters of a traceback: its end says what happened
_UNKEPT, _LONG = Event.CONTROL, Event.INTERNAL_ERROR  # who looks at the server is not part of its story
_encoder = msgspec.json.Encoder(enc_hook=str)


@dataclass(frozen=True, slots=True)
class Record:
    """What was written; `event` is the name of one of `base.events`, perhaps of another version."""

    time: float
    event: str
    fields: dict[str, Any]
    place: tuple[float, int] = (0.0, 0)  # segment and offset: the order in which things were told

    def text(self, key: str) -> str:
        """The field as text; "" when it is not there."""
        value = self.fields.get(key, "")
        return value if isinstance(value, str) else str(value)

    def names(self, key: str) -> list[str]:
        """The field as a list of texts."""
        value = self.fields.get(key) or []
        return [str(each) for each in value] if isinstance(value, list) else str(value).split(", ")


def encode(happenings: Iterable[Happening]) -> bytes:
    """Lines.  What cannot be said in JSON is said as text."""
    rows = [
        (round(time, 3), event.name, _shortened(fields) if event is _LONG else fields)
        for time, event, fields in happenings
        if event is not _UNKEPT
    ]
    try:
        return _encoder.encode_lines(rows)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return b"".join(_encode_odd(row) for row in rows)


def _shortened(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: str(value)[-_TRACE_END:] for key, value in fields.items()}


def _encode_odd(row: tuple[float, str, Mapping[str, Any]]) -> bytes:
    """One of these has something odd in it, such as half a surrogate pair."""
    time, event, fields = row
    return json.dumps([time, event, {key: str(value) for key, value in fields.items()}]).encode() + b"\n"


def decode(line: bytes, place: tuple[float, int] = (0.0, 0)) -> Record | None:
    """None for half a line, or anything else that is no record."""
    try:
        time, event, fields = json.loads(line)
        return Record(float(time), str(event), dict(fields), place)
    except (ValueError, TypeError):
        return None
