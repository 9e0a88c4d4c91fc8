"""`mailstack queue`: mail that waits to be sent to other servers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json

_SELECTOR = "WHICH is a message's id, a recipient's address, a domain, or `all`."


@click.group()
def queue() -> None:
    """Mail that waits to be sent to other servers."""


@queue.command("list")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, as_json: bool) -> None:
    """What waits, for whom, and what the other server said last."""
    rows = ask(ctx, "queue list")
    if as_json:
        return print_json(rows)
    for line in _listing(rows, datetime.now(UTC)) if rows else ("The queue is empty.",):
        click.echo(line)
    return None


@queue.command("retry", epilog=_SELECTOR)
@click.argument("which")
@click.pass_context
@errors_in_one_line
def retry(ctx: click.Context, which: str) -> None:
    """Try WHICH again now."""
    click.echo(_told(ask(ctx, "queue retry", selector=which), which, "will be tried now"))


@queue.command("drop", epilog=_SELECTOR)
@click.argument("which")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
@errors_in_one_line
def drop(ctx: click.Context, which: str, yes: bool) -> None:
    """Remove WHICH from the queue; nobody gets a report."""
    if not yes:
        click.confirm(f"Drop {which} from the queue? The senders are not told.", abort=True, err=True)
    click.echo(_told(ask(ctx, "queue drop", selector=which), which, "dropped"))


def _told(count: int, which: str, done: str) -> str:
    if not count and which == "all":
        return "The queue is empty."
    if not count:
        raise Failed(f"nothing in the queue goes by {which!r}; see: mailstack queue list")
    return f"{count} recipient{'' if count == 1 else 's'} {done}."


def _listing(rows: list[dict[str, Any]], now: datetime) -> Iterator[str]:
    """A line a message, and under it two a recipient: ids and addresses stay whole, to be copied from a terminal."""
    for message_id, those in groupby(rows, lambda row: row["id"]):
        first, *others = those
        waits = _span((now - datetime.fromisoformat(first["arrived"])).total_seconds())
        yield f"{message_id}  from <{plain(first['sender'])}>, {_size(first['size'])}, for {waits}"
        for row in (first, *others):
            yield from _recipient(row, now)


def _recipient(row: dict[str, Any], now: datetime) -> Iterator[str]:
    next_try = "now" if row["next_try"] is None else _until(datetime.fromisoformat(row["next_try"]), now)
    yield f"    {plain(row['recipient'])}  tried {row['tries']}×, next {next_try}"  # noqa: RUF001  times
    if reply := row["last_reply"]:
        said = f"{reply['code']} {reply['status']}" if reply["code"] else reply["status"]
        yield f"        {plain(reply['host'] + ': ' if reply['host'] else '')}{said} {plain(reply['text'])}"


def _until(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    return f"in {_span(seconds)}" if seconds > 0 else "due"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _size(octets: int) -> str:
    for unit, length in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if octets >= length:
            return f"{octets / length:.1f} {unit}"
    return f"{octets} B"
