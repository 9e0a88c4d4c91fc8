"""`mailstack store`: whether the mail and its index agree."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from mailstack.cli.line import line
from mailstack.cli.progress import counting
from mailstack.cli.reach import as_owner, ask, glimpsed, is_running
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json
from mailstack.store.durability import is_readable


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


@store.command("rebuild")
@click.argument("account", required=False)
@click.pass_context
@errors_in_one_line
def rebuild(ctx: click.Context, account: str | None) -> None:
    """Make the index of ACCOUNT, or of all, anew from the files.

    UIDs, flags, keywords and dates stay as they are; mail programs ask for all flags once.  Works with the running
    server, and while it is down.  An index that cannot even be opened is set aside then, and a new one is made; mail
    that waits for other servers is set aside with it, in queue/orphaned of the state folder.

    \b
    mailstack store rebuild anna@example.org
    mailstack store rebuild
    """
    _set_aside_what_cannot_be_read(ctx)
    with line(ctx) as asking:
        names = [account] if account else asking("store on-disk")
        messages = 0
        with counting("Rebuilding", len(names)) as tick:
            for name in names:
                messages += asking("store rebuild", name=name)
                tick(name)
    click.echo(f"{len(names)} account{'' if len(names) == 1 else 's'}, {messages} messages are in the index.")


def _set_aside_what_cannot_be_read(ctx: click.Context) -> None:
    """Only while no server runs: it would not have started with it."""
    config = glimpsed(ctx)
    path = Path(config.index_file)
    if not path.exists() or is_running(ctx):
        return
    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    with as_owner(config.state):
        if is_readable(path):
            return
        path.rename(aside)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    click.echo(f"The index could not be read; it is set aside as {aside}.", err=True)


def _tell(checked: list[dict[str, Any]]) -> None:
    for each in checked:
        for finding in each["findings"]:
            click.echo(f"{each['account']} {plain(finding['mailbox'])}: {plain(finding['what'])}")
    messages = sum(each["messages"] for each in checked)
    click.echo(f"{len(checked)} account{'' if len(checked) == 1 else 's'}, {messages} messages looked at.")
