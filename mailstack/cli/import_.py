"""`mailstack import`: mail of other programs, into an account."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from mailstack.cli.carry import Carrier, carrier
from mailstack.cli.line import line
from mailstack.cli.progress import counting
from mailstack.cli.reach import ask, glimpsed
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json, table
from mailstack.store.transfer.found import Bad, Found
from mailstack.store.transfer.sources import Source, sources

__all__ = ["import_"]


@click.command("import")
@click.argument("account", metavar="ACCOUNT")
@click.argument("source", metavar="SOURCE", type=click.Path(exists=True))
@click.option("--into", metavar="NAME", default="", help="Into this mailbox, and into mailboxes below it.")
@click.option("--map", "renamed", metavar="OLD=NEW", multiple=True, help="A mailbox's name in the source, and here.")
@click.option("--folder", "only", metavar="NAME", multiple=True, help="Only this mailbox of the source.")
@click.option("--again", is_flag=True, help="Also what was brought in before.")
@click.option("--dry-run", is_flag=True, help="Only read the source, and count.")
@json_option
@click.pass_context
@errors_in_one_line
def import_(
    ctx: click.Context,
    account: str,
    source: str,
    into: str,
    renamed: tuple[str, ...],
    only: tuple[str, ...],
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring mail of other programs into ACCOUNT.

    SOURCE is an mbox file (mboxrd, mboxo, mboxcl2), a Maildir or Maildir++, an .eml file, or a folder of any of them,
    such as a Thunderbird profile's Mail folder.  Dates and flags are kept: Status, X-Status, X-Keywords and Mozilla's
    fields in an mbox, letters and dovecot-keywords in a Maildir.  What cannot be read is named and left out.

    A run that was stopped, or killed, goes on where it was when it is started again: nothing comes twice.  A later run
    brings what is new.  Works with the running server, and while it is down.  No quota stops it.

    \b
    mailstack import anna@example.org ~anna/Maildir
    mailstack import anna@example.org old.mbox --into "Archive/Old"
    mailstack import anna@example.org ~/Thunderbird/Mail/Local --map Trash=Bin
    """
    if account not in [row["name"] for row in ask(ctx, "account list")]:
        raise Failed(f"there is no account {account}; first: mailstack account add {account}")
    names = dict(_pair(each) for each in renamed)
    chosen = [(each, _target(each, into, names)) for each in sources(source) if not only or each.folder in only]
    if not chosen:
        raise Failed(f"{source} has no mail" + (" in those mailboxes" if only else ""))
    if dry_run:
        return _dry(chosen, as_json=as_json)
    with line(ctx) as asking, carrier(asking, account, glimpsed(ctx).mail_folder) as carry:
        if again:
            asking("import forget", name=account)
        with counting("Importing") as tick:
            for each, target in chosen:
                for message in _carried(carry, each, target):
                    tick(target)
                    _tell(message)
    return _show(carry, as_json=as_json)


def _carried(carry: Carrier, source: Source, target: str) -> Iterator[Found | Bad]:
    return carry.carry(target, source.read(target))


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise Failed(f"--map {text}: write OLD=NEW")
    return old, new


def _target(source: Source, into: str, names: dict[str, str]) -> str:
    """`a/b` with a=c is `c/b`."""
    folder = source.folder
    for old, new in names.items():
        if folder == old or folder.startswith(f"{old}/"):
            folder = new + folder.removeprefix(old)
            break
    if not into:
        return folder or "INBOX"
    return into if not folder or folder == "INBOX" or source.alone else f"{into}/{folder}"


def _tell(message: Found | Bad) -> None:
    if isinstance(message, Bad):
        click.echo(f"left out: {plain(message.where)}: {plain(message.reason)}", err=True)


def _dry(chosen: list[tuple[Source, str]], *, as_json: bool) -> None:
    rows = []
    for source, target in chosen:
        good = bad = 0
        for message in source.read(target):
            _tell(message)
            good, bad = good + isinstance(message, Found), bad + isinstance(message, Bad)
        rows.append({"mailbox": target, "kind": source.kind, "messages": good, "bad": bad})
    if as_json:
        return print_json(rows)
    table(("Mailbox", "Kind", "Messages", "Cannot be read"), [tuple(row.values()) for row in rows], nothing="No mail.")
    return None


def _show(carry: Carrier, *, as_json: bool) -> None:
    if as_json:
        return print_json({name: asdict(count) for name, count in carry.counts.items()})
    rows = [(name, count.came, count.before, count.bad) for name, count in carry.counts.items()]
    table(("Mailbox", "Came", "Had come before", "Cannot be read"), rows, nothing="No mail.")
    return None
