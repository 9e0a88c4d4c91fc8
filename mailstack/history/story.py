"""From records to stories: one of each message, and of each connection that brought none.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mailstack.history.record import Record
from mailstack.history.search import Found, became_of
from mailstack.history.words import Tone, octets, say

__all__ = ["Step", "Story", "stories"]

# of the connection that a message came by, besides what names the message
_OF_SESSION = frozenset(
    {"CONNECTED", "TLS_STARTED", "TLS_FAILED", "LOGIN", "LOGIN_FAILED", "PROTOCOL_FAULT", "INJECTION", "DISCONNECTED"}
)
_OF_RELAY = frozenset({"MAIL_RELAYED", "MAIL_DEFERRED", "MAIL_FAILED"})


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a story; `of` is the id of a report that it is about, "" for the message itself."""

    time: float  # UNIX seconds
    label: str
    text: str
    tone: Tone
    hint: str
    of: str
    event: str
    fields: Mapping[str, Any]
    place: tuple[float, int]


@dataclass(frozen=True, slots=True)
class Fate:
    """How it stands with one recipient."""

    recipient: str
    state: str  # delivered, sent, waits, failed, refused, dropped
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Story:
    """`outcome` is one word or two, `heads` what is known of the message: (name, value)."""

    id: str
    kind: str  # message, report, connection, event
    outcome: str
    tone: Tone
    heads: Sequence[tuple[str, str]]
    fates: Sequence[Fate]
    steps: Sequence[Step]

    @property
    def began(self) -> float:
        return self.steps[0].time if self.steps else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, for programs."""
        told = asdict(self) | {"tone": self.tone.value, "heads": dict(self.heads)}
        told["fates"] = [asdict(fate) | {"tone": fate.tone.value} for fate in self.fates]
        told["steps"] = [asdict(step) | {"tone": step.tone.value, "fields": dict(step.fields)} for step in self.steps]
        for step in told["steps"]:
            del step["place"]
        return told


def stories(found: Found) -> list[Story]:
    """In the order in which they began.  A connection that brought one of the messages is told with it."""
    told = [_of_message(mid, records, found) for mid, records in found.messages.items() if not _is_told(mid, found)]
    brought = {record.text("cid") for records in found.messages.values() for record in records}
    told += [_of_session(cid, records) for cid, records in found.sessions.items() if cid not in brought and records]
    told += [_of_event(record) for record in found.lonely]
    return sorted((story for story in told if story.steps), key=lambda story: story.began)


def _is_told(mid: str, found: Found) -> bool:
    """A report whose message is told here too."""
    return any(
        record.text("report_mid") == mid and record.text("mid") in found.messages for record in found.messages[mid]
    )


def _steps(records: Iterable[Record], of: str = "") -> list[Step]:
    return [_step(record, of) for record in records]


def _step(record: Record, of: str = "") -> Step:
    said = say(record)
    return Step(record.time, said.label, said.text, said.tone, said.hint, of, record.event, record.fields, record.place)


def _in_order(steps: Iterable[Step]) -> list[Step]:
    """As they were told: a clock that is set back changes nothing."""
    return sorted(steps, key=lambda step: step.place)


# --- a message ---------------------------------------------------------------------------------------------


def _of_message(mid: str, records: Sequence[Record], found: Found) -> Story:
    own = [record for record in records if record.text("mid") == mid]
    about = [record for record in records if record.text("mid") != mid]  # this is a report: what it reports
    steps = _steps([*_of_its_session(own, found), *about, *_said_once(own)])
    for report in dict.fromkeys(record.text("report_mid") for record in own):
        steps += _steps((each for each in found.messages.get(report, ()) if each.text("mid") == report), report)
    for record in own:
        if record.event == "MAIL_STORED" and "uid" in record.fields:
            place = record.text("account"), record.text("mailbox"), int(record.fields["uid"])
            steps += _steps(each for each in became_of(*place, found.handled) if each.place > record.place)
    fates = _fates(own)
    outcome, tone = _outcome(own, fates)
    heads = _heads(own, about)
    return Story(mid, "report" if about else "message", outcome, tone, heads, fates, _in_order(steps))


def _said_once(own: Sequence[Record]) -> list[Record]:
    """Without the trouble of a host that is then given as the reason of the whole."""
    reasons = [record.text("text") for record in own if record.event in {"MAIL_DEFERRED", "MAIL_FAILED"}]
    return [
        record
        for record in own
        if record.event != "RELAY_TROUBLE" or not any(record.text("text") in reason for reason in reasons)
    ]


def _of_its_session(own: Sequence[Record], found: Found) -> list[Record]:
    cids = dict.fromkeys(record.text("cid") for record in own if record.text("cid"))
    return [
        record
        for cid in cids
        for record in found.sessions.get(cid, ())
        if record.event in _OF_SESSION or (record.event == "MAIL_REFUSED" and not record.text("mid"))
    ]


def _heads(own: Sequence[Record], about: Sequence[Record]) -> list[tuple[str, str]]:
    """From, to, size, Message-ID, and by whom: of the record that knows them."""
    if about:
        first = about[0]
        kind = first.text("report") or "success"
        return [("report", f"of {kind}, about {first.text('mid')}"), ("to", f"<{first.text('reverse_path')}>")]
    known = next((record for record in own if record.event == "MAIL_ACCEPTED"), None)
    if known is None:
        refused = [record for record in own if record.event == "MAIL_REFUSED"]
        known = refused[-1] if refused else None
    if known is None:
        return []
    heads = [("from", f"<{_sender(known)}>"), ("to", _whom(known, own))]
    heads.append(("by", _by(known)))
    if known.fields.get("size"):
        heads.append(("size", octets(int(known.fields["size"]))))
    if known.text("message_id"):
        heads.append(("Message-ID", known.text("message_id")))
    return heads


def _sender(known: Record) -> str:
    """Also when it was the sender that was refused."""
    step = known.text("step")
    named = step.removeprefix("MAIL FROM:<").partition(">")[0] if step.startswith("MAIL FROM:<") else ""
    return known.text("reverse_path") or named


def _by(known: Record) -> str:
    """`192.0.2.1 (mx.shop.example) through smtp`, and as whom."""
    helo, account = known.text("helo"), known.text("account")
    name = f" ({helo})" if helo else ""
    return f"{known.text('ip')}{name} through {known.text('listener')}" + (
        f", logged in as {account}" if account else ""
    )


def _whom(known: Record, own: Sequence[Record]) -> str:
    """Those that were taken, and those that were named and refused."""
    named = [*known.names("recipients"), *(each for record in own for each in _refused_recipient(record))]
    return ", ".join(f"<{name}>" for name in dict.fromkeys(named)) or "nobody yet"


def _refused_recipient(record: Record) -> list[str]:
    step = record.text("step")
    return [step[9:-1]] if record.event == "MAIL_REFUSED" and step.startswith("RCPT TO:<") else []


def _fates(own: Sequence[Record]) -> list[Fate]:
    """The last that is known of each recipient, or mailbox."""
    fates: dict[str, Fate] = {}
    for record in own:
        for fate in _fate(record):
            fates[fate.recipient] = fate
    return list(fates.values())


def _fate(record: Record) -> list[Fate]:
    said, event = say(record), record.event
    if event == "MAIL_STORED":
        return [Fate(record.text("account"), "delivered", f"into {record.text('mailbox')}", Tone.GOOD)]
    if event == "MAIL_QUEUED":
        return [Fate(name, "waits", "not tried yet", Tone.WAIT) for name in record.names("recipients")]
    if event in _OF_RELAY:
        state = {"MAIL_RELAYED": "sent", "MAIL_DEFERRED": "waits", "MAIL_FAILED": "failed"}[event]
        text = f"to {record.text('host')}" if event == "MAIL_RELAYED" else said.text.partition(">: ")[2]
        return [Fate(record.text("recipient"), state, text, said.tone)]
    if event == "MAIL_REFUSED":
        answer = record.text("reply") or record.text("reason")
        return [Fate(name, "refused", answer, said.tone) for name in _refused_recipient(record)]
    return []


def _outcome(own: Sequence[Record], fates: Sequence[Fate]) -> tuple[str, Tone]:
    """One word for the whole."""
    events = {record.event for record in own}
    states = {fate.state for fate in fates}
    taken = bool(events & {"MAIL_ACCEPTED", "MAIL_QUEUED", "MAIL_STORED"})
    if not taken and "MAIL_REFUSED" in events:
        return ("refused", Tone.BAD) if _for_good(own) else ("not now", Tone.WAIT)
    if "MAIL_DROPPED" in events and not states & {"delivered", "sent"}:
        return "dropped", Tone.BAD
    if "waits" in states:
        return "waits", Tone.WAIT
    if "failed" in states:
        return ("failed", Tone.BAD) if not states & {"delivered", "sent"} else ("partly failed", Tone.BAD)
    if states & {"delivered", "sent"}:
        return ("delivered", Tone.GOOD) if "delivered" in states else ("sent", Tone.GOOD)
    return ("accepted", Tone.GOOD) if taken else ("under way", Tone.PLAIN)


def _for_good(own: Sequence[Record]) -> bool:
    return any(record.event == "MAIL_REFUSED" and not record.text("reply").startswith("4") for record in own)


# --- connections, and what is of none ------------------------------------------------------------------------


def _of_session(cid: str, records: Sequence[Record]) -> Story:
    steps = _in_order(_steps(records))
    worst = next((step for step in steps if step.tone is Tone.BAD), None)
    first = records[0]
    heads = [("by", f"{first.text('ip')} through {first.text('listener')}")]
    outcome, tone = (worst.label, Tone.BAD) if worst else ("connection", Tone.PLAIN)
    return Story(cid, "connection", outcome, tone, heads, [], steps)


def _of_event(record: Record) -> Story:
    step = _step(record)
    return Story("", "event", step.label, step.tone, [], [], [step])
