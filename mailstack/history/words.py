"""Each event in plain words: what happened, how it stands, and where it helps, what to do.  Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from mailstack.base.events import Event
from mailstack.history.record import Record
from mailstack.message.known_replies import explain
from mailstack.queue.api import RemoteReply

__all__ = ["Said", "Tone", "octets", "say"]


class Tone(Enum):
    """How it stands, for the colour of it."""

    PLAIN = "plain"
    GOOD = "good"
    WAIT = "wait"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Said:
    """`label` is a word or two, `text` a sentence without its full stop, `hint` what to do, or ""."""

    label: str
    text: str
    tone: Tone = Tone.PLAIN
    hint: str = ""


# what can be done about a refusal, by base.errors.Condition
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "NO_SUCH_USER": "no account and no alias has that address: `mailstack account list`, `mailstack alias list`",
        "RELAY_DENIED": "the domain is none of this server's (`mailstack domain list`), and on this port nobody may "
        "send elsewhere: people send by the submission ports, 465 or 587, with a login",
        "SENDER_NOT_ALLOWED": "the account may send only in its own addresses and the aliases that lead to it: "
        "`mailstack account list`, `mailstack alias list`; for From alone: submission.check_header_from",
        "MESSAGE_TOO_BIG": "the limit is limits.message_size",
        "TOO_MANY_RECIPIENTS": "the limits are limits.recipients and limits.recipients_unauthenticated; a right "
        "sender comes again with the rest",
        "OVER_QUOTA": "the mailbox is full: its owner removes mail, or gets more room",
        "STORAGE_FULL": "make room on the disk of the state folder: `df -h`; the sender tries again by itself",
        "UNAVAILABLE": "look at the server's log of that moment; the sender tries again by itself",
        "LOOP": "the message came round: an alias or a forward at its other end leads back here",
        "BARE_LINE_END": "the sender's program is wrong; smtp.bare_line_ends, submission.bare_line_ends can be eased",
        "RATE_LIMITED": "the sender is over its limit, and tries again by itself",
    }
)
_LOGIN_HINTS = MappingProxyType(
    {
        "no such account": "nobody here has that name: `mailstack account list`; names are full addresses",
        "wrong password": "the password is not the account's: `mailstack account passwd NAME` gives a new one",
        "too many tries before this one": "it must wait: too many wrong passwords came before, perhaps from a program "
        "with an old one",
    }
)


def octets(number: int) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} octets"


def say(record: Record) -> Said:
    """Of an event without words of its own: its name, and its line of the log."""
    words = _WORDS.get(record.event)
    return words(record) if words else _otherwise(record)


def _otherwise(record: Record) -> Said:
    try:
        text = Event[record.event].value[1].format_map(_Lenient(record.fields))
    except (KeyError, ValueError, AttributeError, IndexError):
        text = ", ".join(f"{key} {value}" for key, value in record.fields.items())
    return Said(record.event.lower().replace("_", " "), text)


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _connected(record: Record) -> Said:
    return Said("connected", f"{record.text('ip')} to {record.text('listener')}")


def _disconnected(record: Record) -> Said:
    reason = record.text("reason")
    if "non-clean" in reason:
        return Said("gone", "the other side closed without a goodbye")
    clean = "cleanly" in reason or not reason
    return Said("gone", "the connection was closed" if clean else f"the connection ended: {reason}")


def _not_let_in(record: Record) -> Said:
    who = f"{record.text('ip')} was not let in to {record.text('listener')}"
    return Said("refused", f"{who}: {record.text('reason')}", Tone.BAD)


def _tls(record: Record) -> Said:
    return Said("TLS", record.text("tls"))


def _no_tls(record: Record) -> Said:
    return Said("no TLS", record.text("reason"), Tone.WAIT)


def _cut(record: Record) -> Said:
    return Said("cut", f"this server ended the connection: {record.text('fault')}", Tone.BAD)


def _injected(_record: Record) -> Said:
    return Said("cut", "commands were sent behind STARTTLS: an attack, or a broken program", Tone.BAD)


def _login(record: Record) -> Said:
    return Said("logged in", f"{record.text('account')}, by {record.text('mechanism')}", Tone.GOOD)


def _no_login(record: Record) -> Said:
    reason = record.text("reason")
    who = f" as {record.text('name')}" if record.text("name") else ""
    where = f"{record.text('ip')} to {record.text('listener')}"
    return Said("no login", f"{where}{who}: {reason}", Tone.BAD, _LOGIN_HINTS.get(reason, ""))


def _refused(record: Record) -> Said:
    step = record.text("step")
    temporary = record.text("reply").startswith("4")
    text = f"{step}: answered {record.text('reply') or record.text('reason')}"
    detail = record.text("detail")
    if detail and detail not in step:
        text += f" (because: {detail})"
    tone = Tone.WAIT if temporary else Tone.BAD
    return Said("not now" if temporary else "refused", text, tone, _HINTS.get(record.text("condition"), ""))


def _accepted(record: Record) -> Said:
    size = octets(int(record.fields.get("size", 0)))
    whom = ", ".join(f"<{name}>" for name in record.names("recipients"))
    return Said("accepted", f"answered 250: {size} from <{record.text('reverse_path')}> for {whom}", Tone.GOOD)


def _stored(record: Record) -> Said:
    number = f", UID {record.fields['uid']}" if "uid" in record.fields else ""
    return Said("delivered", f"into {record.text('mailbox')} of {record.text('account')}{number}", Tone.GOOD)


def _queued(record: Record) -> Said:
    return Said("queued", f"to be sent on to {', '.join(f'<{name}>' for name in record.names('recipients'))}")


def _signed(record: Record) -> Said:
    return Said("signed", f"DKIM for {record.text('domain')}, selectors {record.text('selectors')}")


def _tries(record: Record) -> Said:
    return Said("tries", f"{record.text('host')} [{record.text('ip')}], {record.text('tls')}")


def _trouble(record: Record) -> Said:
    return Said("no use", record.text("text"), Tone.WAIT, _explained(record))


def _relayed(record: Record) -> Said:
    text = f"<{record.text('recipient')}>: {record.text('host')} took it ({record.text('tls')}): {record.text('text')}"
    return Said("sent", text, Tone.GOOD)


def _deferred(record: Record) -> Said:
    text = f"<{record.text('recipient')}>: {record.text('text')}; next try in {record.text('wait')}"
    return Said("put off", text, Tone.WAIT, _explained(record))


def _failed(record: Record) -> Said:
    return Said("failed", f"<{record.text('recipient')}>: {record.text('text')}", Tone.BAD, _explained(record))


def _explained(record: Record) -> str:
    """What the other side's words mean, where they are well known."""
    said = record.fields.get("said")
    if not isinstance(said, list) or len(said) != 4:
        return ""
    host, code, status, text = said
    return explain(RemoteReply(str(host), int(code), str(status), str(text))) or ""


def _reported(record: Record) -> Said:
    kind = record.text("report") or "failure"
    to = f"to <{record.text('reverse_path')}>, as {record.text('report_mid')}"
    return Said("reported", f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} report went {to}", Tone.WAIT)


def _told_success(record: Record) -> Said:
    to = f"to <{record.text('reverse_path')}>, as {record.text('report_mid')}"
    return Said("reported", f"a report of success, which the sender had asked for, went {to}")


def _dropped(record: Record) -> Said:
    return Said("dropped", record.text("reason"), Tone.BAD)


def _not_recorded(record: Record) -> Said:
    return Said("trouble", f"{record.text('reason')}; again in {record.text('wait')}", Tone.BAD)


def _moved(record: Record) -> Said:
    return Said("moved", f"from {record.text('mailbox')} to {record.text('target')} of {record.text('account')}")


def _expunged(record: Record) -> Said:
    return Said("deleted", f"from {record.text('mailbox')} of {record.text('account')}", Tone.WAIT)


_WORDS: Mapping[str, Callable[[Record], Said]] = MappingProxyType(
    {
        "CONNECTED": _connected,
        "DISCONNECTED": _disconnected,
        "CONNECTION_REFUSED": _not_let_in,
        "TLS_STARTED": _tls,
        "TLS_FAILED": _no_tls,
        "PROTOCOL_FAULT": _cut,
        "INJECTION": _injected,
        "LOGIN": _login,
        "LOGIN_FAILED": _no_login,
        "MAIL_REFUSED": _refused,
        "MAIL_ACCEPTED": _accepted,
        "MAIL_STORED": _stored,
        "MAIL_QUEUED": _queued,
        "MAIL_SIGNED": _signed,
        "RELAY_ATTEMPT": _tries,
        "RELAY_TROUBLE": _trouble,
        "MAIL_RELAYED": _relayed,
        "MAIL_DEFERRED": _deferred,
        "MAIL_FAILED": _failed,
        "MAIL_BOUNCED": _reported,
        "SUCCESS_REPORTED": _told_success,
        "MAIL_DROPPED": _dropped,
        "QUEUE_NOT_RECORDED": _not_recorded,
        "MAIL_MOVED": _moved,
        "MAIL_EXPUNGED": _expunged,
    }
)
