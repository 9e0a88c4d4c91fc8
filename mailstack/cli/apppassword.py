"""`mailstack app-password`: one password for each program or device."""

from typing import Any

import click

from mailstack.accounts.apppasswords import SCOPES
from mailstack.cli.reach import ask
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json, table
from mailstack.config.faults import Unfit
from mailstack.config.units import read_duration

__all__ = ["app_password"]


@click.group("app-password")
def app_password() -> None:
    """One password for each program or device of an account.

    Each is revoked alone.  They are for programs that log in by PLAIN or LOGIN; SCRAM knows the account's own
    password only.
    """


@app_password.command(
    "new", epilog="Example: mailstack app-password new anna@example.org phone --scope imap --scope smtp"
)
@click.argument("name", metavar="ADDRESS")
@click.argument("label", metavar="NAME")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it is for; all when not given.")
@click.option("--network", "networks", multiple=True, metavar="NETWORK", help="Where it may be used from.")
@click.option("--for", "duration", metavar="TIME", help='How long it is good, such as "90d"; for ever when not given.')
@json_option
@click.pass_context
@errors_in_one_line
def new(
    ctx: click.Context,
    name: str,
    label: str,
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    duration: str | None,
    as_json: bool,
) -> None:
    """Make the app password NAME for the account ADDRESS, and show it, once."""
    try:
        seconds = None if duration is None else read_duration(duration).total_seconds()
    except Unfit as unfit:
        raise Failed(str(unfit)) from None
    bounds = {"scopes": list(scopes) or list(SCOPES), "networks": list(networks), "seconds": seconds}
    made = ask(ctx, "app-password new", name=name, label=label, **bounds)
    if as_json:
        return print_json({"name": label, "password": made})
    click.echo(made)
    return None


@app_password.command("list")
@click.argument("name", metavar="ADDRESS")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, name: str, as_json: bool) -> None:
    """The app passwords of the account ADDRESS: what they are for, and when they were last used."""
    rows = ask(ctx, "app-password list", name=name)
    if as_json:
        return print_json(rows)
    table(
        ("Name", "For", "From", "Made", "Until", "Last used"),
        [
            (
                row["name"],
                " ".join(row["scopes"]),
                " ".join(row["networks"]) or "anywhere",
                row["made"][:10],
                (row["ends"] or "for ever")[:10],
                _last_use(row),
            )
            for row in rows
        ],
        nothing=f"There is none.  Make one: mailstack app-password new {name} phone",
    )
    return None


def _last_use(row: dict[str, Any]) -> str:
    return f"{row['used'][:16]} {row['used_protocol']} {row['used_ip']}" if row["used"] else "never"


@app_password.command("revoke")
@click.argument("name", metavar="ADDRESS")
@click.argument("label", metavar="NAME")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
@errors_in_one_line
def revoke(ctx: click.Context, name: str, label: str, yes: bool) -> None:
    """Revoke the app password NAME; sessions of the account end and must log in anew."""
    if not yes:
        click.confirm(f"Revoke {label} of {name}?", abort=True, err=True)
    click.echo(f"{ask(ctx, 'app-password revoke', name=name, label=label)} is revoked.")
