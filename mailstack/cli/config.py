"""`mailstack config`: check, show, sample."""

import stat
from collections.abc import Iterator
from pathlib import Path

import click

from mailstack.cli.reach import configuration, read_text
from mailstack.cli.say import Failed, errors_in_one_line
from mailstack.config.faults import ConfigError, Fault
from mailstack.config.load import load
from mailstack.config.model import Config


@click.group()
def config() -> None:
    """Check and show the configuration; print a sample."""


@config.command("check")
@click.argument("file", required=False)
@click.pass_context
def check(ctx: click.Context, file: str | None) -> None:
    """Tell every fault in the configuration (or in FILE) and in the files that it names."""
    file = file or ctx.obj
    assert file is not None
    faults, warnings = examine(read_text(file), file)
    for fault in faults:
        click.echo(fault.line(file))
    for warning in warnings:
        click.echo(f"{warning.line(file)} (warning)")
    if faults:
        raise Failed(f"{len(faults)} fault{'' if len(faults) == 1 else 's'} in {file}; mend them and check again")
    click.echo(f"{file} is good.")


@config.command("sample")
def sample() -> None:
    """Print a configuration with every setting explained."""
    from mailstack.config.sample import sample as text

    click.echo(text(), nl=False)


@config.command("show")
@click.pass_context
@errors_in_one_line
def show(ctx: click.Context) -> None:
    """Print what is in force, defaults included."""
    from mailstack.config.sample import show as text

    click.echo(text(configuration(ctx)), nl=False)


def examine(text: str, file: str) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """Faults and warnings, of the text and, when that is whole, of the files it names."""
    try:
        model = load(text, file)
    except ConfigError as error:
        return error.faults, ()
    from mailstack.tls.certs import certificate_faults, certificate_warnings, utc_now

    now = utc_now()
    return (*certificate_faults(model, now), *file_faults(model)), certificate_warnings(model, now)


def file_faults(model: Config) -> Iterator[Fault]:
    """The state folder and the smarthost's password."""
    state = Path(model.state)
    if state.exists() and not state.is_dir():
        yield Fault("state", f"{state} is a file; allowed: the path of a folder")
    if path := model.relay.smarthost.password_file:
        yield from _password_file("relay.smarthost.password_file", Path(path))


def _password_file(key: str, path: Path) -> Iterator[Fault]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open(encoding="utf-8") as file:
            empty = not file.readline().strip()
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "it is not UTF-8"
        yield Fault(key, f"{path} cannot be read ({reason}); allowed: a file with the password on its first line")
        return
    if mode & 0o007:
        yield Fault(key, f"{path} is open to everybody (mode {mode:04o}); allowed: chmod 600 {path}")
    if empty:
        yield Fault(key, f"{path} has an empty first line; allowed: the password")
