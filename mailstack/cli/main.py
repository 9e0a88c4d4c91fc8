"""The entry point and the table of commands."""

import importlib
import os
import sys
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

import click

from mailstack import __version__

__all__ = ["main"]

DEFAULT_CONFIG = "/etc/mailstack/mailstack.toml"

# name → (module, what it does): the help is made from this table alone, modules load when they are called
COMMANDS: Mapping[str, tuple[str, str]] = {
    "account": ("mailstack.cli.account", "Make, list and remove accounts; set passwords and quotas."),
    "alias": ("mailstack.cli.alias", "Addresses that pass mail on."),
    "app-password": ("mailstack.cli.apppassword", "One password for each program or device of an account."),
    "backup": ("mailstack.cli.backup", "Take a snapshot of all mail, the queue, the accounts and the configuration"),
    "ban": ("mailstack.cli.ban", "Addresses that are refused for a while."),
    "certificate": (
        "mailstack.cli.certificate",
        "The TLS certificates: what they hold, and a new one now.",
    ),
    "config": ("mailstack.cli.config", "Check and show the configuration; print a sample."),
    "demo": ("mailstack.cli.demo", "Run the whole server on this machine, to try it."),
    "dkim": ("mailstack.cli.dkim", "The keys that sign what leaves."),
    "dns": ("mailstack.cli.dns", "The DNS records that a domain needs: shown, checked, published."),
    "domain": ("mailstack.cli.domain", "The domains this server takes mail for."),
    "export": ("mailstack.cli.export", "Write the mail of ACCOUNT into FOLDER"),
    "import": ("mailstack.cli.import_", "Bring mail of other programs into ACCOUNT."),
    "queue": ("mailstack.cli.queue", "Mail that waits to be sent to other servers."),
    "reload": ("mailstack.cli.server", "Have the running server read its configuration and certificates again."),
    "restore": ("mailstack.cli.restore", "Bring mail of ACCOUNT back out of BACKUP, with its dates and flags."),
    "status": ("mailstack.cli.server", "What the running server is doing."),
    "store": ("mailstack.cli.store", "Whether the mail on the disk and its index agree."),
    "suppression": (
        "mailstack.cli.suppression",
        "Addresses that are not tried, because their servers said that they are nobody's (relay.suppress_for).",
    ),
    "test": ("mailstack.cli.test", "Walk the way of mail to ADDRESS, and say what is wrong with it."),
    "tls": ("mailstack.cli.tls", "TLS with other servers: what was seen, and what they report."),
    "undelete": ("mailstack.cli.undelete", "Bring expunged mail back, with its dates and flags."),
    "why": ("mailstack.cli.why", "What became of a message, and why."),
}


class LazyGroup(click.Group):
    """A group whose members are the table above; each module has a click command named as in it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's shape
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's shape
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        name = cmd_name.replace("-", "_")
        command = getattr(module, f"{name}_" if iskeyword(name) else name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}."
            raise click.UsageError(f"No such command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--config",
    "-c",
    "config_file",
    envvar="MAILSTACK_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    metavar="FILE",
    help="The server's configuration file (also MAILSTACK_CONFIG).",
)
@click.version_option(__version__, prog_name="mailstack")
@click.pass_context
def cli(ctx: click.Context, config_file: str) -> None:
    """A mail server in one process: look after its accounts, its queue and its configuration.

    The server itself is started by systemd, or by `twistd -n mailstack --config FILE`.
    """
    ctx.obj = os.path.abspath(config_file)  # noqa: PTH100  pathlib costs milliseconds of start


def main(*arguments: Any) -> None:
    """Never returns.  An end by Ctrl-C or a closed pipe is no traceback."""
    try:
        cli.main(list(arguments) or None, prog_name="mailstack")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(1) from None
    except OSError as failure:
        sys.stderr.write(f"mailstack: {failure.filename or 'output'}: {failure.strerror}\n")
        raise SystemExit(1) from None
