"""`mailstack ban`: addresses that are refused for a while."""

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json, table
from mailstack.config.faults import Unfit
from mailstack.config.units import read_duration


@click.group()
def ban() -> None:
    """Addresses that are refused for a while.

    The server bans an address that guesses passwords (see [abuse] in the configuration) from logging in.  A ban made
    here holds for mail from other servers, too.
    """


@ban.command("list")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, as_json: bool) -> None:
    """Bans in force; those that end first first."""
    rows = ask(ctx, "ban list")
    if as_json:
        return print_json(rows)
    table(
        ("Address", "Until", "Of", "Why"),
        [
            (row["network"], row["until"], "everything" if row["everything"] else "logins", row["reason"])
            for row in rows
        ],
        nothing="Nobody is banned.",
    )
    return None


@ban.command("add", epilog="Example: mailstack ban add 192.0.2.0/24 --for 7d --reason 'scans every night'")
@click.argument("network", metavar="ADDRESS")
@click.option("--for", "duration", default="1d", show_default=True, metavar="TIME", help='Such as "30m", "12h", "7d".')
@click.option("--reason", default="banned by hand", show_default=True, help="For the log and the list.")
@click.pass_context
@errors_in_one_line
def add(ctx: click.Context, network: str, duration: str, reason: str) -> None:
    """Refuse every connection from ADDRESS, an IP address or a network."""
    try:
        seconds = read_duration(duration).total_seconds()
    except Unfit as unfit:
        raise Failed(str(unfit)) from None
    made = ask(ctx, "ban add", network=network, reason=reason, seconds=seconds)
    click.echo(f"{made['network']} is refused until {made['until']}.")


@ban.command("lift")
@click.argument("network", metavar="ADDRESS")
@click.pass_context
@errors_in_one_line
def lift(ctx: click.Context, network: str) -> None:
    """Let ADDRESS come in again."""
    click.echo(f"{ask(ctx, 'ban lift', network=network)} may come in again.")
