"""`mailstack dkim`: the keys that sign what leaves."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import click

from mailstack.cli.reach import as_owner, glimpsed
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json, table


@click.group()
def dkim() -> None:
    """The keys that sign what leaves.

    A new key's record goes into the domain's DNS; once it can be seen there (dig TXT NAME), the key may sign.
    """


@dkim.command("new")
@click.argument("domain")
@json_option
@click.pass_context
@errors_in_one_line
def new(ctx: click.Context, domain: str, as_json: bool) -> None:
    """Make keys for DOMAIN (RSA and Ed25519), and print their DNS records.

    The first ones of a domain sign at once; later ones wait until `mailstack dkim rotate`.
    """
    from mailstack.dkim import keys

    name = _own_domain(ctx, domain)
    with _folder(ctx) as folder:
        made = keys.make(folder, name, datetime.now(UTC))
        rows = [_row(each) for each in made]
    _tell_server(ctx)
    if as_json:
        return print_json(rows)
    for line in _records(rows):
        click.echo(line)
    if rows[0]["life"] == "next":
        click.echo(f"They wait. Once the records can be seen: mailstack dkim rotate {name}")
    else:
        click.echo(
            f"Mail from {name} is signed from now on; what leaves before the records are there counts as unsigned."
        )
    return None


@dkim.command("list")
@click.argument("domain", required=False)
@click.option("--records", is_flag=True, help="Print the DNS records too.")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, domain: str | None, records: bool, as_json: bool) -> None:
    """All keys, or those of DOMAIN."""
    from mailstack.dkim import keys
    from mailstack.dkim.names import a_labels

    with _folder(ctx) as folder:
        names = [a_labels(domain)] if domain else keys.domains(folder)
        rows = [_row(each) for name in names for each in keys.kept(folder, name)]
    if as_json:
        return print_json(rows)
    if records:
        for line in _records(rows):
            click.echo(line)
        return None
    table(
        ("Domain", "Selector", "Algorithm", "Life", "Made"),
        [(row["domain"], row["selector"], row["algorithm"], _LIVES[row["life"]], row["made"]) for row in rows],
        nothing="There is no key.  Make some: mailstack dkim new DOMAIN",
    )
    return None


@dkim.command("rotate")
@click.argument("domain")
@click.pass_context
@errors_in_one_line
def rotate(ctx: click.Context, domain: str) -> None:
    """Let the keys of DOMAIN that wait sign, in place of those that do."""
    from mailstack.dkim import keys
    from mailstack.dkim.names import a_labels

    with _folder(ctx) as folder:
        begin, end = keys.rotate(folder, a_labels(domain))
    _tell_server(ctx)
    click.echo(f"{_selectors(begin)} of {begin[0].domain} sign from now on.")
    for key in end:
        click.echo(f"{key.selector} does no more; in a week: mailstack dkim retire {key.domain} {key.selector}")


@dkim.command("retire")
@click.argument("domain")
@click.argument("selector")
@click.pass_context
@errors_in_one_line
def retire(ctx: click.Context, domain: str, selector: str) -> None:
    """Remove a key that does not sign, for good."""
    from mailstack.dkim import keys
    from mailstack.dkim.names import a_labels

    with _folder(ctx) as folder:
        gone = keys.retire(folder, a_labels(domain), selector)
    _tell_server(ctx)
    click.echo(f"{selector} is gone. Now remove its record: {selector}._domainkey.{gone.domain}")


_LIVES = {"next": "waits", "signs": "signs", "old": "old: its record may go"}


@contextmanager
def _folder(ctx: click.Context) -> Iterator[str]:
    """Where the keys are, as the user that the files belong to."""
    config = glimpsed(ctx)
    with as_owner(config.state):
        yield config.dkim_folder


def _own_domain(ctx: click.Context, domain: str) -> str:
    """A key for a domain that is not ours would sign nothing; better say so now."""
    from mailstack.accounts.names import parse_domain
    from mailstack.cli.reach import ask
    from mailstack.dkim.names import a_labels

    name = parse_domain(domain)
    known = [row["name"] for row in ask(ctx, "domain list")]
    if name not in known and glimpsed(ctx).hostname.lower() != name:
        raise Failed(f"{name} is no domain of this server; first: mailstack domain add {name}")
    return a_labels(name)


def _tell_server(ctx: click.Context) -> None:
    """A server that runs reads the keys again."""
    from mailstack.control.client import NobodyThere, ask

    with suppress(NobodyThere):
        ask(glimpsed(ctx).control_socket, "dkim reload")


def _row(each: Any) -> dict[str, str]:
    from mailstack.dkim import keys

    key = each.read()
    name, value, line = keys.record(key)
    return {
        "domain": each.domain,
        "selector": each.selector,
        "algorithm": key.algorithm,
        "life": each.life.value,
        "made": each.made.isoformat(timespec="seconds"),
        "record": name,
        "value": value,
        "zone_line": line,
    }


def _records(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Both forms: one for a zone file, one for the forms of DNS providers."""
    yield "For a zone file:"
    yield ""
    yield from (row["zone_line"] for row in rows)
    yield ""
    yield "For a form of your DNS provider: a TXT record of this name, with this value in one line"
    for row in rows:
        yield ""
        yield f"  {row['record']}"
        yield f"  {row['value']}"
    yield ""


def _selectors(those: Iterable[Any]) -> str:
    return " and ".join(key.selector for key in those)
