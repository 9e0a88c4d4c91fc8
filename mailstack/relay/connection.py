"""The client engine on a transport: waiting with a limit, writing with back-pressure, TLS, a polite end."""

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from mailstack.base.engine import NEED_DATA, BodyChunk, BodyEnd
from mailstack.net import through
from mailstack.net.gate import Gate
from mailstack.smtp.client import SmtpClient
from mailstack.smtp.conversation import ClientEvent, ClientLimits, ClientRequest, Quit
from mailstack.store.api import Content

__all__ = ["CHUNK", "RemoteConnection", "TlsBroken", "one_connection"]

CHUNK = 64 * 1024  # octets of a message that are read, stuffed and written at a time
TURN = 8 * CHUNK  # then it is somebody else's turn, however fast the server reads


class TlsBroken(Exception):
    """The handshake did not succeed.  `str()` is one line for the log and the queue."""


@implementer(IPushProducer, IHandshakeListener)
class RemoteConnection(Protocol):
    """One connection to another server, driven by one session."""

    def __init__(self, engine: SmtpClient, clock: IReactorTime, limits: ClientLimits) -> None:
        self._engine, self._clock, self._limits = engine, clock, limits
        self._gate = Gate()
        self._arrival: Deferred[None] | None = None  # somebody waits for something to happen
        self._handshake: Deferred[None] | None = None
        self._leaving: IDelayedCall | None = None
        self._lost = False
        self.tls = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384"

    # --- what the session does -------------------------------------------------------------------------

    def send(self, request: ClientRequest) -> None:
        self._engine.send(request)
        self._write()

    async def event(self) -> ClientEvent:
        """The next event; `Ended` when the engine's limit for one reply has passed."""
        seen, deadline = -1, 0.0
        while (event := self._engine.next_event()) is NEED_DATA:
            self._write()
            if self._engine.replies != seen:  # octets alone buy no time, whole replies do
                seen, deadline = self._engine.replies, self._clock.seconds() + self._engine.idle_limit
            await self._something(deadline)
        self._write()
        return event

    async def pour(self, content: Content) -> None:
        """Send the whole body, as fast as the server reads.  Ends early when the server has had enough.

        OSError when the file cannot be read: then nothing is complete, and the connection must be aborted.
        """
        if not self._lost:
            self._transport.registerProducer(self, streaming=True)
        try:
            for offset in range(0, max(content.size, 1), CHUNK):
                if self._lost or self._engine.interrupted:
                    return
                wanted = min(CHUNK, content.size - offset)
                octets = content.read(offset, wanted)
                if len(octets) < wanted:
                    raise OSError("the queued file has become shorter")
                self._engine.send(BodyChunk(octets))
                if offset + len(octets) == content.size:
                    self._engine.send(BodyEnd())  # in one write: a dot that follows alone may wait for Nagle
                self._write()
                await self._room()
                if offset % TURN == TURN - CHUNK:
                    await deferLater(self._clock, 0)
        finally:
            if not self._lost:
                self._transport.unregisterProducer()

    async def start_tls(self, creator: Any) -> None:
        """Raises TlsBroken.  The engine is not told: with implicit TLS it knows nothing of it."""
        handshake = self._handshake = Deferred()
        limit = self._clock.callLater(
            self._limits.handshake_seconds, self._break_handshake, TlsBroken("TLS handshake timed out")
        )
        self._transport.startTLS(creator)
        try:
            await handshake
        finally:
            self._handshake = None
            if limit.active():
                limit.cancel()
        connection = self._transport.getHandle()
        self.tls = f"{connection.get_protocol_version_name()} {connection.get_cipher_name()}"

    def certificates(self) -> Sequence[x509.Certificate]:
        """What the server has shown under TLS, its own first."""
        shown = self._transport.getHandle().get_peer_cert_chain() or ()
        return [each.to_cryptography() for each in shown]

    def tls_started(self) -> None:
        """After STARTTLS: the engine says EHLO again."""
        self._engine.tls_started()
        self._write()

    @property
    def now(self) -> float:
        """UNIX seconds."""
        return self._clock.seconds()

    @property
    def quiet(self) -> bool:
        """Whether nothing has come since the last event that was taken, and the connection stands."""
        return not self._lost and self._leaving is None and self._engine.next_event() is NEED_DATA

    def leave(self) -> None:
        """QUIT, close when it is answered or late; nobody waits for that.  RFC 5321 §4.1.1.10"""
        if self._lost or self._leaving is not None:
            return
        self._leaving = self._clock.callLater(self._limits.quit_seconds, self.abort)
        self.send(Quit())
        self._take_leave()

    def abort_unless_leaving(self) -> None:
        if self._leaving is None:
            self.abort()

    def abort(self) -> None:
        if not self._lost:
            self._transport.abortConnection()

    # --- Twisted's IProtocol, IPushProducer, IHandshakeListener ----------------------------------------

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self._transport.setTcpNoDelay(True)  # the end of a body must not wait for an acknowledgement

    def dataReceived(self, data: bytes) -> None:
        self._engine.receive(data)
        if self._leaving is not None:
            self._take_leave()
        self._happened()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        if self._leaving is not None and self._leaving.active():
            self._leaving.cancel()
        self._engine.receive_eof()
        self._gate.lose("connection lost")
        self._break_handshake(TlsBroken(_tls_words(reason)))
        self._happened()

    def handshakeCompleted(self) -> None:
        if self._handshake is not None and not self._handshake.called:
            self._handshake.callback(None)

    def pauseProducing(self) -> None:
        self._gate.shut(self._clock.seconds())

    def resumeProducing(self) -> None:
        self._gate.open()

    def stopProducing(self) -> None:
        """Nothing: `connectionLost` comes next, and who waits at the gate must not go on before it."""

    # --- inside ----------------------------------------------------------------------------------------

    @property
    def _transport(self) -> Any:
        return self.transport

    def _write(self) -> None:
        data = self._engine.data_to_send()
        if data and not self._lost:
            through.write(self._transport, data)

    async def _something(self, deadline: float) -> None:
        """Wait until octets arrive, the connection is lost, or the deadline passes."""
        arrival = self._arrival = Deferred()
        limit = self._clock.callLater(max(deadline - self._clock.seconds(), 0), self._timed_out)
        try:
            await arrival
        finally:
            self._arrival = None
            if limit.active():
                limit.cancel()

    def _happened(self) -> None:
        if self._arrival is not None and not self._arrival.called:
            self._arrival.callback(None)

    def _timed_out(self) -> None:
        self._engine.timed_out()
        self._happened()

    async def _room(self) -> None:
        """Wait until the transport takes more; a server that reads nothing for its limit is left."""
        passed = self._gate.passed() if not self._lost else None
        if passed is None or passed.called:
            return
        limit = self._clock.callLater(self._engine.idle_limit, self._not_reading)
        try:
            await passed
        except ConnectionError:
            return  # the engine knows
        finally:
            if limit.active():
                limit.cancel()

    def _not_reading(self) -> None:
        self._engine.timed_out()
        self.abort()

    def _break_handshake(self, failure: TlsBroken) -> None:
        if self._handshake is not None and not self._handshake.called:
            self._handshake.errback(failure)

    def _take_leave(self) -> None:
        self._engine.next_event()
        if self._engine.ended:
            self._transport.loseConnection()


def one_connection(connection: RemoteConnection) -> Factory:
    """The factory that an endpoint wants."""
    return _OneConnection(connection)


class _OneConnection(Factory):
    noisy = False

    def __init__(self, connection: RemoteConnection) -> None:
        self._connection = connection

    def buildProtocol(self, addr: object) -> RemoteConnection:  # noqa: ARG002
        return self._connection


def _tls_words(reason: Failure) -> str:
    """OpenSSL's errors are lists of triples; the last word of each says what it was."""
    if reason.check(ConnectionDone):
        return "connection closed within the TLS handshake"
    first = next(iter(getattr(reason.value, "args", ())), None)
    if isinstance(first, list) and first and all(isinstance(each, tuple) and each for each in first):
        return "TLS: " + "; ".join(str(each[-1]) for each in first)
    return "TLS: " + (" ".join(reason.getErrorMessage().split()) or type(reason.value).__name__)
