"""`mailstack store`: whether the mail and its index agree."""

import sys
from typing import Any

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json


@click.group()
def store() -> None:
    """Whether the mail on the disk and its index agree."""


@store.command("check")
@click.argument("account", required=False)
@click.option("--repair", is_flag=True, help="Make the index follow the files; no mail is ever removed.")
@json_option
@click.pass_context
@errors_in_one_line
def check(ctx: click.Context, account: str | None, repair: bool, as_json: bool) -> None:
    """Compare the index with the files of ACCOUNT, or of all.

    The exit status is 1 when something is wrong.
    """
    names = [account] if account else ask(ctx, "store accounts")
    with click.progressbar(names, file=sys.stderr, hidden=not sys.stderr.isatty()) as steps:
        checked = [ask(ctx, "store check", name=name, repair=repair) for name in steps]
    if as_json:
        print_json(checked)
    else:
        _tell(checked)
    if any(not each["whole"] for each in checked):
        raise Failed("not everything agrees" + ("" if repair else "; mailstack store check --repair mends it"))


def _tell(checked: list[dict[str, Any]]) -> None:
    for each in checked:
        for finding in each["findings"]:
            click.echo(f"{each['account']} {plain(finding['mailbox'])}: {plain(finding['what'])}")
    messages = sum(each["messages"] for each in checked)
    click.echo(f"{len(checked)} account{'' if len(checked) == 1 else 's'}, {messages} messages looked at.")
