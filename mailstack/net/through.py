"""Writing at once when nothing waits before us; acknowledging at once when there is nothing to say."""

import errno
import socket
from contextlib import suppress

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection

__all__ = ["acknowledge", "write"]

_LATER = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ENOBUFS)


def write(transport: ITransport, data: bytes) -> None:
    """Send what the socket takes now, queue the rest.  A broken socket is left for Twisted to notice."""
    if (
        isinstance(transport, Connection)
        and not transport.TLS
        and transport.connected
        and not transport.disconnecting
        and not transport._tempDataBuffer  # noqa: SLF001  Twisted has no question for "is anything queued?"
        and not transport.dataBuffer
    ):
        try:
            sent = transport.socket.send(data)
        except OSError as failure:
            if failure.errno not in _LATER:
                transport.write(data)  # fails again in doWrite, which reports the loss in Twisted's way
                return
            sent = 0
        if sent == len(data):
            return
        data = data[sent:]
    transport.write(data)


def acknowledge(transport: ITransport) -> None:
    """Octets came that have no answer yet: send the TCP acknowledgement now instead of 40 ms later.

    Clients with Nagle's algorithm on (Python's imaplib, and what is built on it) send
    APPEND's last CRLF only when the literal before it is acknowledged.
    """
    if isinstance(transport, Connection) and transport.connected:
        with suppress(OSError):
            transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
