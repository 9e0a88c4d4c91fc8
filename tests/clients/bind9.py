"""A real name server (Debian's bind9) on loopback, with one empty zone that a key may change."""

import base64
import os
import socket
import subprocess

from mailstack.dns.api import DnsFailure
from mailstack.dns.tools import ask_server
from tests.clients.mail import wait_until

CONFIG = """
options {{
    directory "{folder}"; pid-file none; session-keyfile none; managed-keys-directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; allow-query {{ any; }}; notify no; empty-zones-enable no;
}};
controls {{ }};
key "mailstack" {{ algorithm hmac-sha256; secret "{secret}"; }};
{zones}
"""
ZONE = 'zone "{name}" {{ type primary; file "{file}"; update-policy {{ grant mailstack zonesub ANY; }}; }};\n'
EMPTY = "$TTL 60\n@ IN SOA ns hostmaster 1 60 60 60 60\n@ IN NS ns\nns IN A 127.0.0.1\n"


def free_port():
    """Free for UDP and TCP alike."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class Bind9:
    def __init__(self, program, folder, zones):
        """`zones`: name → lines beside the SOA and NS."""
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        secret = base64.b64encode(os.urandom(32)).decode()
        self.key = folder / "tsig.key"
        self.key.write_text(f'key "mailstack" {{\n\talgorithm hmac-sha256;\n\tsecret "{secret}";\n}};\n')
        parts = []
        for name, lines in zones.items():
            (folder / name).write_text(EMPTY + lines)
            parts.append(ZONE.format(name=name, file=folder / name))
        config = folder / "named.conf"
        config.write_text(CONFIG.format(folder=folder, port=self.port, secret=secret, zones="".join(parts)))
        self._log = (folder / "named.log").open("wb")
        self._zones = tuple(zones)
        self._process = subprocess.Popen(
            [program, "-g", "-c", config], stdout=self._log, stderr=subprocess.STDOUT, cwd=folder
        )
        wait_until(self._answers, "the name server answers")

    def _answers(self):
        assert self._process.poll() is None, "the name server has ended"
        try:
            return all(ask_server(("127.0.0.1", self.port), zone, "SOA") for zone in self._zones)
        except DnsFailure:  # its sockets are open before its zones are read
            return False

    def stop(self):
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
