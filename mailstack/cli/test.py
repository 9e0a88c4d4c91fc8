"""`mailstack test`: the way of a message to an address, step by step, without the message."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mailstack.cli.reach import configuration
from mailstack.cli.say import Failed, errors_in_one_line, json_option, plain, print_json


@click.command("test")
@click.argument("address")
@click.option("--rcpt", is_flag=True, help="Ask for the recipient too (MAIL and RCPT); still nothing is sent.")
@click.option("--from", "sender", help="The sender to ask with, and to choose the route by.")
@json_option
@click.pass_context
@errors_in_one_line
def test(ctx: click.Context, address: str, rcpt: bool, sender: str | None, as_json: bool) -> None:
    """Walk the way of mail to ADDRESS, and say what is wrong with it.

    DNS, MX, connection, STARTTLS, certificate, DANE, MTA-STS: at the first obstacle it says what to do.
    Nothing is sent.  The exit status is 0 when mail would get there.
    """
    from mailstack.accounts.names import parse_address

    config = configuration(ctx)
    parse_address(address)
    resolution = _resolve(config, address)
    steps: list[Any] = []

    def tell(step: Any) -> None:
        steps.append(step)
        if not as_json:
            click.echo(plain(_line(step)))
            if step.advice:
                click.echo(_indented(step.advice))
            sys.stdout.flush()

    arrived = _walk(config, address, resolution, tell, sender or f"postmaster@{config.hostname}", ask=rcpt)
    if as_json:
        print_json({"arrives": arrived, "steps": [{**asdict(step), "mark": step.mark.value} for step in steps]})
    elif arrived:
        click.echo(f"Mail to {address} would get there." if rcpt else f"The way to {address} is open.")
    if not arrived:
        raise Failed(f"mail to {address} would not get there now")


_SIGNS = {"ok": "  ", "note": "! ", "fault": "✗ "}
_TALK = {"said": "      > ", "heard": "      < "}


def _line(step: Any) -> str:
    if step.name in _TALK:
        return _TALK[step.name] + str(step.text)
    return f"{_SIGNS[step.mark.value]}{step.name + ':':<13}{step.text}"


def _indented(text: str) -> str:
    import textwrap

    return textwrap.fill(text, 100, initial_indent=" " * 15, subsequent_indent=" " * 15)


def _resolve(config: Any, address: str) -> Any:
    from mailstack.accounts.api import NotOurs
    from mailstack.accounts.directory import AccountDirectory
    from mailstack.accounts.store import AccountStore

    if not Path(config.accounts_file).exists():
        return NotOurs()
    people = AccountStore(config.accounts_file)
    try:
        return AccountDirectory(people, config.accounts.subaddress, config.accounts.default_domain).resolve(address)
    finally:
        people.close()


def _walk(config: Any, address: str, resolution: Any, tell: Any, sender: str, *, ask: bool) -> bool:
    from mailstack.app.walking import Broken, run

    try:
        return run(address, config, resolution, tell, sender=sender, ask=ask)
    except Broken:
        raise Failed("the walk broke off by a fault of ours; it is described above") from None
