"""`mailstack tls`: what is known of TLS with other servers."""

import click

from mailstack.cli.reach import ask
from mailstack.cli.say import errors_in_one_line, json_option, print_json, table


@click.group()
def tls() -> None:
    """TLS with other servers: what was seen, and what they report."""


@tls.command("seen")
@json_option
@click.pass_context
@errors_in_one_line
def seen(ctx: click.Context, as_json: bool) -> None:
    """The best TLS that mail to each domain has gone with, and which have fallen below it."""
    rows = ask(ctx, "tls seen")
    if as_json:
        return print_json(rows)
    columns = [(row["domain"], row["best"], row["since"][:10], row["now"] if row["fell"] else "") for row in rows]
    return table(("domain", "best", "since", "now only"), columns, nothing="No mail has gone out yet.")


@tls.command("reports")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_context
@errors_in_one_line
def reports(ctx: click.Context, limit: int, as_json: bool) -> None:
    """What other servers have reported about TLS with ours (RFC 8460), the newest first."""
    rows = ask(ctx, "tls reports", limit=limit)
    if as_json:
        return print_json(rows)
    columns = [
        (
            row["begins"][:10],
            row["organization"],
            row["domain"],
            row["successes"],
            ", ".join(f"{count} {kind}" for kind, count in row["failures"].items()),
        )
        for row in rows
    ]
    return table(("day", "by", "domain", "good", "not"), columns, nothing="No report has come in yet.")
