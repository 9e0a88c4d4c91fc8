"""`mailstack backup`: a snapshot of everything."""

import os
from dataclasses import asdict
from pathlib import Path

import click

from mailstack.cli.progress import counting
from mailstack.cli.reach import as_owner, configuration, read_text
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json
from mailstack.store.backup import Backup


@click.command()
@click.argument("target", metavar="FOLDER", type=click.Path(file_okay=False))
@json_option
@click.pass_context
@errors_in_one_line
def backup(ctx: click.Context, target: str, as_json: bool) -> None:
    """Take a snapshot of all mail, the queue, the accounts and the configuration into FOLDER.

    Each run makes a folder named by its time, whole in itself.  A message is hard-linked where FOLDER is on the same
    file system as the mail, or to the snapshot before; only what is new is copied.  The server goes on meanwhile; all
    folders, queue and databases are of one moment.  Old snapshots are yours to remove (rm -r).

    \b
    mailstack backup /srv/backup
    mailstack restore /srv/backup anna@example.org --folder Invoices
    """
    config = configuration(ctx)
    text = read_text(ctx.obj)
    for inside in (config.state, config.mail_folder):
        if Path(target).resolve().is_relative_to(Path(inside).resolve()):
            raise Failed(f"{target} lies within {inside}, which is what is backed up; take another folder")
    _make_for_owner(Path(target), Path(config.state))
    with as_owner(config.state), counting("Backing up") as tick:
        taken = Backup(Path(config.state), Path(config.mail_folder), text, Path(target), tick).take()
    if as_json:
        return print_json(asdict(taken))
    click.echo(f"{taken.path}: {taken.messages} messages, {taken.linked} linked, {taken.copied} copied.")
    return None


def _make_for_owner(target: Path, state: Path) -> None:
    """The snapshot belongs to the server's user, as what it is taken from does."""
    if not state.is_dir():
        raise Failed(f"there is no state folder {state}; has the server ever run?")
    if not target.exists():
        target.mkdir(mode=0o700, parents=True)
        if os.geteuid() == 0:
            owner = state.stat()
            os.chown(target, owner.st_uid, owner.st_gid)
