"""A transport in memory: a TCP connection that a test holds at both ends."""

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.python.failure import Failure


class TlsHandle:
    """What `getHandle()` gives on a TLS connection."""

    def get_protocol_version_name(self):
        return "TLSv1.3"

    def get_cipher_name(self):
        return "TLS_AES_256_GCM_SHA384"

    def get_peer_certificate(self, *, as_cryptography):
        return None


class MemoryTransport:
    """What the server writes is in `written`; `start`/`lose` play the network's part."""

    def __init__(self, protocol):
        self.protocol = protocol
        self.written = bytearray()
        self.connected, self.disconnecting, self.aborted, self.tls = True, False, False, False
        self.producer = None
        self.reading = True
        self.handshake_at_once = True
        self.full = False

    def start(self):
        self.protocol.makeConnection(self)

    def write(self, data):
        assert isinstance(data, bytes)
        if self.connected:
            self.written += data

    def take(self):
        data, self.written = bytes(self.written), bytearray()
        return data

    def lose(self, reason=None):
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(Failure(reason or ConnectionDone("closed")))

    def loseConnection(self):
        assert self.producer is None, "a registered producer keeps Twisted's transports open"
        self.disconnecting = True
        self.lose()

    def abortConnection(self):
        self.aborted = True
        self.lose(ConnectionAborted())

    def registerProducer(self, producer, streaming):
        assert streaming, "write-through is for push producers only"
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def pauseProducing(self):
        self.reading = False

    def resumeProducing(self):
        self.reading = True

    def startTLS(self, _context):
        self.tls = True
        if self.handshake_at_once:
            self.protocol.handshakeCompleted()

    def getHandle(self):
        return TlsHandle()

    def getPeer(self):
        return IPv4Address("TCP", "127.0.0.1", 40000)

    def getHost(self):
        return IPv4Address("TCP", "127.0.0.1", 25)
