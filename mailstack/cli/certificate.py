"""`mailstack certificate`: what is shown to clients, and ordering one now."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mailstack.cli.reach import ask_running, configuration
from mailstack.cli.say import Failed, errors_in_one_line, json_option, print_json


@click.group()
def certificate() -> None:
    """The TLS certificates: what they hold, and a new one now."""


@certificate.command("show")
@json_option
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context, as_json: bool) -> None:
    """Tell what the files hold that [tls] names."""
    from mailstack.tls.certs import CertificateFault, pairs_of, utc_now

    config = configuration(ctx)
    try:
        pairs = pairs_of(config.tls)
    except CertificateFault as fault:
        raise Failed(str(fault)) from None
    rows = [_row(pair, utc_now(), config.tls.acme.enabled) for pair in pairs]
    if as_json:
        return print_json(rows)
    for row in rows:
        click.echo(f"{row['file']}\n  for    {', '.join(row['names'])}\n  until  {row['until']} ({row['days']} days)")
        if row["stand_in"]:
            click.echo("  A stand-in that this server made for itself: mailstack certificate renew")
    if not rows:
        click.echo("No certificate is configured; see [tls] in the configuration.")
    return None


def _row(pair: Any, now: datetime, managed: bool) -> dict[str, Any]:
    return {
        "file": pair.certificate,
        "names": list(pair.names),
        "until": f"{pair.valid_until:%Y-%m-%d %H:%M} UTC",
        "days": (pair.valid_until - now).days,
        "stand_in": managed and Path(pair.certificate).with_name("stand-in").exists(),
    }


@certificate.command("renew")
@click.pass_context
@errors_in_one_line
def renew(ctx: click.Context) -> None:
    """Order a new certificate now and put it to use (tls.acme.enabled = true).

    \b
    The server does so by itself when a third of the lifetime is left.  This is for
    the first time, when something was in the way: it says what.
    """
    if not configuration(ctx).tls.acme.enabled:
        raise Failed("the server orders no certificates: set enabled = true in [tls.acme], and restart it")
    click.echo(ask_running(ctx, "certificate renew"))
