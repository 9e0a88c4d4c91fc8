"""Telling systemd how we are (sd_notify(3)), and taking the sockets that it passes (sd_listen_fds(3))."""

import itertools
import os
import socket
from collections.abc import Mapping

__all__ = ["notify", "passed_descriptors"]

FIRST_DESCRIPTOR = 3


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send `READY=1`, `RELOADING=1`, `STOPPING=1`, `STATUS=…`; without systemd nothing happens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagram:
        try:
            datagram.sendto(state.encode(), address)
        except OSError:
            return  # systemd that does not listen is no reason to end


def passed_descriptors() -> list[int]:
    """Listening sockets that this process was started with: 3, 4, …, as many as there are in a row.

    LISTEN_FDS cannot be asked: Twisted's `systemd:` endpoint takes it out of the
    environment when its plugins are imported, long before us, and forgets sockets
    without names.  A listener takes only a socket that is bound to its own address.
    """
    found: list[int] = []
    for descriptor in itertools.count(FIRST_DESCRIPTOR):
        if not _listens(descriptor):
            return found
        found.append(descriptor)
    return found


def _listens(descriptor: int) -> bool:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as candidate:
            return bool(candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False
