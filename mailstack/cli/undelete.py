"""`mailstack undelete`: expunged mail, listed and brought back."""

import time
from typing import Any

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json, table
from mailstack.config.faults import Unfit
from mailstack.config.units import read_duration


@click.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="Only show what there is; so does leaving everything out.")
@click.option("--folder", metavar="NAME", default="", help="What was in this mailbox.")
@click.option("--since", metavar="TIME", help='What was expunged within "2h", "3d".')
@click.option("--all", "everything", is_flag=True, help="Everything that is kept.")
@click.option("--into", metavar="NAME", default="", help="Into this mailbox, made if it is not there.")
@json_option
@click.pass_context
@errors_in_one_line
def undelete(
    ctx: click.Context,
    account: str,
    ids: tuple[str, ...],
    only_list: bool,
    folder: str,
    since: str | None,
    everything: bool,
    into: str,
    as_json: bool,
) -> None:
    """Bring expunged mail back, with its dates and flags.

    It goes into the mailbox of ACCOUNT where it was.

    Mail is kept for store.keep_expunged (7 days) after somebody has expunged it, and so are mailboxes that were
    deleted.  What lies in another mailbox as well, because a mail program moved it by copying, is brought back only
    by its ID.

    \b
    mailstack undelete anna@example.org                         what there is
    mailstack undelete anna@example.org 3f9a0c12d4 8be1407aa2   two messages
    mailstack undelete anna@example.org --folder Invoices       a mailbox, also one that was deleted
    mailstack undelete anna@example.org --all --since 2h        an accident just now
    mailstack undelete anna@example.org --all --into Found      everything, into a mailbox of its own
    """
    start = time.time() - _seconds(since) if since else 0
    chosen = bool(ids or everything or folder or since)
    if only_list or not chosen:
        return _show(ask(ctx, "undelete list", name=account, folder=folder, since=start), as_json=as_json)
    brought = ask(ctx, "undelete", name=account, ids=list(ids), folder=folder, since=start, into=into)
    if as_json:
        return print_json(brought)
    for name, count in brought.items():
        click.echo(f"{plain(name)}: {count} message{'' if count == 1 else 's'} brought back.")
    if not any(brought.values()):
        click.echo("There was nothing to bring back.")
    return None


def _seconds(text: str) -> float:
    try:
        return read_duration(int(text) if text.isdecimal() else text).total_seconds()
    except Unfit as unfit:
        raise Failed(f"--since: {unfit}") from None


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        return print_json(rows)
    table(
        ("ID", "Mailbox", "Expunged", "Date", "From", "Subject", ""),
        [
            (
                row["id"],
                row["folder"],
                row["expunged"][:16].replace("T", " "),
                row["date"][:10],
                row["from"],
                row["subject"],
                "also elsewhere" if row["elsewhere"] else "",
            )
            for row in rows
        ],
        nothing="There is nothing to bring back.",
    )
    return None
