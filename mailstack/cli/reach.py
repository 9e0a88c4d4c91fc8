"""The way to the server: its control socket while it runs, its files while it does not."""

import os
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from mailstack.base.errors import Condition, MailError
from mailstack.cli.say import Failed
from mailstack.config.load import glimpse, load
from mailstack.config.model import Config
from mailstack.control.client import NobodyThere
from mailstack.control.client import ask as ask_server

__all__ = ["as_owner", "ask", "ask_running", "at_once", "configuration", "glimpsed", "is_running", "read_text"]

T = TypeVar("T")


def read_text(file: str) -> str:
    """The configuration's text.  Failed."""
    try:
        return Path(file).read_text("utf-8")
    except FileNotFoundError:
        raise Failed(
            f"{file} is not there; name the configuration with --config, or make one: mailstack config sample > {file}"
        ) from None
    except UnicodeDecodeError as fault:
        raise Failed(f"{file}: octet {fault.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as failure:
        raise Failed(f"{file} cannot be read: {failure.strerror}; try again with sudo") from None


def configuration(ctx: click.Context) -> Config:
    """ConfigError, Failed."""
    return load(read_text(ctx.obj), ctx.obj)


def glimpsed(ctx: click.Context) -> Config:
    """The same of a file that may be half edited, while a server still runs with what it held before."""
    return glimpse(read_text(ctx.obj), ctx.obj)


def ask(ctx: click.Context, command: str, **arguments: Any) -> Any:
    """The result of a command of `control.commands`, wherever it can run.  MailError."""
    try:
        return ask_server(glimpsed(ctx).control_socket, command, **arguments)
    except NobodyThere:
        return _on_files(configuration(ctx), command, arguments)


def is_running(ctx: click.Context) -> bool:
    try:
        ask_server(glimpsed(ctx).control_socket, "store accounts")
    except NobodyThere:
        return False
    return True


def ask_running(ctx: click.Context, command: str, **arguments: Any) -> Any:
    """The same for what only a running server can do."""
    path = glimpsed(ctx).control_socket
    try:
        return ask_server(path, command, **arguments)
    except NobodyThere:
        raise Failed(
            f"no server runs with {ctx.obj} (nobody listens on {path}); start it: systemctl start mailstack"
        ) from None


def _on_files(config: Config, command: str, arguments: dict[str, Any]) -> Any:
    # everything is imported before the user changes: the new one may not be able to read the Python installation
    from mailstack.accounts.directory import AccountDirectory
    from mailstack.accounts.guard import Guard
    from mailstack.accounts.guardfile import GuardFile
    from mailstack.accounts.passwords import Credential, make_credential
    from mailstack.accounts.sending import Sending
    from mailstack.accounts.store import AccountStore
    from mailstack.accounts.strength import expect_strong
    from mailstack.app.late import import_before_leaving_root
    from mailstack.app.people import sending_limits
    from mailstack.app.quotas import default_quota
    from mailstack.base.secret import Secret
    from mailstack.control.apppasswords import app_password_commands
    from mailstack.control.bans import ban_commands
    from mailstack.control.commands import account_commands, queue_commands, run, store_commands
    from mailstack.control.imports import import_commands
    from mailstack.control.quotas import quota_commands
    from mailstack.control.rights import rights_commands
    from mailstack.control.suppression import suppression_commands
    from mailstack.control.tls import tls_commands
    from mailstack.control.undelete import undelete_commands
    from mailstack.queue.resting import RestingQueue
    from mailstack.relay.suppression import Suppressed
    from mailstack.store.service import Store

    async def hashed(password: Secret) -> Credential:
        return make_credential(password, config.scram_algorithms)

    strong = partial(expect_strong, least=config.accounts.password_strength)
    import_before_leaving_root(["zxcvbn"] if command.startswith("account ") else [])
    with as_owner(config.state):
        if command.startswith("queue "):
            queue = RestingQueue(config.index_file, f"{config.state}/queue")
            return at_once(run(queue_commands(queue), command, arguments))  # type: ignore[arg-type]  # never enqueues
        _expect_state(config.state)
        guard_file = GuardFile(config.guard_file)
        if command.startswith("ban "):
            guard = Guard(guard_file, time.time)
            try:
                return at_once(run(ban_commands(guard), command, arguments))
            finally:
                guard.close()
        people = AccountStore(config.accounts_file)
        mail = _Mail(config, Store)
        try:
            directory = AccountDirectory(people, default_quota=default_quota(config))
            sending = Sending(guard_file, sending_limits(config), directory.limits, time.time)
            commands = {
                **account_commands(people, hashed, mail.open, strong),
                **app_password_commands(people, time.time),
                **import_commands(people),
                **store_commands(mail.open),
                **quota_commands(people, directory, mail.open),
                **undelete_commands(mail.open),
                **rights_commands(people, directory, sending),
                **suppression_commands(lambda: Suppressed(mail.open().ledger, time.time, config.relay.suppress_for)),
                **tls_commands(lambda work: mail.open().ledger.read(work)),  # noqa: PLW0108  opened when asked
            }
            return at_once(run(commands, command, arguments))
        finally:
            mail.close()
            people.close()
            guard_file.close()


class _Mail:
    """The mail store, opened on this thread if it is asked for at all."""

    def __init__(self, config: Config, make: Any) -> None:
        self._config, self._make = config, make
        self._store: Any = None

    def open(self) -> Any:
        config = self._config
        if self._store is not None:
            return self._store
        self._store = self._make(
            config.state,
            mail=config.mail_folder,
            durability=config.store.durability,
            keep_expunged=config.store.keep_expunged.total_seconds(),
        )
        self._store.start()
        return self._store

    def close(self) -> None:
        if self._store is not None:
            at_once(self._store.stop())


@contextmanager
def as_owner(folder: str) -> Iterator[None]:
    """Root works on the files as the user they belong to: what it made itself, the server could not open."""
    mask, user, group = os.umask(0o077), os.geteuid(), os.getegid()
    if user == 0 and Path(folder).is_dir():
        owner = Path(folder).stat()
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)
        os.umask(mask)


def _expect_state(folder: str) -> None:
    """The first account may come before the first start."""
    try:
        Path(folder).mkdir(mode=0o700)
        if os.geteuid() == 0:
            click.echo(
                f"mailstack: note: made {folder} for root; a server that runs as another user wants it as its own: "
                f"chown -R USER {folder}",
                err=True,
            )
    except FileExistsError:
        pass
    except OSError as failure:
        raise Failed(
            f"the state folder {folder} cannot be made ({failure.strerror}); make it, or set another `state`"
        ) from None


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what has nothing to wait for: no server, no reactor, no other thread."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise MailError(Condition.INTERNAL, "this cannot be done while the server is stopped; start it and try again")
