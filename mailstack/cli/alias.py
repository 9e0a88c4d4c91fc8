"""`mailstack alias`: addresses that pass mail on."""

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import errors_in_one_line, json_option, print_json, table


@click.group()
def alias() -> None:
    """Addresses that pass mail on."""


@alias.command("add")
@click.argument("name", metavar="ADDRESS")
@click.argument("targets", metavar="TO...", nargs=-1, required=True)
@click.pass_context
@errors_in_one_line
def add(ctx: click.Context, name: str, targets: tuple[str, ...]) -> None:
    """Pass mail for ADDRESS on to each TO, here or elsewhere.

    An alias that is there gets more members.  @DOMAIN takes all mail of the domain that would be nobody's.
    """
    made = ask(ctx, "alias add", name=name, targets=list(targets))
    click.echo(f"{made['name']} leads to {', '.join(made['targets'])}.")


@alias.command("list")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, as_json: bool) -> None:
    """All aliases."""
    rows = ask(ctx, "alias list")
    if as_json:
        return print_json(rows)
    table(
        ("Alias", "Leads to"),
        [(row["name"], " ".join(row["targets"])) for row in rows],
        nothing="There is no alias.  Add one: mailstack alias add info@DOMAIN NAME@DOMAIN",
    )
    return None


@alias.command("remove")
@click.argument("name", metavar="ADDRESS")
@click.argument("targets", metavar="[TO...]", nargs=-1)
@click.pass_context
@errors_in_one_line
def remove(ctx: click.Context, name: str, targets: tuple[str, ...]) -> None:
    """Remove the alias ADDRESS, or only these members of it."""
    gone = ask(ctx, "alias remove", name=name, targets=list(targets))
    click.echo(f"{gone} no longer leads to {', '.join(targets)}." if targets else f"The alias {gone} is gone.")
