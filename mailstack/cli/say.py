"""How the commands talk: errors in one line, tables for people, JSON for programs, passwords asked for without echo."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click

from mailstack.base.errors import MailError
from mailstack.base.secret import Secret
from mailstack.config.faults import ConfigError

__all__ = [
    "Failed",
    "ask_password",
    "errors_in_one_line",
    "json_option",
    "password_option",
    "plain",
    "print_json",
    "size_in_words",
    "table",
]

P = ParamSpec("P")
R = TypeVar("R")


class Failed(click.ClickException):
    """Ends the command with its text as the last words, and exit status 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"mailstack: {self.format_message()}", file=file or sys.stderr)


def errors_in_one_line(command: Callable[P, R]) -> Callable[P, R]:
    """What is expected to go wrong becomes `Failed`."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except MailError as failure:
            raise Failed(failure.public) from failure
        except ConfigError as error:
            raise Failed(f"the configuration cannot be used\n{error}") from error
        except OSError as failure:
            raise Failed(f"{failure.filename or 'file'}: {failure.strerror or failure}") from failure

    return told


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)


def ask_password(*, from_stdin: bool) -> Secret:
    """Twice without echo, or one line of standard input."""
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise Failed("standard input has no password; write it there as one line")
        return Secret(line)
    if not _can_ask():
        raise Failed("there is no terminal to ask for the password; pipe it in with --password-stdin")
    return Secret(click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True))


def _can_ask() -> bool:
    return sys.stdin.isatty()


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str) -> None:
    """For people; `nothing` is said in place of an empty table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    rows = list(rows)
    if not rows:
        click.echo(nothing)
        return
    made = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in made.columns:
        column.overflow = "fold"  # an address cut short is of no use
    for row in rows:
        made.add_row(*(plain(cell) for cell in row))
    console = Console(highlight=False, markup=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=240)  # for grep: one row, one line
    console.print(made)


def size_in_words(octets: int) -> str:
    """`1.5 GiB`; for people."""
    size = float(octets)
    for unit in ("octets", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "octets" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def plain(cell: object) -> str:
    """Nothing from the wire may steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in str(cell))
