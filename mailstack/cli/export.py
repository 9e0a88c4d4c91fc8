"""`mailstack export`: an account's mail, in forms that other programs read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from mailstack.cli.line import Ask, line
from mailstack.cli.progress import counting
from mailstack.cli.say import Failed, errors_in_one_line, plain
from mailstack.message.header import scan
from mailstack.message.words import decode_words
from mailstack.store.transfer.eml import EmlWriter
from mailstack.store.transfer.found import with_crlf
from mailstack.store.transfer.maildirs import MaildirWriter, read_chunks
from mailstack.store.transfer.mbox import write_mbox


class Message(NamedTuple):
    """As `export messages` tells it."""

    uid: int
    flags: Sequence[str]
    date: int
    size: int
    unique: str
    paths: Sequence[str]


@click.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("target", metavar="FOLDER", type=click.Path(file_okay=False))
@click.option("--format", "form", type=click.Choice(["mbox", "maildir", "eml"]), default="mbox", show_default=True)
@click.option("--folder", "only", metavar="NAME", multiple=True, help="Only this mailbox.")
@click.pass_context
@errors_in_one_line
def export(ctx: click.Context, account: str, target: str, form: str, only: tuple[str, ...]) -> None:
    """Write the mail of ACCOUNT into FOLDER, which is made: an mbox a mailbox, a Maildir++, or .eml files.

    Dates, flags and keywords go along: in an mbox as Status, X-Status and X-Keywords, in a Maildir as letters and
    dovecot-keywords, beside .eml files in mailstack-flags.tsv.  Started again, it leaves what is whole as it is: .eml
    files, messages of a Maildir, mboxes.  Works with the running server, and while it is down.

    \b
    mailstack export anna@example.org /srv/anna
    mailstack export anna@example.org /srv/anna --format maildir
    mailstack export anna@example.org /srv/anna --format eml --folder Invoices
    """
    with line(ctx) as ask:
        folders = [row for row in ask("export folders", name=account) if not only or row["name"] in only]
        if not folders:
            raise Failed("there is no such mailbox")
        Path(target).mkdir(parents=True, exist_ok=True)
        total = 0
        with counting("Exporting", sum(row["messages"] for row in folders)) as tick:
            for row in folders:
                for _ in _WRITERS[form](target, row["name"], _messages(ask, account, row["name"])):
                    total += 1
                    tick(row["name"])
    click.echo(f"{total} message{'' if total == 1 else 's'} of {plain(account)} are in {plain(target)}.")


def _messages(ask: Ask, account: str, folder: str) -> Iterator[Message]:
    after = 0
    while rows := ask("export messages", name=account, folder=folder, after=after, limit=500):
        for row in rows:
            yield Message(*row)
        after = rows[-1][0]


def _octets(message: Message) -> Iterator[bytes] | None:
    """None when somebody has removed it just now."""
    for path in message.paths:
        try:
            with open(path, "rb"):  # noqa: PTH123
                pass
        except FileNotFoundError:
            continue
        return with_crlf(read_chunks(path))
    return None


def _mboxes(target: str, folder: str, messages: Iterator[Message]) -> Iterator[Any]:
    levels = [_fit(level) for level in folder.split("/")]
    path = Path(target, *levels[:-1], f"{levels[-1]}.mbox")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        for message in messages:
            octets = _octets(message)
            if octets is not None:
                write_mbox(file, octets, message.flags, message.date)
                yield message
    part.rename(path)


def _maildir(target: str, folder: str, messages: Iterator[Message]) -> Iterator[Any]:
    writer = MaildirWriter(target, folder)
    for message in messages:
        octets = _octets(message)
        if octets is not None:
            writer.write(message.unique, octets, message.flags, message.date)
            yield message


def _emls(target: str, folder: str, messages: Iterator[Message]) -> Iterator[Any]:
    writer = EmlWriter(target, folder)
    for message in messages:
        octets = _octets(message)
        if octets is not None:
            first = next(octets, b"")
            subject = decode_words(scan(first).first(b"subject") or b"")
            writer.write(message.uid, subject, _with(first, octets), message.flags, message.date)
            yield message


def _with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _fit(level: str) -> str:
    return "".join("_" if sign in '\\:*?"<>|' or not sign.isprintable() else sign for sign in level).strip(".") or "_"


_WRITERS = {"mbox": _mboxes, "maildir": _maildir, "eml": _emls}
