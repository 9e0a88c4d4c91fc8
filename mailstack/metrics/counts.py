"""Counters that events drive, and how the store is.  Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mailstack.base.events import Event
from mailstack.base.histogram import Histogram

__all__ = ["COUNTERS", "Counter", "Counts"]

Fields = Mapping[str, Any]
Labels = tuple[str, ...]
Values = dict[Labels, int]


class Counter(NamedTuple):
    """`labels(fields)` are the values of `names`; `amount(fields)` is what an event adds."""

    name: str
    help: str
    event: Event
    names: Labels = ()
    labels: Callable[[Fields], Labels] | None = None
    amount: Callable[[Fields], int] | None = None


def _listener(fields: Fields) -> Labels:
    return (fields["listener"],)


def _refusal(fields: Fields) -> Labels:
    return fields["listener"], str(fields.get("reply", ""))[:3], str(fields.get("condition", "")).lower() or "syntax"


def _class_of(fields: Fields) -> Labels:
    """`4xx`, `5xx`: what the other server said; `none`: nobody was reached, or it is this server's own decision."""
    code = (fields.get("said") or ("", 0))[1]
    return (f"{code // 100}xx" if code else "none",)


def _reason(fields: Fields) -> Labels:
    """Of a closed set: `accounts.login` and `sasl` write them."""
    return fields["listener"], fields["reason"]


COUNTERS: Sequence[Counter] = (
    Counter("connections", "Connections that were made", Event.CONNECTED, ("listener",), _listener),
    Counter("connections_refused", "Connections not let in", Event.CONNECTION_REFUSED, ("listener",), _listener),
    Counter(
        "connections_cut", "Connections cut for a fault of the peer", Event.PROTOCOL_FAULT, ("listener",), _listener
    ),
    Counter("tls_handshakes", "TLS handshakes that stood", Event.TLS_STARTED, ("listener",), _listener),
    Counter("tls_failures", "TLS handshakes that failed", Event.TLS_FAILED, ("listener",), _listener),
    Counter("logins", "Logins", Event.LOGIN, ("listener", "mechanism"), lambda f: (f["listener"], f["mechanism"])),
    Counter("login_failures", "Failed logins", Event.LOGIN_FAILED, ("listener", "reason"), _reason),
    Counter("messages_accepted", "Messages answered with 250", Event.MAIL_ACCEPTED, ("listener",), _listener),
    Counter(
        "message_octets_accepted", "Octets of these", Event.MAIL_ACCEPTED, ("listener",), _listener, lambda f: f["size"]
    ),
    Counter(
        "refusals", "Commands and messages refused", Event.MAIL_REFUSED, ("listener", "code", "condition"), _refusal
    ),
    Counter("deliveries", "Copies filed in mailboxes here", Event.MAIL_STORED),
    Counter("messages_queued", "Messages put into the queue", Event.MAIL_QUEUED),
    Counter("messages_signed", "Messages signed with DKIM", Event.MAIL_SIGNED, ("domain",), lambda f: (f["domain"],)),
    Counter("relay_attempts", "Servers tried", Event.RELAY_ATTEMPT),
    Counter("relay_delivered", "Recipients that another server has taken", Event.MAIL_RELAYED),
    Counter("relay_deferred", "Recipients put off", Event.MAIL_DEFERRED, ("reply",), _class_of),
    Counter("relay_failed", "Recipients failed for good", Event.MAIL_FAILED, ("reply",), _class_of),
    Counter("reports", "Reports to senders", Event.MAIL_BOUNCED, ("kind",), lambda f: (f["report"],)),
    Counter("messages_dropped", "Messages and reports dropped", Event.MAIL_DROPPED),
    Counter("internal_errors", "Faults of the server's own", Event.INTERNAL_ERROR),
    Counter(
        "history_events_lost", "Events the history could not keep", Event.HISTORY_LOST, amount=lambda f: f["events"]
    ),
    Counter("store_degradations", "Times that the store was degraded", Event.STORE_DEGRADED),
)

DELAYS = (1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 28800.0, 86400.0, 432000.0)  # seconds
_MOST_LABELS = 200  # of one counter; what comes beyond is `other`: nobody from outside can make it grow
_FAULTS = (KeyError, TypeError, ValueError, IndexError)


class Counts:
    """A sink of base.events; `values[name][labels]` are the counters."""

    def __init__(self) -> None:
        self.values: dict[str, Values] = {row.name: {} if row.names else {(): 0} for row in COUNTERS}
        self.relay_delay = Histogram(DELAYS)
        self.degraded = ""  # why, or ""
        self.full = ""
        self.uncounted = 0  # events without a field that is counted by: a fault of ours; a test looks
        self._counting: dict[str, list[Callable[[Fields], None]]] = {}
        for row in COUNTERS:
            self._counting.setdefault(row.event.name, []).append(_counting(row, self.values[row.name]))
        for event, also in (
            (Event.STORE_DEGRADED, lambda fields: setattr(self, "degraded", fields["reason"])),
            (Event.STORE_RECOVERED, lambda _: setattr(self, "degraded", "")),
            (Event.STORE_FULL, lambda fields: setattr(self, "full", fields["reason"])),
            (Event.STORE_HAS_ROOM, lambda _: setattr(self, "full", "")),
            (Event.MAIL_RELAYED, self._relayed),
        ):
            self._counting.setdefault(event.name, []).append(also)

    def __call__(self, event: Event, fields: Fields) -> None:
        counting = self._counting.get(event._name_)
        if counting is None:
            return
        try:
            for count in counting:
                count(fields)
        except _FAULTS:  # no reason to hold up mail
            self.uncounted += 1

    def _relayed(self, fields: Fields) -> None:
        seconds = fields.get("seconds")
        if seconds is not None:
            self.relay_delay.observe(seconds)

    def totals(self) -> dict[str, Any]:
        """For `mailstack status --json`: a number, or a number by labels."""
        return {
            name: values[()] if () in values else {" ".join(labels): count for labels, count in values.items()}
            for name, values in self.values.items()
        }


def _counting(row: Counter, values: Values) -> Callable[[Fields], None]:
    """What an event of this row does: a few dictionary operations."""
    labels, amount = row.labels, row.amount
    other = ("other",) * len(row.names)

    def count(fields: Fields) -> None:
        key = labels(fields) if labels is not None else ()
        more = 1 if amount is None else amount(fields)
        try:
            values[key] += more
        except KeyError:
            key = key if len(values) < _MOST_LABELS else other
            values[key] = values.get(key, 0) + more

    return count
