"""A real ACME authority (Debian's pebble) on loopback, and the name server that it asks (pebble-challtestsrv)."""

import json
import subprocess
from pathlib import Path

import requests

from mailstack.tls.authority import make_certificate
from tests.clients.bind9 import free_port
from tests.clients.mail import wait_until


class Pebble:
    """Every name is 127.0.0.1 to it; it visits `http_port` and `tls_port` there."""

    def __init__(self, program, names_program, folder):
        folder.mkdir(exist_ok=True)
        made = make_certificate(folder, ["localhost"])
        self.trust = made.authority
        self.port, self.management, self.http_port, self.tls_port = (free_port() for _ in range(4))
        self.dns_port, self._dns_api = free_port(), free_port()
        config = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": made.certificate,
            "privateKey": made.key,
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        file = folder / "pebble.json"
        file.write_text(json.dumps({"pebble": config}))
        self._log = (folder / "pebble.log").open("wb")
        names = [names_program, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{self.dns_port}"]
        quiet = ["-http01", "", "-https01", "", "-tlsalpn01", ""]
        self._processes = [self._run([*names, *quiet, "-management", f"127.0.0.1:{self._dns_api}"], folder)]
        asks = ["-dnsserver", f"127.0.0.1:{self.dns_port}"]
        self._processes.append(self._run([program, "-config", file, *asks], folder))
        try:
            wait_until(self._answers, "pebble answers")
        except BaseException:
            self.stop()
            raise

    def _run(self, command, folder):
        return subprocess.Popen(
            command,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "30"},
        )

    @property
    def directory(self):
        return f"https://localhost:{self.port}/dir"

    def _answers(self):
        assert all(process.poll() is None for process in self._processes), Path(self._log.name).read_text()
        try:
            return requests.get(self.directory, verify=self.trust, timeout=5).ok
        except requests.ConnectionError:
            return False

    def root(self):
        """The CA of what it issues, PEM."""
        return requests.get(f"https://localhost:{self.management}/roots/0", verify=self.trust, timeout=5).content

    def put_text(self, owner, text):
        self._tell("set-txt", {"host": f"{owner}.", "value": text})

    def clear_text(self, owner, _text):
        self._tell("clear-txt", {"host": f"{owner}."})

    def _tell(self, what, value):
        requests.post(f"http://127.0.0.1:{self._dns_api}/{what}", json=value, timeout=5).raise_for_status()

    def stop(self):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)
        self._log.close()
