"""Many questions of one command: the running server's answers, or the files', opened once for all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click

from mailstack.cli.reach import as_owner, at_once, configuration, glimpsed
from mailstack.config.model import Config
from mailstack.control.client import NobodyThere
from mailstack.control.client import ask as ask_server

__all__ = ["Ask", "line"]

PATIENCE = 600.0  # seconds for one answer


class Ask(Protocol):
    def __call__(self, command: str, **arguments: Any) -> Any: ...


@contextmanager
def line(ctx: click.Context) -> Iterator[Ask]:
    """For the commands of the store and of `control.transfer`.  MailError, Failed."""
    path = glimpsed(ctx).control_socket
    try:
        ask_server(path, "store accounts")
    except NobodyThere:
        with _files(configuration(ctx)) as ask:
            yield ask
    else:
        yield lambda command, **arguments: ask_server(path, command, timeout=PATIENCE, **arguments)


@contextmanager
def _files(config: Config) -> Iterator[Ask]:
    # imported before the user changes: see cli.reach
    from mailstack.control.commands import run, store_commands
    from mailstack.control.transfer import transfer_commands
    from mailstack.store.service import Store

    with as_owner(config.state):
        store = Store(
            config.state,
            mail=config.mail_folder,
            durability=config.store.durability,
            keep_expunged=config.store.keep_expunged.total_seconds(),
        )
        store.start()
    commands = {**store_commands(lambda: store), **transfer_commands(lambda: store, config.mail_folder)}

    def ask(command: str, **arguments: Any) -> Any:
        with as_owner(config.state):
            return at_once(run(commands, command, arguments))

    try:
        yield ask
    finally:
        with as_owner(config.state):
            at_once(store.stop())
