"""`mailstack account`: people and their passwords."""

from collections.abc import Iterator
from typing import Any, TextIO

import click

from mailstack.cli.reach import ask, glimpsed
from mailstack.cli.rights import COMMANDS as RIGHTS
from mailstack.cli.say import (
    Failed,
    ask_password,
    errors_in_one_line,
    json_option,
    password_option,
    print_json,
    size_in_words,
    table,
)
from mailstack.config.faults import Unfit
from mailstack.config.model import Config, Listener
from mailstack.config.units import read_size

_AT_ONCE = 200  # lines of a passwd-file in one question


@click.group()
def account() -> None:
    """Make, list and remove accounts; set passwords and quotas."""


@account.command("add")
@click.argument("name", metavar="ADDRESS")
@click.option("--address", "addresses", multiple=True, metavar="ADDRESS", help="One more address of this account.")
@password_option
@click.pass_context
@errors_in_one_line
def add(ctx: click.Context, name: str, addresses: tuple[str, ...], password_stdin: bool) -> None:
    """Make the account ADDRESS.  The password is asked for, or read from standard input."""
    config = glimpsed(ctx)  # before anybody types a password
    password = ask_password(from_stdin=password_stdin)
    made = ask(ctx, "account add", name=name, password=password, addresses=list(addresses))
    click.echo(f"{made} is ready.  In a mail program:")
    for line in _ways_in(config, made):
        click.echo(f"  {line}")


@account.command("list")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, as_json: bool) -> None:
    """All accounts."""
    rows = ask(ctx, "account list")
    if as_json:
        return print_json(rows)
    table(
        ("Account", "Further addresses", "Added", "Password set", ""),
        [
            (
                row["name"],
                " ".join(address for address in row["addresses"] if address != row["name"]),
                row["added"][:10],
                row["password_changed"][:10],
                _state(row),
            )
            for row in rows
        ],
        nothing="There is no account yet.  Add the first: mailstack account add NAME@DOMAIN",
    )
    return None


def _state(row: dict[str, Any]) -> str:
    """What is not as with everybody."""
    missing = (("enabled", "disabled"), ("may_send", "may not send"), ("may_receive", "takes no mail"))
    return ", ".join(words for right, words in missing if not row[right])


@account.command("passwd")
@click.argument("name", metavar="ADDRESS")
@password_option
@click.pass_context
@errors_in_one_line
def passwd(ctx: click.Context, name: str, password_stdin: bool) -> None:
    """Set the password of the account ADDRESS."""
    password = ask_password(from_stdin=password_stdin)
    click.echo(f"{ask(ctx, 'account passwd', name=name, password=password)} has a new password.")


@account.command("import", epilog="Example: mailstack account import /etc/dovecot/users --add-domains")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--domain", default="", metavar="DOMAIN", help="Of names that have none in the file.")
@click.option("--add-domains", is_flag=True, help="Add the domains that are not there.")
@json_option
@click.pass_context
@errors_in_one_line
def import_(ctx: click.Context, file: TextIO, domain: str, add_domains: bool, as_json: bool) -> None:
    """Make an account of each line of a Dovecot passwd-file, with the password that it has there.

    Hashes are taken over as they are (SHA512-CRYPT, SHA256-CRYPT, MD5-CRYPT, BLF-CRYPT, PBKDF2, SSHA, SSHA256, SSHA512,
    ARGON2ID), and replaced by argon2id when somebody logs in with the password itself: by PLAIN or LOGIN first, by
    SCRAM from then on.
    """
    told: dict[str, list[Any]] = {"made": [], "refused": []}
    lines = file.read().splitlines()
    for start in range(0, len(lines), _AT_ONCE):
        part = lines[start : start + _AT_ONCE]
        found = ask(ctx, "account import", lines=part, first=start + 1, domain=domain, add_domains=add_domains)
        told = {kind: told[kind] + found[kind] for kind in told}
    if as_json:
        return print_json(told)
    click.echo(f"{len(told['made'])} accounts made.")
    for row in told["refused"]:
        click.echo(f"line {row['line']}, {row['name']}: {row['reason']}", err=True)
    if told["refused"]:
        raise SystemExit(1)
    return None


@account.command("remove")
@click.argument("name", metavar="ADDRESS")
@click.option("--delete-mail", is_flag=True, help="Delete the mail, too.  It cannot be brought back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
@errors_in_one_line
def remove(ctx: click.Context, name: str, delete_mail: bool, yes: bool) -> None:
    """Remove the account ADDRESS.  Its mail stays on the disk unless --delete-mail is given."""
    if not yes:
        question = f"Remove {name} and delete all its mail?" if delete_mail else f"Remove {name}? Its mail is kept."
        click.confirm(question, abort=True, err=True)
    gone = ask(ctx, "account remove", name=name, delete_mail=delete_mail)
    click.echo(f"{gone['name']} is gone; " + _fate(delete_mail, gone["messages_deleted"]))
    for alias in gone["aliases_gone"]:
        click.echo(f"The alias {alias} led to nobody else and is gone, too.")


@account.command("quota")
@click.argument("name", metavar="[ADDRESS | @DOMAIN]", required=False, default="")
@click.option("--storage", metavar="SIZE", help='Octets it may keep: "500MiB", "5GiB"; 0 for no limit.')
@click.option("--messages", metavar="NUMBER", type=click.IntRange(0), help="Messages it may keep; 0 for no limit.")
@click.option("--inherit", is_flag=True, help="Forget both limits: what the domain or the configuration says counts.")
@json_option
@click.pass_context
@errors_in_one_line
def quota(
    ctx: click.Context, name: str, storage: str | None, messages: int | None, inherit: bool, as_json: bool
) -> None:
    """Show what accounts keep and may keep, or set the limits of ADDRESS or of everybody in @DOMAIN.

    A limit that is not given with the other is inherited: an account's from its domain, a domain's from [quota] in
    the configuration.

    \b
    mailstack account quota                                  all accounts
    mailstack account quota anna@example.org --storage 5GiB  a limit of her own
    mailstack account quota @example.org --messages 200000   for everybody in a domain
    mailstack account quota anna@example.org --inherit       no limits of her own any more
    """
    if storage is not None or messages is not None or inherit:
        if not name:
            raise Failed("say whose limit it is: an address, or @DOMAIN")
        try:
            octets = None if storage is None else read_size(int(storage) if storage.isdecimal() else storage)
        except Unfit as unfit:
            raise Failed(f"--storage: {unfit}") from None
        click.echo(f"The limits of {ask(ctx, 'quota set', name=name, storage=octets, messages=messages)} are set.")
        return None
    rows = ask(ctx, "quota list", name=name)
    if as_json:
        return print_json(rows)
    headings = ("Account", "Storage", "of", "Messages", "of")
    table(headings, [_quota_row(row) for row in rows], nothing="There is no account yet.")
    return None


def _quota_row(row: dict[str, Any]) -> tuple[str, ...]:
    storage, messages = row["storage"], row["messages"]
    return (
        row["name"],
        size_in_words(storage["used"]),
        size_in_words(storage["limit"]) if storage["limit"] else "no limit",
        str(messages["used"]),
        str(messages["limit"] or "no limit"),
    )


def _fate(deleted: bool, messages: int) -> str:
    return (
        f"{messages} message{'' if messages == 1 else 's'} deleted."
        if deleted
        else "its mail is kept, for an account of the same name."
    )


def _ways_in(config: Config, name: str) -> Iterator[str]:
    """What to type into a mail program: TLS from the start first, as RFC 8314 §3.3 would have it."""
    yield f"User name   {name}"
    for title, protocol in (("Incoming", "imap"), ("Incoming", "pop3"), ("Outgoing", "submission")):
        for listener in _preferred(config, protocol):
            security = {"implicit": "SSL/TLS", "starttls": "STARTTLS"}.get(listener.tls, "no security")
            word = "SMTP" if protocol == "submission" else protocol.upper()
            yield f"{title}    {word:<5} {config.hostname}  port {listener.address[0].port:<5} {security}"


def _preferred(config: Config, protocol: str) -> list[Listener]:
    found = [item for item in config.listeners if item.enabled and item.protocol == protocol and item.address]
    return sorted(found, key=lambda item: ("implicit", "starttls", "none").index(item.tls))[:1]


for _command in RIGHTS:
    account.add_command(_command)
