"""What many large messages and a peer that never reads cost the whole server: streams, never memory.

Short here; `make load` sends 50 MiB from 100 clients at the same time.
"""

import os
import socket
import threading
from pathlib import Path

import pytest

from tests.clients.daemon import Daemon

LONG = os.environ.get("MAILSTACK_LOAD") == "long"
CLIENTS, MIB = (100, 50) if LONG else (20, 12)
MOST_MIB = 200  # of the whole server, whatever comes
PATIENCE = 600 if LONG else 60
LINE = b"x" * 76 + b"\r\n"
TOP = ""
MORE = """
[limits]
connections = 400
smtp_connections_per_address = 300
strangers_per_address = 300
"""

pytestmark = [pytest.mark.daemon, pytest.mark.timeout(900 if LONG else 180)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    running = Daemon(tmp_path_factory.mktemp("daemon"), more=MORE)
    yield running
    running.stop()


def resident(daemon, what="VmRSS"):
    """MiB: VmRSS now, VmHWM at the most so far."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) / 1024


def talk(daemon):
    """A client that has been told to go on with its data."""
    client = socket.create_connection(("127.0.0.1", daemon.ports["smtp"]), timeout=PATIENCE)
    lines = client.makefile("rb")
    client.sendall(b"EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n")
    while not lines.readline().startswith(b"354"):
        pass
    return client, lines


def test_many_large_messages_at_the_same_time(daemon):
    """All are under way at once, and none of them ends before all have nearly come."""
    together = threading.Barrier(CLIENTS, timeout=PATIENCE)
    replies = []

    def send(number):
        client, lines = talk(daemon)
        piece = LINE * (1024 * 1024 // len(LINE))
        with client:
            together.wait()
            for _ in range(MIB - 1):
                client.sendall(piece)
            together.wait()  # everybody's message is here, and not yet whole
            # in the long form only some are kept: the disk need not have room for all
            if number < 20:
                client.sendall(b".\r\n")
                replies.append(lines.readline()[:3])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert replies == [b"250"] * 20
    peak = resident(daemon, "VmHWM")
    print(f"{CLIENTS} clients with {MIB} MiB each: {peak:.0f} MiB at the most")
    assert peak < MOST_MIB


def test_who_sends_and_never_reads_is_not_read_from(daemon):
    """Replies pile up in nobody's memory: soon the server takes no more commands from it."""
    before = resident(daemon)
    with socket.create_connection(("127.0.0.1", daemon.ports["smtp"])) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 256 << 20:
                sent += client.send(b"HELP\r\n" * 10_000)
        assert sent < 64 << 20
        assert resident(daemon) - before < 16
        # and it is nobody else's trouble
        other, _ = talk(daemon)
        other.close()
