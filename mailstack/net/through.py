"""Writing to a transport at once when nothing waits before us."""

import errno

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection

__all__ = ["write"]

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
