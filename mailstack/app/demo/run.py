"""Running the demo: the daemon and the two stand-ins in this process, the table, the check."""

import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import globalLogBeginner, textFileLogObserver

from mailstack.accounts.api import Login
from mailstack.app.configuration import read_config
from mailstack.app.daemon import Daemon, complain
from mailstack.app.demo.check import STEPS, Checker, CheckFailed
from mailstack.app.demo.elsewhere import NameServer, OtherServer
from mailstack.app.demo.scene import ACCOUNTS, Scene, make_scene, welcome
from mailstack.config.faults import ConfigError
from mailstack.net.connection import Setting
from mailstack.net.listen import Bind, Limits, Listener, PortTaken, Total
from mailstack.smtp.server.factory import Listening, SmtpSessions
from mailstack.smtp.values import SmtpLimits
from mailstack.store.values import INBOX
from mailstack.tls.contexts import ServerContexts

__all__ = ["Wishes", "run_demo"]

MX_NAME = "mx.elsewhere.test"
DNS_RECORDS = {
    ("elsewhere.test", "MX"): (f"10 {MX_NAME}.",),
    (MX_NAME, "A"): ("127.0.0.1",),
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """The command line's.  `folder` None: a scratch folder, removed at the end."""

    folder: Path | None
    port_offset: int
    check: bool
    exit: bool


def run_demo(wishes: Wishes) -> int:
    """Serves until Ctrl-C (or the end of the check); the exit status."""
    folder = wishes.folder or Path(tempfile.mkdtemp(prefix="mailstack-demo-"))
    try:
        return _Demo(make_scene(folder, wishes.port_offset), wishes).run()
    except (OSError, ValueError, ConfigError) as fault:
        complain(f"the demo cannot be set up in {folder}: {fault}")
        return 1
    finally:
        if wishes.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


class _Demo:
    def __init__(self, scene: Scene, wishes: Wishes) -> None:
        from twisted.internet import reactor

        self.scene, self.wishes = scene, wishes
        self.reactor: Any = reactor
        self.console = Console(highlight=False)
        self.status = 0
        config = read_config(str(scene.config_file))
        self.daemon = Daemon(config, lambda: read_config(str(scene.config_file)), reactor, {})
        self.elsewhere = OtherServer(str(scene.folder))
        self._other_port = Listener(
            reactor,
            "elsewhere",
            [Bind("127.0.0.1", scene.mx_port)],
            passed_sockets={},
            total=Total(100),
            stop_limit_seconds=1,
        )

    def run(self) -> int:
        os.umask(0o077)
        log_file = (self.scene.folder / "mailstack.log").open("a", encoding="utf-8")
        globalLogBeginner.beginLoggingTo([textFileLogObserver(log_file)], redirectStandardIO=False)
        try:
            self._bind_elsewhere()
            self.daemon.bind()
        except (PortTaken, CannotListenError) as taken:
            complain(f"{_one_line(taken)}; or move all ports: mailstack demo --port-offset 10000")
            return 1
        self.daemon.startService()
        self.daemon.ready.addCallback(lambda _: Deferred.fromCoroutine(self._ready()))
        self.daemon.ready.addErrback(self._failed)
        self.reactor.addSystemEventTrigger("before", "shutdown", self.daemon.stopService)
        self.reactor.run()
        return self.status

    def _failed(self, failure: Any) -> None:
        self.status = 1
        complain(failure.getTraceback())
        self.reactor.stop()

    # --- the rest of the world ------------------------------------------------------------------------------

    def _bind_elsewhere(self) -> None:
        """The stand-ins' ports: a name server, and what its MX record points to."""
        self.reactor.listenUDP(self.scene.dns_port, NameServer(DNS_RECORDS), interface="127.0.0.1")
        self._other_port.bind()

    def _open_elsewhere(self, login: Login) -> None:
        listening = Listening(MX_NAME, submission=False, now=lambda: datetime.now(UTC), starttls=True)
        sessions = SmtpSessions(self.elsewhere, login, {}, SmtpLimits(), listening)
        tls = ServerContexts(self.daemon.config.tls)
        self._other_port.open(Setting("elsewhere", self.reactor, sessions, tls=tls), Limits(0, 0, b""))

    # --- once it serves -----------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        assert self.daemon.parts is not None
        self._open_elsewhere(self.daemon.parts.login)
        if self.scene.is_new:
            for account in ACCOUNTS:
                await self._welcome(account)
        self._print_table()
        if self.wishes.check:
            threading.Thread(target=self._check, name="check", daemon=True).start()
        elif self.wishes.exit:
            self.reactor.stop()

    async def _welcome(self, account: str) -> None:
        assert self.daemon.parts is not None
        store = self.daemon.parts.store
        staged = store.stage()
        try:
            staged.write(welcome(account, self.scene.folder))
            staged.finish()
            await store.deliver(staged, [(account, INBOX)])
        finally:
            staged.discard()

    def _print_table(self) -> None:
        ports = self.scene.ports
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
        for heading in ("Type into Thunderbird or Outlook", "server", "port", "security"):
            table.add_column(heading)
        for what, port, security in (
            ("incoming, IMAP", ports.imaps, "SSL/TLS"),
            ("incoming, IMAP", ports.imap, "STARTTLS"),
            ("or incoming, POP3", ports.pop3s, "SSL/TLS"),
            ("or incoming, POP3", ports.pop3, "STARTTLS"),
            ("outgoing, SMTP", ports.submissions, "SSL/TLS"),
            ("outgoing, SMTP", ports.submission, "STARTTLS"),
        ):
            table.add_row(what, "localhost", str(port), security)
        people = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
        for heading in ("user name (the full address)", "password"):
            people.add_column(heading)
        for name, password in self.scene.passwords.items():
            people.add_row(name, password.reveal())
        say = self.console.print
        say(
            f"\n[bold]mailstack demo[/bold]: a whole mail server on this machine, for {', '.join(ACCOUNTS)}\n",
            soft_wrap=True,
        )
        say(table)
        say()
        say(people)
        say(f"\nAuthentication: normal password. Mail from other servers comes in on port {ports.smtp}.")
        say(f"Certificate authority to trust: {self.scene.certificate.authority}", soft_wrap=True)
        kept = "kept" if self.wishes.folder else "removed at the end; --dir keeps one"
        say(
            f"Everything is in {self.scene.folder} ({kept}), what the server does in mailstack.log there.",
            soft_wrap=True,
        )
        if not self.wishes.exit:
            say(f"Look inside, in another terminal: mailstack --config {self.scene.config_file} status", soft_wrap=True)
            say("Ctrl-C ends it.")
        say()

    # --- the check, in a thread of its own -------------------------------------------------------------------------

    def _check(self) -> None:
        try:
            self.status = 0 if self._steps() else 1
        finally:
            if self.wishes.exit:
                self.reactor.callFromThread(self.reactor.stop)

    def _steps(self) -> bool:
        checker = Checker(
            self.scene.ports, self.scene.passwords, self.scene.certificate.authority, lambda: self.elsewhere.arrived
        )
        started = time.monotonic()
        for number, (name, step) in enumerate(STEPS, 1):
            begun = time.monotonic()
            try:
                seen = step(checker)
            except Exception as failure:  # noqa: BLE001  whatever went wrong is what the check is there to tell
                kind = "" if isinstance(failure, CheckFailed) else f"{type(failure).__name__}: "
                self.console.print(f"[red]✗[/red] {number}. {name}: {kind}{failure}", markup=True, soft_wrap=True)
                return False
            took = (time.monotonic() - begun) * 1000
            self.console.print(f"[green]✓[/green] {number}. {name:<38}{took:8.1f} ms   {seen}", soft_wrap=True)
        total = time.monotonic() - started
        self.console.print(f"\nAll {len(STEPS)} steps passed in {total:.2f} s: mail goes all its ways.\n")
        return True


def _one_line(fault: PortTaken | CannotListenError) -> str:
    if isinstance(fault, PortTaken):
        return str(fault)
    reason = getattr(fault.socketError, "strerror", "") or str(fault.socketError)
    return f"the demo's name server cannot listen on 127.0.0.1:{fault.port}: {reason}; does another demo run? End it"
