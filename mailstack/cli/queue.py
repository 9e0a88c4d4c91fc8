"""`mailstack queue`: mail that waits to be sent to other servers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import click

from mailstack.cli.choosing import WHICH, changed, choosing, chosen_rows
from mailstack.cli.reach import ask, glimpsed
from mailstack.cli.reasons import reasons, span
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json


@click.group()
def queue() -> None:
    """Mail that waits to be sent to other servers."""


@queue.command("list", epilog=WHICH)
@choosing
@click.option("--limit", type=click.IntRange(0), default=1000, show_default=True, help="At most so many; 0: all.")
@json_option
@click.pass_context
@errors_in_one_line
def show_list(ctx: click.Context, choice: dict[str, Any], limit: int, as_json: bool) -> None:
    """What waits, for whom, and what the other server said last."""
    rows = chosen_rows(ctx, choice, limit)
    if as_json:
        return print_json(list(rows))
    lines = _listing(rows, datetime.now(UTC))
    first = next(lines, None)
    click.echo(first if first is not None else "The queue is empty." if not choice else "Nothing in the queue fits.")
    for line in lines:
        click.echo(line)
    return None


@queue.command("show")
@click.argument("message_id")
@click.option("--whole", is_flag=True, help="The body too.")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, message_id: str, whole: bool, as_json: bool) -> None:
    """One message: whom it is for, what was heard, and its header."""
    shown = ask(ctx, "queue show", message_id=message_id, whole=whole)
    rows = list(chosen_rows(ctx, {"which": message_id}, 0))
    if as_json:
        return print_json({"recipients": rows, **shown})
    for line in _listing(iter(rows), datetime.now(UTC)):
        click.echo(line)
    click.echo("")
    click.echo(plain(shown["text"].replace("\r\n", "\n").replace("\t", "    ")), nl=False)
    if shown["cut"]:
        click.echo(f"\n[only the first {len(shown['text'])} of {shown['size']} octets are shown]")
    return None


@queue.command("why", epilog=WHICH)
@choosing
@json_option
@click.pass_context
@errors_in_one_line
def why(ctx: click.Context, choice: dict[str, Any], as_json: bool) -> None:
    """Why mail still waits: what each try heard, what happens next, and when."""
    rows = ask(ctx, "queue why", choice=choice)
    if as_json:
        return print_json(rows)
    if not rows:
        raise Failed("nothing in the queue fits; what has left it is in the log")
    relay = glimpsed(ctx).relay
    for row in rows:
        for line in reasons(row, datetime.now(UTC), relay.give_up_after, relay.delay_notice_after):
            click.echo(plain(line))
    return None


def _changing(name: str, text: str, done: str, asks: str = "") -> None:
    """Add a command that changes what is chosen; `asks`: the question, where it must be answered."""

    @queue.command(name, help=text, epilog=WHICH)
    @choosing
    @click.option("--yes", is_flag=True, help="Do not ask.", hidden=not asks)
    @json_option
    @click.pass_context
    @errors_in_one_line
    def change(ctx: click.Context, choice: dict[str, Any], which: str, yes: bool, as_json: bool) -> None:
        if not choice and which != "all":
            raise Failed("say which: a message's id, an address, a domain, a filter such as --age 2d, or `all`")
        if asks and not yes:
            click.confirm(asks.format(_spoken(choice)), abort=True, err=True)
        count = changed(ctx, f"queue {name}", choice)
        if as_json:
            return print_json({"count": count})
        return click.echo(_told(count, choice, done))


_changing("retry", "Try again now, also what is held.", "will be tried now")
_changing("hold", "Try no more, until it is released.", "held; go on with: mailstack queue release")
_changing("release", "Go on with what is held.", "will be tried again")
_changing(
    "drop",
    "Remove from the queue; nobody gets a report.",
    "dropped",
    "Drop {} from the queue? The senders are not told.",
)


def _spoken(choice: dict[str, Any]) -> str:
    return ", ".join(str(value) for value in choice.values()) or "everything"


def _told(count: int, choice: dict[str, Any], done: str) -> str:
    if not count and not choice:
        return "The queue is empty."
    if not count:
        raise Failed(f"nothing in the queue goes by {_spoken(choice)!r}; see: mailstack queue list")
    return f"{count} recipient{'' if count == 1 else 's'} {done}."


def _listing(rows: Iterator[dict[str, Any]], now: datetime) -> Iterator[str]:
    """A line a message, and under it two a recipient: ids and addresses stay whole, to be copied from a terminal."""
    for message_id, those in groupby(rows, lambda row: row["id"]):
        first, *others = those
        waits = span((now - datetime.fromisoformat(first["arrived"])).total_seconds())
        yield f"{message_id}  from <{plain(first['sender'])}>, {_size(first['size'])}, for {waits}"
        for row in (first, *others):
            yield from _recipient(row, now)


def _recipient(row: dict[str, Any], now: datetime) -> Iterator[str]:
    yield f"    {plain(row['recipient'])}  tried {row['tries']}×, {_next(row, now)}"  # noqa: RUF001  times
    if reply := row["last_reply"]:
        said = f"{reply['code']} {reply['status']}" if reply["code"] else reply["status"]
        yield f"        {plain(reply['host'] + ': ' if reply['host'] else '')}{said} {plain(reply['text'])}"


def _next(row: dict[str, Any], now: datetime) -> str:
    if row["next_try"] is None:
        return "held" if row["state"] == "held" else "next now"
    seconds = (datetime.fromisoformat(row["next_try"]) - now).total_seconds()
    return f"next in {span(seconds)}" if seconds > 0 else "next due"


def _size(octets: int) -> str:
    for unit, length in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if octets >= length:
            return f"{octets / length:.1f} {unit}"
    return f"{octets} B"
