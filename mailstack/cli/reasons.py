"""Why a recipient still waits, in plain words: what was heard, what it means, what comes next."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from mailstack.message.known_replies import explain
from mailstack.queue.api import RemoteReply

__all__ = ["reasons", "span"]


def reasons(row: dict[str, Any], now: datetime, give_up_after: timedelta, notice_after: timedelta) -> Iterator[str]:
    """`row` is one of `queue why`'s."""
    arrived = datetime.fromisoformat(row["arrived"])
    sender = f"<{row['sender']}>" if row["sender"] else "this server (a report)"
    yield f"{row['recipient']}: message {row['id']} from {sender}, here since {_clock(arrived)}"
    if not row["tries"]:
        yield "    It has not been tried yet."
    heard = row["heard"] or ([{"at": "", **row["last_reply"]}] if row["last_reply"] else [])
    for same in _runs(heard):
        yield f"    {_when(same)}: {_said(same[0])}"
    if heard:
        yield from _meaning(heard[-1])
    yield from _next(row, now, arrived, give_up_after, notice_after)


def _runs(heard: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Tries that heard the same, one after the other."""
    run: list[dict[str, Any]] = []
    for each in heard:
        if run and _said(each) != _said(run[0]):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _when(same: list[dict[str, Any]]) -> str:
    times = [_clock(datetime.fromisoformat(each["at"])) for each in same if each["at"]]
    if len(times) < 2:
        return times[0] if times else "last"
    return f"{times[0]} to {times[-1]}, {len(times)} tries"


def _said(each: dict[str, Any]) -> str:
    code = f"{each['code']} {each['status']}" if each["code"] else each["status"]
    said = f"{each['host']} said {code} {each['text']}" if each["host"] else f"{each['text']} ({code})"
    return f"{said} (to our {each['command'].split(':')[0]})" if each["command"] and each["code"] else said


def _meaning(last: dict[str, Any]) -> Iterator[str]:
    reply = RemoteReply(**{name: last[name] for name in ("host", "code", "status", "text", "command")})
    means = explain(reply) or _own_words(reply)
    if means:
        yield f"    What it means: {means}"


_OURS = {  # our own status, when no server spoke → what it comes to
    "4.4.1": "no server of that domain took a connection; it may be down, or port 25 be closed on the way",
    "4.4.2": "the connection broke, or the other server was too slow",
    "4.4.3": "the DNS gave no answer: their name servers, or your resolver, do not work just now",
    "4.4.4": "the server that all such mail goes to was not found",
    "4.7.0": "the domain or your configuration asks for TLS, and their server offers none",
    "4.7.5": "their certificate is not what the domain asks for (DANE or MTA-STS)",
    "4.7.8": "the login at the server that all such mail goes to was refused: mend user and password",
}


def _own_words(reply: RemoteReply) -> str:
    if not reply.code:
        return _OURS.get(reply.status, "")
    if reply.code in {450, 451} and "grey" in reply.text.lower():
        return "greylisting: they want to see whether we come back; we do"
    return "their server is too busy, or keeps us waiting on purpose" if reply.code == 421 else ""


def _next(
    row: dict[str, Any], now: datetime, arrived: datetime, give_up_after: timedelta, notice_after: timedelta
) -> Iterator[str]:
    if row["state"] == "held":
        yield f"    Next: nothing, it is held. To go on: mailstack queue release {row['id']}"
        return
    if row["next_try"] is None:
        yield "    Next: it is being tried just now."
    else:
        at = datetime.fromisoformat(row["next_try"])
        wait = (at - now).total_seconds()
        yield (
            f"    Next: a try at {_clock(at)}, in {span(wait)}."
            if wait > 0
            else "    Next: a try, as soon as it is its turn."
        )
    notice = arrived + notice_after
    if notice_after and notice > now and row["sender"]:
        yield f"    Its sender gets a notice of delay at {_clock(notice)}, when it still waits then."
    end = arrived + give_up_after
    if row["sender"]:
        yield f"    It is given up at {_clock(end)}, and the sender gets a report."
    else:
        yield f"    It is given up at {_clock(end)}."


def _clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def span(seconds: float) -> str:
    """`45 s`, `5 min`, `4 h`: cut, not rounded."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
