"""`mailstack dns`: the records that a domain needs: shown, compared with what the world sees, and published."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import click

from mailstack.cli.reach import as_owner, configuration
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json, table
from mailstack.dns.api import DnsFailure
from mailstack.zone.records import Facts, Need, Record, needed, reverse_records
from mailstack.zone.text import TTL, form_row, zone_file, zone_line
from mailstack.zone.verdict import State, Verdict, judge

Server = tuple[str, int]

_SIGNS = {State.RIGHT: "right", State.MISSING: "MISSING", State.WRONG: "WRONG", State.UNKNOWN: "unknown"}


@click.group()
def dns() -> None:
    """The DNS records that a domain needs: shown, checked, published.

    \b
    mailstack dns show example.org           as lines for a zone file
    mailstack dns show example.org --table   as rows for the form of a provider's web page
    mailstack dns check example.org          what the world sees, and the line to put where it is wrong
    mailstack dns publish example.org --server 192.0.2.53 --key tsig.key
    """


def _ip(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_address(value)) for value in values)
    except ValueError as fault:
        raise click.BadParameter(f"{fault}; write it like 192.0.2.25") from None


def _server(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> tuple[Server, ...]:
    return tuple(_parse_server(value) for value in values)


def _parse_server(text: str) -> Server:
    """`192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`"""
    host, _, port = text.rpartition(":") if text.count(":") == 1 or text.startswith("[") else (text, "", "")
    try:
        return str(ip_address(host.strip("[]") or text)), int(port or 53)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an address; write it like 192.0.2.53 or 192.0.2.53:5353") from None


domain_argument = click.argument("domain")
ip_option = click.option(
    "--ip",
    "addresses",
    multiple=True,
    callback=_ip,
    metavar="ADDRESS",
    help="A public address of this server; needed behind NAT.  May be given again.",
)


@dns.command("show")
@domain_argument
@ip_option
@click.option("--table", "as_table", is_flag=True, help="As rows for the form of a provider's web page.")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, domain: str, addresses: tuple[str, ...], *, as_table: bool, as_json: bool) -> None:
    """Print every record that DOMAIN needs, for its zone."""
    facts = _facts(ctx, domain, addresses)
    records = needed(facts)
    if as_json:
        return print_json([_as_json(record) for record in (*records, *reverse_records(facts))])
    if as_table:
        rows = [(*form_row(record, facts.domain), record.need.value) for record in records]
        table(("Name", "Type", "Priority", "Value", "Need"), rows, nothing="")
    else:
        click.echo(zone_file(records), nl=False)
    for line in _hints(facts):
        click.echo(f"; {line}", err=as_table)
    return None


@dns.command("check")
@domain_argument
@ip_option
@click.option(
    "--resolver",
    "resolvers",
    multiple=True,
    callback=_server,
    metavar="ADDRESS[:PORT]",
    help="Ask this one; may be given again.  [1.1.1.1, 8.8.8.8, 9.9.9.9]",
)
@json_option
@click.pass_context
@errors_in_one_line
def check(
    ctx: click.Context, domain: str, addresses: tuple[str, ...], resolvers: tuple[Server, ...], *, as_json: bool
) -> None:
    """Compare what DOMAIN needs with what the world sees; exit status 1 when something is to be done."""
    facts = _facts(ctx, domain, addresses)
    servers = resolvers or tuple((ip, 53) for ip in ("1.1.1.1", "8.8.8.8", "9.9.9.9"))
    asking = Resolvers(servers)
    verdicts = [_verdict(record, asking) for record in (*needed(facts), *reverse_records(facts))]
    if as_json:
        print_json([{**_as_json(each.record), "state": each.state.value, "said": each.said} for each in verdicts])
    else:
        for line in _report(verdicts):
            click.echo(line)
    if any(each.is_bad for each in verdicts):
        ctx.exit(1)


@dns.command("publish")
@domain_argument
@ip_option
@click.option("--server", callback=lambda *given: _parse_server(given[2]), required=True, metavar="ADDRESS[:PORT]")
@click.option("--key", "key_file", type=click.Path(exists=True, dir_okay=False), help="The TSIG key (tsig-keygen).")
@click.option("--zone", help="The zone to change.  [what the server says DOMAIN is in]")
@click.option("--optional", is_flag=True, help="The optional records, too (TLSA only where the zone is signed).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
@errors_in_one_line
def publish(
    ctx: click.Context,
    domain: str,
    addresses: tuple[str, ...],
    server: Server,
    key_file: str | None,
    zone: str | None,
    *,
    optional: bool,
    yes: bool,
) -> None:
    """Put what is missing or wrong into the zone, by dynamic update (RFC 2136)."""
    from mailstack.dns.tools import publish as send
    from mailstack.dns.tools import read_key, zone_of

    facts = _facts(ctx, domain, addresses)
    wanted = [record for record in needed(facts) if optional or record.need is not Need.OPTIONAL]
    there = Resolvers([server])
    verdicts = [_verdict(record, there) for record in wanted]
    changes = [each for each in verdicts if each.state is not State.RIGHT]
    if not changes:
        click.echo(f"{server[0]} has everything that {facts.domain} needs.")
        return
    for each in changes:
        click.echo(f"{_SIGNS[each.state]:8} {zone_line(each.record)}")
    if not yes:
        click.confirm(f"Change these {len(changes)} records on {server[0]}?", abort=True)
    try:
        where = zone or zone_of(server, facts.domain)
        key = read_key(key_file) if key_file else None
        send(server, where, key, [_change(each, there) for each in changes])
    except DnsFailure as failure:
        raise Failed(f"nothing was changed: {failure}") from None
    click.echo(f"{len(changes)} records are in the zone {where}.  See them from outside: mailstack dns check {domain}")


def _facts(ctx: click.Context, domain: str, addresses: tuple[str, ...]) -> Facts:
    from mailstack.accounts.names import parse_domain
    from mailstack.app.facts import facts_of

    config = configuration(ctx)
    with as_owner(config.state):  # the keys are for the server's user only
        return facts_of(config, parse_domain(domain), addresses)


def _hints(facts: Facts) -> Iterator[str]:
    for record in reverse_records(facts):
        yield f"Where you got the address: {zone_line(record)}  ({record.why})"
    if not facts.dkim:
        yield f"Nothing of {facts.domain} is signed yet: mailstack dkim new {facts.domain}"
    if not facts.addresses:
        yield "This machine has no public address of its own: name the one that the world sees with --ip."
    if facts.host != facts.domain and not facts.host.endswith(f".{facts.domain}"):
        yield f"The address records of {facts.host} belong to another zone."


def _as_json(record: Record) -> dict[str, Any]:
    return {
        "owner": record.owner,
        "type": record.kind,
        "data": record.data,
        "ttl": TTL,
        "need": record.need.value,
        "why": record.why,
        "line": zone_line(record),
    }


# --- what the world sees --------------------------------------------------------------------------------------------


class Resolvers:
    """Servers to ask; one that does not answer at all is not waited for again."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self._dead: set[Server] = set()

    def found(self, record: Record) -> Iterator[Sequence[str] | None]:
        """What each of them says; None where it could not tell."""
        return (self._ask(server, record) for server in self._servers)

    def _ask(self, server: Server, record: Record) -> Sequence[str] | None:
        from mailstack.dns.tools import NoAnswer, ask_server

        if server in self._dead:
            return None
        try:
            return ask_server(server, record.owner, record.kind)
        except NoAnswer:
            self._dead.add(server)
        except DnsFailure:
            pass
        return None


def _verdict(record: Record, resolvers: Resolvers) -> Verdict:
    """The worst that any of them says; those who cannot tell count only when nobody can."""
    verdicts = [judge(record, found) for found in resolvers.found(record)]
    known = [each for each in verdicts if each.state is not State.UNKNOWN]
    if not known:
        return verdicts[0]
    worst = max(known, key=lambda each: (State.RIGHT, State.MISSING, State.WRONG).index(each.state))
    agreeing = sum(each.state is worst.state for each in known)
    if agreeing < len(known):
        said = f"{worst.said} (so say {agreeing} of {len(known)} resolvers: a change may still be on its way)"
        return replace(worst, said=said)
    return worst


def _report(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for each in verdicts:
        need = "" if each.state is State.RIGHT else f"  ({each.record.need.value})"
        said = f": {each.said}" if each.said else ""
        yield f"{_SIGNS[each.state]:8} {each.record.kind:5} {each.record.owner}{said}{need}"
        if each.is_bad and each.state is not State.UNKNOWN:
            yield f"         put: {zone_line(each.record)}"
            yield f"         why: {each.record.why}"
    bad = sum(each.is_bad for each in verdicts)
    yield f"{bad} of {len(verdicts)} want something done." if bad else f"All {len(verdicts)} are as they should be."


def _change(verdict: Verdict, there: Resolvers) -> tuple[str, str, int, str, Sequence[str]]:
    """What goes: wrong data of one's own kind; of TXT only the text of the same sort, never others' texts."""
    record = verdict.record
    if verdict.state is State.MISSING:
        return record.owner, record.kind, TTL, record.data, ()
    found = next(there.found(record)) or ()
    if record.kind == "TXT":
        found = [text for text in found if judge(record, [text]).state is not State.MISSING]
    return record.owner, record.kind, TTL, record.data, found
