"""`mailstack status` and `mailstack reload`: for a server that runs."""

from typing import Any

import click

from mailstack.cli.reach import ask_running
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json, table


@click.command()
@json_option
@click.pass_context
@errors_in_one_line
def status(ctx: click.Context, as_json: bool) -> None:
    """What the running server is doing."""
    told: dict[str, Any] = ask_running(ctx, "status")
    if as_json:
        return print_json(told)
    listeners = told.pop("listeners", [])
    told.pop("queue_states", None)
    if (counts := told.pop("counts", None)) is not None:
        told["since_start"] = _since_start(counts)
    for key, value in told.items():
        click.echo(f"{key.replace('_', ' '):<12} {value}")
    if listeners:
        keys = list(listeners[0])
        rows = [[_words(listener.get(key, "")) for key in keys] for listener in listeners]
        table([key.capitalize() for key in keys], rows, nothing="")
    return None


def _since_start(counts: dict[str, Any]) -> str:
    """What has become of mail, in a line; all of the numbers are in --json, and in /metrics."""
    said = (
        ("messages_accepted", "accepted"),
        ("refusals", "refused"),
        ("deliveries", "delivered here"),
        ("relay_delivered", "sent on"),
        ("relay_deferred", "put off"),
        ("relay_failed", "failed"),
        ("login_failures", "failed logins"),
    )
    return ", ".join(f"{_sum(counts.get(name, 0))} {words}" for name, words in said)


def _sum(value: Any) -> int:
    return sum(value.values()) if isinstance(value, dict) else int(value)


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


@click.command()
@click.pass_context
@errors_in_one_line
def reload(ctx: click.Context) -> None:
    """Have the running server read its configuration and certificates again.

    A configuration with a fault is refused, and the old one stays in force.
    """
    told: dict[str, Any] = ask_running(ctx, "reload")
    for line in told["faults"]:
        click.echo(line, err=True)
    if told["faults"]:
        raise Failed("not reloaded, the old configuration stays in force")
    for line in told["changes"]:
        click.echo(line)
    click.echo("Reloaded." if told["changes"] else "Reloaded; nothing has changed.")
