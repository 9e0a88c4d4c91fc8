"""The real daemon as a process: `twistd -n mailstack --config FILE` in a folder of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from mailstack.tls.authority import make_certificate

BIN = Path(sys.executable).parent
PATIENCE = 30
PASSWORDS = {"alice@demo.test": "alice-secret-1", "bob@demo.test": "bob-secret-2"}

CONFIG = """
hostname = "mail.demo.test"
state = "{folder}/state"
{top}
[tls]
certificate = "{folder}/server.pem"
key = "{folder}/server.key"

[log]
format = "json"
level = "debug"

[dns]
servers = ["127.0.0.1:{dns}"]

{listeners}
{more}
"""
LISTENERS = ("smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s")


class Daemon:
    """`ports[listener]`, `ca` (file), `events` (what it logged so far); `stop()` asserts a clean end."""

    def __init__(self, folder, *, top="", more="", dns=9, accounts=PASSWORDS):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.config = self.folder / "mailstack.toml"
        self.accounts = accounts
        self.events, self.ports = [], {}
        self.prefix, self.twistd, self.extra = [], [], {}
        self._changed = threading.Condition()
        self._write(top, more, dns)
        self.run("domain", "add", "demo.test")
        for address, password in accounts.items():
            self.run("account", "add", address, "--password-stdin", stdin=password + "\n")
        self.start()

    def _write(self, top, more, dns):
        made = make_certificate(self.folder, ["mail.demo.test"])
        self.ca = made.authority
        listeners = "\n".join(f'[listeners.{name}]\naddress = ["127.0.0.1:0"]\n' for name in LISTENERS)
        self.config.write_text(
            CONFIG.format(folder=self.folder, top=top, more=more, dns=dns, listeners=listeners), encoding="utf-8"
        )

    @property
    def environment(self):
        return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "MAILSTACK_CONFIG": str(self.config)}

    def run(self, *arguments, stdin="", check=True):
        """`mailstack ARGUMENTS`; its standard output."""
        done = subprocess.run(
            [BIN / "mailstack", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=PATIENCE,
            check=False,
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout if check else done

    def start(self, *, wait=True):
        """`prefix` goes before the command, `twistd` are options for it, `extra` is more environment."""
        with self._changed:
            self.ports.clear()
            self.events.clear()
        self.errors = (self.folder / "stderr.log").open("ab")  # closed by stop
        self.process = subprocess.Popen(
            [*self.prefix, BIN / "twistd", "-n", "--pidfile=", *self.twistd, "mailstack", "--config", self.config],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**self.environment, **self.extra},
            cwd=self.folder,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            self.wait_for("ready")

    def _read(self):
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "?", "text": line.decode("utf-8", "replace")}
            if event.get("event") == "listening":
                port = event["address"].rpartition(":")[2]
                if port.isdigit():  # a socket in the file system has none
                    self.ports[event["listener"]] = int(port)
            with self._changed:
                self.events.append(event)
                self._changed.notify_all()
        with self._changed:
            self.events.append({"event": "eof"})
            self._changed.notify_all()

    def wait_for(self, name, since=0, **fields):
        """The first event of that name (and fields) from index `since` on."""

        def found():
            for event in self.events[since:]:
                if event.get("event") == name and all(event.get(k) == v for k, v in fields.items()):
                    return event
            return next((e for e in self.events if e.get("event") == "eof"), None)

        with self._changed:
            self._changed.wait_for(found, PATIENCE)
            event = found()
        assert event is not None, f"no event {name} {fields} within {PATIENCE} s; log ends {self.events[-5:]}"
        assert event.get("event") == name, f"the daemon ended before {name}: {self.events[-8:]} {self.stderr()}"
        return event

    def stderr(self):
        return (self.folder / "stderr.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(PATIENCE)
        self._close()
        if how == signal.SIGTERM:
            # twistd ends by the signal that it was sent, after an orderly stop
            assert status in {0, -signal.SIGTERM}, f"exit status {status}: {self.stderr()}"
            assert any(event.get("event") == "stopped" for event in self.events), self.events[-5:]
            faults = [event for event in self.events if event.get("level") in {"error", "critical"}]
            assert not faults, f"the daemon logged {faults}"

    def kill(self):
        """The power cut; also the tidying up after whatever the test did."""
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        self._close()

    def _close(self):
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        self.errors.close()
