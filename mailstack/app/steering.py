"""What the command line may ask of the running server: the tables of `control.commands`, and the server's own."""

import os
import resource
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from mailstack import __version__
from mailstack.app.parts import Parts
from mailstack.config.faults import ConfigError
from mailstack.control.apppasswords import app_password_commands
from mailstack.control.bans import ban_commands
from mailstack.control.commands import Commands, account_commands, queue_commands, store_commands
from mailstack.control.imports import import_commands
from mailstack.control.quotas import quota_commands
from mailstack.control.rights import rights_commands
from mailstack.control.suppression import suppression_commands
from mailstack.control.tls import tls_commands
from mailstack.control.transfer import transfer_commands
from mailstack.control.undelete import undelete_commands
from mailstack.dkim.signature import SigningKey
from mailstack.net.listen import Listener
from mailstack.tls.certs import CertificateFault

__all__ = ["steering"]

Reload = Callable[[], Sequence[str]]
ReadKeys = Callable[[], Mapping[str, Sequence[SigningKey]]]


def steering(
    parts: Parts, listeners: Sequence[Listener], reload: Reload, reactor: Any, read_keys: ReadKeys
) -> Commands:
    """One table: name → async function of plain arguments, its result plain JSON.  `read_keys`: DKIM's, anew."""

    async def status() -> dict[str, Any]:
        return _status(parts, listeners, reactor.seconds() - started)

    async def reload_now() -> dict[str, Any]:
        try:
            return {"changes": list(reload()), "faults": []}
        except (ConfigError, CertificateFault) as faults:
            return {"changes": [], "faults": str(faults).splitlines()}

    async def flush_history() -> None:
        """The asking side reads the files by itself: the server only writes down what it still holds."""
        written: Deferred[None] = Deferred()
        parts.recorder.flush(lambda: written.callback(None))
        await written

    async def reload_dkim() -> list[str]:
        parts.signer.keys = read_keys()
        return sorted(parts.signer.keys)

    started = reactor.seconds()
    return {
        **account_commands(
            parts.account_store, parts.login.make_credential, lambda: parts.store, parts.login.expect_strong
        ),
        **app_password_commands(parts.account_store, reactor.seconds),
        **import_commands(parts.account_store),
        **ban_commands(parts.guard),
        **rights_commands(parts.account_store, parts.directory, parts.sending),
        **queue_commands(parts.spool),
        **tls_commands(parts.store.ledger.read),
        **suppression_commands(lambda: parts.suppressed),
        **store_commands(lambda: parts.store),
        **transfer_commands(lambda: parts.store, parts.store.mail_folder),
        **undelete_commands(lambda: parts.store),
        **quota_commands(parts.account_store, parts.directory, lambda: parts.store),
        "status": status,
        "reload": reload_now,
        "history flush": flush_history,
        "dkim reload": reload_dkim,
    }


def _status(parts: Parts, listeners: Sequence[Listener], seconds: float) -> dict[str, Any]:
    states, messages = parts.spool.states()
    counts = parts.counts.totals()
    return {
        "version": __version__,
        "process": os.getpid(),
        "up": _spell(seconds),
        "memory": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most so far",
        "accounts": len(parts.directory.accounts()),
        "domains": " ".join(parts.directory.own_domains()) or "none: mailstack domain add NAME",
        "store": parts.store.trouble or "takes mail",
        "queue": f"{sum(states.values())} recipients of {messages} messages",
        "queue_states": states,
        "counts": counts,
        "listeners": [
            {
                "listener": str(listener.name),
                "address": listener.places,
                "connections": len(listener.connections),
            }
            for listener in listeners
        ],
    }


def _spell(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86400)
    return (f"{days} d " if days else "") + f"{rest // 3600} h {rest // 60 % 60} min {rest % 60} s"
