"""Telling systemd how we are (sd_notify(3)), and taking the sockets that it passes (sd_listen_fds(3))."""

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


def passed_descriptors(environment: Mapping[str, str] = os.environ) -> list[int]:
    """The file descriptors that systemd meant for this very process."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environment.get("LISTEN_FDS", "0")
    return list(range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))) if count.isdigit() else []
