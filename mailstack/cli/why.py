"""`mailstack why`: the story of a message, told from what the server has kept."""

import shutil
import textwrap
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from mailstack.base.errors import Condition, MailError
from mailstack.cli.reach import as_owner, glimpsed
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json

_WHOLE = 3  # stories told in full without being asked to
_PATIENCE = 5.0  # seconds for a server that may be in trouble itself
_LABEL = 11  # columns
_COLOURS = {"good": "green", "wait": "yellow", "bad": "red", "plain": None}


@click.command()
@click.argument("what", metavar="ID|MESSAGE-ID|ADDRESS")
@click.option("--since", metavar="2d", help="Look no further back: 90m, 12h, 2d, 1w.")
@click.option("--all", "whole", is_flag=True, help="Tell each story in full, however many there are.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many messages, the newest."
)
@json_option
@click.pass_context
@errors_in_one_line
def why(ctx: click.Context, what: str, since: str | None, whole: bool, limit: int, as_json: bool) -> None:
    """What became of a message, and why.

    The story goes from the connection to the mailbox, or to the other server's last word.
    Ask by the id in the log, the queue or a Received line (`5kqj2v8s-7h3`), by the Message-ID, or by an address
    (also a domain, an IP address, a connection's id): then it tells of refused attempts and failed logins too.
    """
    from mailstack.history.search import Asked, Search
    from mailstack.history.story import stories

    asked = Asked(what, _since(since) if since else 0.0)
    if not asked.text:
        raise Failed("say what to look for: an id, a Message-ID or an address")
    config = glimpsed(ctx)
    _have_it_written(config.control_socket)
    with as_owner(config.state):
        found = Search(config.history_folder, asked, limit).run()
    told = stories(found)
    if as_json:
        return print_json({"asked": what, "more": found.more, "stories": [story.as_json() for story in told]})
    if not told:
        raise Failed(_nothing(asked.text, since, config.history_folder))
    for line in _lines(told, whole=whole or len(told) <= _WHOLE, more=found.more, asked=what):
        click.echo(line)
    return None


def _have_it_written(socket: str) -> None:
    """A server that runs holds the last moment in memory; one that does not has written everything.

    One that does not answer is a reason to look at what it has written, not to wait for it.
    """
    from mailstack.control.client import NobodyThere, ask

    try:
        ask(socket, "history flush", timeout=_PATIENCE)
    except NobodyThere:
        pass
    except MailError as failure:
        if failure.condition is Condition.NOT_ALLOWED:
            raise
        click.echo(f"mailstack: note: the last moment may be missing: {failure.public}", err=True)


def _since(text: str) -> float:
    from mailstack.config.faults import Unfit
    from mailstack.config.units import read_duration

    try:
        return time.time() - read_duration(text).total_seconds()
    except Unfit:
        raise Failed(f"--since {text} is no length of time; write 90m, 12h, 2d, 1w") from None


def _nothing(what: str, since: str | None, folder: str) -> str:
    from mailstack.history.segments import paths, started

    there = paths(folder)
    if not there:
        return f"there is no history in {folder}: the server has not run yet, or history.size is 0"
    reach = f"the last {since}" if since else f"all that is kept, since {_moment(started(there[0]))}"
    return f"nothing goes by {what!r} in {reach}; what never reached this server is not known here"


# --- for people ------------------------------------------------------------------------------------------------


def _lines(told: Sequence[Any], *, whole: bool, more: bool, asked: str) -> Iterator[str]:
    width = min(shutil.get_terminal_size((100, 24)).columns, 140)
    for number, story in enumerate(told):
        if number:
            yield ""
        yield from _story(story, width) if whole else _summary(story, width)
    yield ""
    if not whole:
        yield f"{len(told)} stories; one in full: mailstack why ID, all: mailstack why --all {asked}"
    if more:
        yield "There are more, older ones: --limit 100"
    zone = time.strftime("%Z, UTC%z", time.localtime(told[-1].began)).removesuffix(", UTC+0000")
    yield click.style(f"Times are {zone}.", dim=True)


def _story(story: Any, width: int) -> Iterator[str]:
    name = {"message": "Message", "report": "Report", "connection": "Connection", "event": ""}[story.kind]
    title = " ".join(filter(None, (name, plain(story.id)))) or _moment(story.began)
    yield f"{click.style(title, bold=True)}  {_coloured(story.outcome, story.tone.value)}"
    for key, value in story.heads:
        yield from _wrapped(f"  {key:<10}  ", plain(value), width)
    for fate in story.fates:
        yield from _wrapped("  " + _coloured(f"→ {fate.state:<9}", fate.tone.value) + "  ", _fate(fate), width, 15)
    yield ""
    day = ""
    for step in story.steps:
        if (today := _day(step.time)) != day:
            yield click.style(f"  {today}", dim=True)
            day = today
        yield from _step(step, width)


def _summary(story: Any, width: int) -> Iterator[str]:
    """Two lines or three: for lists."""
    title = click.style(plain(story.id), bold=True) if story.id else ""
    outcome = _coloured(story.outcome, story.tone.value)
    yield "  ".join(filter(None, (_moment(story.began), outcome, title)))
    heads = dict(story.heads)
    if "from" in heads:
        yield from _wrapped("    ", plain(f"{heads['from']} → {heads['to']}"), width)
    elif heads:
        yield from _wrapped("    ", plain(" ".join(f"{key} {value}" for key, value in story.heads)), width)
    for fate in story.fates:
        if fate.tone.value != "good":
            yield from _wrapped("    ", f"{_fate(fate)}", width)
    if not story.fates:
        told = dict.fromkeys(step.text for step in story.steps if step.tone.value in {"bad", "wait"})
        for text in list(told)[-2:]:
            yield from _wrapped("    ", plain(text), width)


def _fate(fate: Any) -> str:
    return plain(f"<{fate.recipient}> {fate.text}")


def _step(step: Any, width: int) -> Iterator[str]:
    label = f"{step.label:<{_LABEL}}"
    text = plain(f"(report {step.of}) {step.text}" if step.of else step.text)
    start = f"  {_clock(step.time)}  {_coloured(label, step.tone.value)}  "
    indent = 2 + 12 + 2 + _LABEL + 2
    yield from _wrapped(start, text, width, indent)
    if step.hint:
        yield from _wrapped(" " * indent + click.style("⤷ ", dim=True), plain(step.hint), width, indent + 2, dim=True)


def _wrapped(start: str, text: str, width: int, indent: int | None = None, *, dim: bool = False) -> Iterator[str]:
    """`start`, and the text behind it in as many lines as it takes, each below the other; words stay whole."""
    left = len(start) if indent is None else indent
    lines = textwrap.wrap(text, max(width - left, 30), break_long_words=False, break_on_hyphens=False) or [""]
    lines = [click.style(line, dim=True) for line in lines] if dim else lines
    yield start + lines[0]
    for line in lines[1:]:
        yield " " * left + line


def _coloured(text: str, tone: str) -> str:
    colour = _COLOURS[tone]
    return click.style(text, fg=colour, bold=tone == "bad") if colour else text


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%a %d %b %Y")


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%a %d %b %H:%M:%S")
