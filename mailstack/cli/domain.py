"""`mailstack domain`: what this server takes mail for."""

import click

from mailstack.cli.reach import ask, glimpsed
from mailstack.cli.say import errors_in_one_line, json_option, print_json, table


@click.group()
def domain() -> None:
    """The domains this server takes mail for."""


@domain.command("add")
@click.argument("name", metavar="DOMAIN")
@click.pass_context
@errors_in_one_line
def add(ctx: click.Context, name: str) -> None:
    """Take mail for DOMAIN."""
    made = ask(ctx, "domain add", name=name)
    host = glimpsed(ctx).hostname
    click.echo(f"{made} is served here.  So that other servers find it, its DNS needs:")
    click.echo(f"  {made}.  MX  10 {host}.")
    click.echo(f"Next: mailstack account add somebody@{made}")


@domain.command("list")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, as_json: bool) -> None:
    """All of them, with the number of accounts and aliases."""
    rows = ask(ctx, "domain list")
    if as_json:
        return print_json(rows)
    table(
        ("Domain", "Accounts", "Aliases"),
        [(row["name"], row["accounts"], row["aliases"]) for row in rows],
        nothing="There is no domain yet.  Add the first: mailstack domain add example.org",
    )
    return None


@domain.command("remove")
@click.argument("name", metavar="DOMAIN")
@click.pass_context
@errors_in_one_line
def remove(ctx: click.Context, name: str) -> None:
    """Take no more mail for DOMAIN.  Its accounts and aliases must be gone."""
    click.echo(f"{ask(ctx, 'domain remove', name=name)} is no longer served here.")
