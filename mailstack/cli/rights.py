"""`mailstack account …`: what accounts may do, how much they may send, and their addresses."""

from collections.abc import Callable
from typing import Any

import click

from mailstack.accounts.sending import LIMITS
from mailstack.cli.reach import ask
from mailstack.cli.say import errors_in_one_line, json_option, print_json, table

__all__ = ["COMMANDS"]


@click.command("disable")
@click.argument("name", metavar="ADDRESS")
@click.pass_context
@errors_in_one_line
def disable(ctx: click.Context, name: str) -> None:
    """Let nobody log in as ADDRESS; who is logged in is logged out.  Mail for it is still taken."""
    click.echo(f"{ask(ctx, 'account allow', name=name, rights={'enabled': False})['name']} is disabled.")


@click.command("enable")
@click.argument("name", metavar="ADDRESS")
@click.pass_context
@errors_in_one_line
def enable(ctx: click.Context, name: str) -> None:
    """Let ADDRESS log in again."""
    click.echo(f"{ask(ctx, 'account allow', name=name, rights={'enabled': True})['name']} may log in.")


@click.command("allow")
@click.argument("name", metavar="ADDRESS")
@click.option("--send/--no-send", default=None, help="Whether it may send mail.")
@click.option("--receive/--no-receive", default=None, help="Whether mail for it is taken.")
@json_option
@click.pass_context
@errors_in_one_line
def allow(ctx: click.Context, name: str, send: bool | None, receive: bool | None, as_json: bool) -> None:
    """Say or show whether ADDRESS may send and receive."""
    asked = {"may_send": send, "may_receive": receive}
    now = ask(ctx, "account allow", name=name, rights={right: yes for right, yes in asked.items() if yes is not None})
    if as_json:
        return print_json(now)
    click.echo(f"{now['name']} " + "; ".join(f"{words}: {'yes' if now[right] else 'no'}" for right, words in _WORDS))
    return None


_WORDS = (("enabled", "may log in"), ("may_send", "may send"), ("may_receive", "takes mail"))


@click.command("address")
@click.argument("name", metavar="ADDRESS")
@click.option("--add", multiple=True, metavar="ADDRESS", help="One more address of the account.")
@click.option("--remove", multiple=True, metavar="ADDRESS", help="One that it shall no longer have.")
@json_option
@click.pass_context
@errors_in_one_line
def address(ctx: click.Context, name: str, add: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Show or change the addresses of the account ADDRESS."""
    addresses = ask(ctx, "account address", name=name, add=list(add), remove=list(remove))
    if as_json:
        return print_json(addresses)
    click.echo("\n".join(addresses))
    return None


def _limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for limit in reversed(LIMITS):
        words = limit.replace("_per_", " a ").replace("_", " ")
        option = f"--{limit.replace('_', '-')}"
        command = click.option(option, metavar="NUMBER|default", help=f"{words}; 0 for no limit.".capitalize())(command)
    return command


@click.command("limits")
@click.argument("name", metavar="ADDRESS")
@_limit_options
@json_option
@click.pass_context
@errors_in_one_line
def limits(ctx: click.Context, /, name: str, as_json: bool, **asked: str | None) -> None:
    """Show how much ADDRESS has sent and may send, or set limits of its own.

    `default` takes one back to what [submission] in the configuration says.
    """
    changes = {limit: _number(limit, text) for limit, text in asked.items() if text is not None}
    rows = ask(ctx, "account limits", name=name, changes=changes)
    if as_json:
        return print_json(rows)
    table(
        ("Limit", "Used", "Of", ""),
        [
            (limit.replace("_", " "), row["used"], row["limit"] or "any number", "its own" if row["own"] else "")
            for limit, row in rows.items()
        ],
        nothing="",
    )
    return None


def _number(limit: str, text: str) -> int | None:
    if text == "default":
        return None
    if not text.isdecimal():
        raise click.BadParameter(
            f"{text!r} is neither a number nor `default`", param_hint=f"--{limit.replace('_', '-')}"
        )
    return int(text)


COMMANDS = (disable, enable, allow, address, limits)
