"""The running server as Twisted's service: start, reload, stop.

The order of a start has two reasons.  Ports are bound and certificates read
*before* twistd drops root, everything that writes files is made *after* it, so
that files belong to the server's user.  And nobody is let in before all stands;
callers who come early wait in the kernel's queue.

A stop goes the other way round: no new connections, conversations may end
within `limits.stop`, deliveries under way too, then the store is closed.
"""

import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.python.failure import Failure

from mailstack import __version__
from mailstack.app.certificates import CertificateKeeper, kept_of
from mailstack.app.late import import_before_leaving_root
from mailstack.app.logouts import Logouts
from mailstack.app.logs import LogSink
from mailstack.app.measuring import made_web_ports
from mailstack.app.notify import notify
from mailstack.app.parts import Parts, build
from mailstack.app.sessions import binds_of, door_limits, setting
from mailstack.app.signing import read_keys
from mailstack.app.steering import steering
from mailstack.base.errors import MailError
from mailstack.base.events import Event, add_sink, log, remove_sink
from mailstack.cli.reach import as_owner
from mailstack.config.diff import diff, in_force
from mailstack.config.faults import ConfigError
from mailstack.config.model import Config, Tls
from mailstack.control.server import ControlServer
from mailstack.history.recorder import Recorder
from mailstack.net.listen import Listener, PortTaken, Total
from mailstack.tls.certs import CertificateFault, pairs_of
from mailstack.tls.contexts import ServerContexts
from mailstack.web.service import WebPorts

__all__ = ["Daemon", "complain"]

Reader = Callable[[], Config]

_COLLECTIONS = (20_000, 20, 20)  # objects made before the young are looked at, and rounds before the older ones


class Daemon(MultiService):
    """One server.  `read_config` gives the configuration anew at each reload; ConfigError with all its faults."""

    name = "mailstack"

    def __init__(
        self, config: Config, read_config: Reader, reactor: Any, passed_sockets: Mapping[tuple[str, int], int]
    ) -> None:
        MultiService.__init__(self)
        self.config, self._read_config, self._reactor = config, read_config, reactor
        self.total = Total(config.limits.connections, config.limits.strangers_per_address)
        self.parts: Parts | None = None
        self.control: ControlServer | None = None
        self.logouts: Logouts | None = None
        self.web: WebPorts | None = None
        self.sink = LogSink(config.log.level)
        self.ready: Deferred[None] = Deferred()
        self._tls: dict[str, ServerContexts] = {}  # by the CA of the clients, "" for who is not asked
        self.certificates = CertificateKeeper(lambda: self.config, self.reload, reactor)
        self._shown: Sequence[str] = ()  # the certificates, described
        self.listeners = [
            Listener(
                reactor,
                listener.name,
                binds_of(listener),
                passed_sockets=passed_sockets,
                total=self.total,
                stop_limit_seconds=config.limits.stop.total_seconds(),
            )
            for listener in config.listeners
            if listener.enabled
        ]
        for listener in self.listeners:
            MultiService.addService(self, listener)

    # --- start ----------------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """A fault here ends the start with one line: the port or the file, and what to do."""
        try:
            self.bind()
        except (PortTaken, CertificateFault) as fault:
            complain(str(fault))
            raise SystemExit(1) from None

    def bind(self) -> None:
        """Certificates and ports.  PortTaken, CertificateFault."""
        import_before_leaving_root()
        if self.config.tls.acme.enabled:
            with as_owner(self.config.state):
                kept_of(self.config).stand_in()
        if not self._tls and self.config.tls.certificate:
            authorities = dict.fromkeys(["", *(listener.client_ca for listener in self.config.listeners)])
            self._tls = {ca: ServerContexts(self.config.tls, ca) for ca in authorities}
            self._shown = _described(self.config.tls)
        MultiService.privilegedStartService(self)

    def startService(self) -> None:
        os.umask(0o077)  # mail is nobody else's, whatever the shell that started us thinks
        add_sink(self.sink)
        log(Event.STARTING, version=__version__, state=self.config.state)
        if os.geteuid() == 0:
            log(Event.RUNS_AS_ROOT)
        MultiService.startService(self)
        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._on_hangup))
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        Deferred.fromCoroutine(self._start()).addErrback(self._cannot_start)

    async def _start(self) -> None:
        parts = build(self.config, self._reactor)
        self.parts = parts
        add_sink(parts.recorder)
        add_sink(parts.counts)
        parts.store.start()
        parts.login.start()
        self.total.doorkeeper = parts.guard
        self.logouts = Logouts(
            parts.login.live,
            lambda: (each for listener in self.listeners for each in listener.connections),
            self._reactor,
        )
        MultiService.addService(self, self.logouts)
        await parts.spool.open()
        MultiService.addService(self, parts.runner)
        MultiService.addService(self, parts.tls_watch)
        steered = steering(parts, self.listeners, self.reload, self._reactor, lambda: read_keys(self.config))
        commands = {**steered, "certificate renew": self.certificates.renew_now}
        self.control = ControlServer(self.config.control_socket, commands, self._reactor)
        MultiService.addService(self, self.control)
        self._open_listeners()
        self.web = made_web_ports(self.config, parts, self.listeners, self._reactor, lambda: bool(self.running))
        MultiService.addService(self, self.web)
        if self.config.tls.acme.enabled:
            MultiService.addService(self, self.certificates)
        _calm_collector()
        log(Event.READY, listeners=len(self.listeners))
        notify(f"READY=1\nSTATUS=serving {len(self.listeners)} listeners")
        self.ready.callback(None)

    def _cannot_start(self, failure: Failure) -> None:
        """One line for a fault that has one, the traceback for one that nobody foresaw; status 1 either way."""
        error = failure.value
        if isinstance(error, MailError):
            complain(f"{error.public}: {error.detail}")
        elif isinstance(error, OSError):
            complain(
                f"cannot use {error.filename}: {error.strerror}; everything below the state folder must belong to the "
                f"server's user: install -d -o USER -m 700 {self.config.state}, or chown -R USER {self.config.state}"
            )
        else:
            complain(failure.getTraceback())
        self._reactor.addSystemEventTrigger("after", "shutdown", _exit_with_status_1)
        self._reactor.stop()

    def _open_listeners(self) -> None:
        assert self.parts is not None
        for listener in self.listeners:
            slice_ = self.config.listener(str(listener.name))
            listener.stop_limit_seconds = self.config.limits.stop.total_seconds()
            listener.open(
                setting(self.config, self.parts, slice_, self._reactor, self._tls.get(slice_.client_ca)),
                door_limits(self.config, slice_),
            )

    # --- reload ---------------------------------------------------------------------------------------------

    def reload(self) -> Sequence[str]:
        """Take the configuration file and the certificates anew; what changed, a line each.

        ConfigError when it is faulty, and then all stays as it was.
        """
        notify(f"RELOADING=1\nMONOTONIC_USEC={int(self._reactor.seconds() * 1e6)}")
        shown = self._shown
        try:
            config = self._read_config()
            if self._tls and config.tls.certificate:
                for contexts in self._tls.values():
                    contexts.reload(config.tls)
                self._shown = _described(config.tls)
        except (ConfigError, CertificateFault) as faults:
            log(Event.RELOAD_REFUSED, faults=str(faults))
            raise
        finally:
            notify("READY=1")
        changes = [*self._adopt(config), *(line for line in self._shown if line not in shown)]
        log(Event.RELOADED, changes="; ".join(changes) or "nothing differs")
        return changes

    def _adopt(self, config: Config) -> Sequence[str]:
        """Connections made from now on live under the new settings; what wants a restart is named."""
        changed = diff(self.config, config)
        self.config = in_force(self.config, config)
        self.total.limit = config.limits.connections
        self.total.strangers_limit = config.limits.strangers_per_address
        self.sink.set_least(config.log.level)
        if self.parts is not None:
            self.parts.reconfigure(self.config)
            self._open_listeners()
        return [str(change) for change in changed]

    def _on_hangup(self) -> None:
        with suppress(ConfigError, CertificateFault):  # told in the log; the old configuration stays
            self.reload()

    # --- stop -----------------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:
        connections = sum(len(listener.connections) for listener in self.listeners)
        log(Event.STOPPING, sessions=connections, limit=self.config.limits.stop.total_seconds())
        notify("STOPPING=1")
        self.running = 0
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """Each step whatever became of the one before: the store must be closed in the end."""
        await self._step(lambda: gatherResults([listener.stopService() for listener in self.listeners]))
        if self.parts is not None:
            parts = self.parts
            await self._step(lambda: maybeDeferred(self.logouts.stopService) if self.logouts else succeed(None))
            await self._step(lambda: maybeDeferred(self.control.stopService) if self.control else succeed(None))
            await self._step(parts.runner.stopService)
            await self._step(lambda: maybeDeferred(self.web.stopService) if self.web else succeed(None))
            await self._step(parts.tls_watch.stopService)
            await self._step(lambda: maybeDeferred(parts.connections.close))
            await self._step(lambda: maybeDeferred(parts.login.stop))
            await self._step(lambda: Deferred.fromCoroutine(parts.store.stop()))
            await self._step(lambda: maybeDeferred(parts.account_store.close))
            await self._step(lambda: maybeDeferred(parts.guard.close))
        log(Event.STOPPED)
        if self.parts is not None:
            await self._step(partial(_end_of_history, self.parts.recorder))
            remove_sink(self.parts.counts)
        remove_sink(self.sink)

    async def _step(self, step: Callable[[], Awaitable[object]]) -> None:
        try:
            await step()
        except Exception:  # noqa: BLE001  see _stop
            log(Event.INTERNAL_ERROR, error_id="stop", where="stop", failure=Failure().getTraceback())


def _end_of_history(recorder: Recorder) -> Deferred[None]:
    written: Deferred[None] = Deferred()
    remove_sink(recorder)
    recorder.flush(lambda: written.callback(None))
    return written.addCallback(lambda _: recorder.close())


def _described(tls: Tls) -> Sequence[str]:
    return [
        f"certificate {pair.certificate}: for {', '.join(pair.names)}, valid until {pair.valid_until:%Y-%m-%d %H:%M}"
        for pair in pairs_of(tls)
    ]


def complain(line: str) -> None:
    """To the real standard error output: twistd turns `sys.stderr` into lines of its log."""
    out = sys.__stderr__ or sys.stderr
    out.write(f"mailstack: {line}\n")
    out.flush()


def _calm_collector() -> None:
    """What is there now stays until the end, and nearly all garbage later is freed without the collector.

    Left as it is, it walks over every open mailbox again and again while a command makes thousands of objects: up to
    a fifth of what such a command costs.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)


def _exit_with_status_1() -> None:
    """Twisted has no status for a reactor that was stopped; everything has been closed by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
