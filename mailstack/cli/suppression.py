"""`mailstack suppression`: addresses that are not tried for a time."""

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json, table


@click.group()
def suppression() -> None:
    """Addresses that are not tried, because their servers said that they are nobody's (relay.suppress_for)."""


@suppression.command("list")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, as_json: bool) -> None:
    """Which they are, since when, until when, and what was said."""
    rows = ask(ctx, "suppression list")
    if as_json:
        return print_json(rows)
    columns = [(row["address"], row["since"][:10], row["until"][:10], row["reason"]) for row in rows]
    return table(("address", "since", "until", "reason"), columns, nothing="No address is suppressed.")


@suppression.command("remove")
@click.argument("address")
@click.pass_context
@errors_in_one_line
def remove(ctx: click.Context, address: str) -> None:
    """Try ADDRESS again with the next message."""
    if not ask(ctx, "suppression remove", address=address):
        raise Failed(f"{address} is not suppressed; see: mailstack suppression list")
    click.echo(f"Mail to {address} will be tried again.")
