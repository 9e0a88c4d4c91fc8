"""From the closed list of events to the log: text through twistd's own observer, or JSON lines.

twistd decides where the log goes (`--logfile`, `--syslog`, or the terminal with
`-n`; under systemd that is the journal).  With `log.format = "json"` the same
place gets one JSON object a line: time (UTC), level, event, and the event's fields.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from twisted.logger import ILogObserver, Logger, LogLevel, formatEvent
from zope.interface import implementer

from mailstack.base.events import Event, Level

__all__ = ["JsonLines", "LogSink"]

_LEVELS = {
    Level.DEBUG: LogLevel.debug,
    Level.INFO: LogLevel.info,
    Level.WARN: LogLevel.warn,
    Level.ERROR: LogLevel.error,
}
_ORDER = list(_LEVELS)


class LogSink:
    """Gives events of `least` and above to Twisted's logger."""

    def __init__(self, least: str) -> None:
        self._logger = Logger(namespace="mailstack")
        self.set_least(least)

    def set_least(self, least: str) -> None:
        """One of debug, info, warn, error."""
        self._least = _ORDER.index(Level(least))

    def __call__(self, event: Event, fields: Mapping[str, Any]) -> None:
        level, text = event.value
        if _ORDER.index(level) >= self._least:
            self._logger.emit(_LEVELS[level], text, mailstack_event=event, mailstack_fields=fields, **fields)


@implementer(ILogObserver)
class JsonLines:
    """One object a line; what other libraries log comes with its text only."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def __call__(self, event: Mapping[str, Any]) -> None:
        row: dict[str, Any] = {
            "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds"),
            "level": event["log_level"].name,
        }
        ours = event.get("mailstack_event")
        if ours is not None:
            row |= {"event": ours.name.lower(), **event["mailstack_fields"]}
        else:
            row["text"] = formatEvent(dict(event))
        self._out.write(json.dumps(row, default=str, ensure_ascii=False) + "\n")
        self._out.flush()
