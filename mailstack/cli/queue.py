"""`mailstack queue`: mail that waits to be sent to other servers."""

from datetime import UTC, datetime
from typing import Any

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import errors_in_one_line, json_option, print_json, table

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
    now = datetime.now(UTC)
    table(
        ("Id", "From", "To", "Size", "Waits for", "Tries", "Next", "Last answer"),
        [_row(row, now) for row in rows],
        nothing="The queue is empty.",
    )
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
    if not count:
        return f"Nothing in the queue is {which}; see: mailstack queue list"
    return f"{count} recipient{'' if count == 1 else 's'} {done}."


def _row(row: dict[str, Any], now: datetime) -> tuple[object, ...]:
    reply = row["last_reply"]
    said = f"{reply['host']} {reply['code'] or ''} {reply['text']}".strip() if reply else ""
    next_try = "now" if row["next_try"] is None else _until(datetime.fromisoformat(row["next_try"]), now)
    waits = _span((now - datetime.fromisoformat(row["arrived"])).total_seconds())
    return row["id"], f"<{row['sender']}>", row["recipient"], _size(row["size"]), waits, row["tries"], next_try, said


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
