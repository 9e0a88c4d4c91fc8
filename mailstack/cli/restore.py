"""`mailstack restore`: mail out of a snapshot, beside what is there."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import click

from mailstack.cli.carry import carrier
from mailstack.cli.line import Ask, line
from mailstack.cli.progress import counting
from mailstack.cli.reach import ask, glimpsed
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json, table
from mailstack.message.header import message_id_of, scan
from mailstack.message.words import decode_words
from mailstack.store.backup import latest
from mailstack.store.maildir import account_path
from mailstack.store.transfer.found import Bad, Found, with_crlf
from mailstack.store.transfer.maildirs import is_maildir, read_chunks
from mailstack.store.transfer.sources import sources


@click.command()
@click.argument("backup", metavar="BACKUP", type=click.Path(exists=True, file_okay=False))
@click.argument("account", metavar="ACCOUNT")
@click.option("--folder", "only", metavar="NAME", multiple=True, help="Only what was in this mailbox.")
@click.option("--message", metavar="TEXT", help="Only what has this Message-ID, or this in its subject.")
@click.option("--into", metavar="NAME", default="", help="Into this mailbox, made if it is not there.")
@json_option
@click.pass_context
@errors_in_one_line
def restore(
    ctx: click.Context,
    backup: str,
    account: str,
    only: tuple[str, ...],
    message: str | None,
    into: str,
    as_json: bool,
) -> None:
    """Bring mail of ACCOUNT back out of BACKUP, with its dates and flags.

    BACKUP is a snapshot, or the folder of all of them, of which the newest is taken.  Messages come back into the
    mailboxes where they were, which are made if they are gone.  Nothing that is there is changed, and what the
    account still has, in whatever mailbox, does not come twice.  Works with the running server, and while it is down.

    \b
    mailstack restore /srv/backup anna@example.org
    mailstack restore /srv/backup/20261123-221500 anna@example.org --folder Invoices
    mailstack restore /srv/backup anna@example.org --message "<41c0@example.net>" --into Found
    """
    place = _maildir(Path(backup), account)
    if account not in [row["name"] for row in ask(ctx, "account list")]:
        raise Failed(f"there is no account {account}; first: mailstack account add {account}")
    chosen = [each for each in sources(place) if not only or each.folder in only]
    if not chosen:
        raise Failed("the snapshot has no such mailbox of this account")
    with line(ctx) as asking, carrier(asking, account, glimpsed(ctx).mail_folder) as carry:
        present = Present(asking, account)
        with counting("Restoring") as tick:
            for source in chosen:
                target = into or source.folder
                wanted = (each for each in source.read(target) if isinstance(each, Bad) or _is_asked(each, message))
                for each in carry.carry(target, _missing(wanted, present)):
                    tick(target)
                    if isinstance(each, Bad):
                        click.echo(f"left out: {plain(each.where)}: {plain(each.reason)}", err=True)
        came = {name: count.came for name, count in carry.counts.items()}
    if as_json:
        return print_json(came)
    table(("Mailbox", "Brought back"), list(came.items()), nothing="Nothing.")
    return None


def _maildir(backup: Path, account: str) -> str:
    snapshot = backup if (backup / "mail").is_dir() else latest(backup)
    if snapshot is None:
        raise Failed(f"{backup} has no snapshot; they are made by: mailstack backup {backup}")
    path = account_path(str(snapshot / "mail"), account)
    if not is_maildir(path):
        raise Failed(f"{snapshot} has no mail of {account}")
    return path


def _is_asked(found: Found, message: str | None) -> bool:
    if message is None:
        return True
    head = next(iter(found.chunks), b"")
    subject = decode_words(scan(head).first(b"subject") or b"")
    return message.strip("<> ") == message_id_of(head).strip("<> ") or message.casefold() in subject.casefold()


def _missing(messages: Iterable[Found | Bad], present: "Present") -> Iterator[Found | Bad]:
    """Those that the account does not have.  No key: a second restore brings back what was removed again."""
    for each in messages:
        if isinstance(each, Bad):
            yield each
        elif not present.has(each.path):
            yield Found(each.folder, each.where, 0, each.flags, each.date, with_crlf(read_chunks(each.path)), each.path)


class Present:
    """What the account has now: compared by size first, then by octets."""

    def __init__(self, ask: Ask, account: str) -> None:
        self._places: dict[int, list[Sequence[str]]] = {}  # size → messages, each with the names its file may have
        self._digests: dict[str, bytes] = {}
        for folder in ask("export folders", name=account):
            after = 0
            while rows := ask("export messages", name=account, folder=folder["name"], after=after, limit=1000):
                for uid, _, _, size, _, paths in rows:
                    self._places.setdefault(size, []).append(paths)
                    after = uid

    def has(self, path: str) -> bool:
        others = self._places.get(sum(map(len, with_crlf(read_chunks(path)))))
        if not others:
            return False
        digest = _digest([path])
        return any(self._digest(other) == digest for other in others)

    def _digest(self, paths: Sequence[str]) -> bytes:
        if paths[0] not in self._digests:
            self._digests[paths[0]] = _digest(paths)
        return self._digests[paths[0]]


def _digest(paths: Sequence[str]) -> bytes:
    """Of the octets with CRLF; b"" for a file that is gone."""
    for path in paths:
        made = blake2b(digest_size=16)
        try:
            for chunk in with_crlf(read_chunks(path)):
                made.update(chunk)
        except FileNotFoundError:
            continue
        return made.digest()
    return b""
