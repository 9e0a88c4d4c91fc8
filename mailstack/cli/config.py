"""`mailstack config`: check, show, sample."""

import click

from mailstack.cli.reach import configuration, read_text
from mailstack.cli.say import Failed, errors_in_one_line


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
    from mailstack.app.configuration import examine

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
