"""Postfix, as Debian has it, from a configuration of its own on loopback: it sends to us, and delivers by LMTP."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

MAIN = """
compatibility_level = 3.6
myhostname = postfix.demo.test
mydestination =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
alias_maps =
smtp_bind_address = 127.0.0.1
relayhost = [127.0.0.1]:{smtp}
smtp_tls_security_level = secure
smtp_tls_CAfile = {ca}
smtp_tls_secure_cert_match = mail.demo.test
lmtp_tls_security_level = none
smtputf8_enable = yes
virtual_alias_domains = elsewhere.test
virtual_alias_maps = inline:{{ far@elsewhere.test=bob@demo.test }}
transport_maps = inline:{{ {{alice@demo.test = lmtp:inet:127.0.0.1:{lmtp}}}, {{bob@demo.test = lmtp:unix:{path}}} }}
minimal_backoff_time = 1s
"""
SERVICES = (
    "cleanup tlsmgr rewrite bounce defer trace verify flush proxymap smtp relay lmtp error retry discard anvil scache"
)
LIMITS = {
    "cleanup": "0",
    "bounce": "0",
    "defer": "0",
    "trace": "0",
    "flush": "0",
    "tlsmgr": "1",
    "scache": "1",
    "anvil": "1",
}
DAEMONS = {"rewrite": "trivial-rewrite", "defer": "bounce", "trace": "bounce", "relay": "smtp", "retry": "error"}


@contextmanager
def open_folder():
    """A folder that Postfix's processes, which are not root, get to: pytest's own is closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="mailstack-postfix-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postfix:
    """`port`: where it takes mail for anybody.  Takes root, as Postfix does."""

    def __init__(self, folder, port, **places):
        self.folder, self.port = folder, port
        for name in ("data", "spool"):
            (folder / name).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        (folder / "main.cf").write_text(MAIN.format(folder=folder, **places))
        (folder / "master.cf").write_text(self._master())
        self._postfix("start")

    def _master(self):
        rows = [f"127.0.0.1:{self.port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        rows += ["qmgr unix n - n 300 1 qmgr", "pickup unix n - n 60 1 pickup"]
        for name in SERVICES.split():
            private = "n" if name in {"cleanup", "flush"} else "-"
            most = LIMITS.get(name, "-")
            rows.append(f"{name} unix {private} - n - {most} {DAEMONS.get(name, name)}")
        return "\n".join([*rows, ""])

    def _postfix(self, command):
        done = subprocess.run(
            ["postfix", "-c", self.folder, command], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, f"postfix {command}: {done.stdout}{done.stderr}{self.log()}"

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def stop(self):
        self._postfix("stop")


def needs_postfix():
    if shutil.which("postfix") is None:
        pytest.skip("postfix is not installed")
    if os.getuid() != 0:
        pytest.skip("postfix takes root")
