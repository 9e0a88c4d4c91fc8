"""The only shell: one connection's engine and session, and the transport between them and the peer."""

import os
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, replace
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailstack.base.engine import NEED_DATA, After, Engine, Paced, Peer, Session, Wire
from mailstack.base.events import Event, log
from mailstack.base.ids import connection_id
from mailstack.net import certificate, through
from mailstack.net.binding import channel_binding
from mailstack.net.gate import Gate

__all__ = ["Connection", "Sessions", "Setting"]

AnyEngine = Engine[Any, Any]
AnySession = Session[Any, Any]
Sessions = Callable[[Wire[Any]], tuple[AnyEngine, AnySession]]

INPUT_HIGH_WATER = 256 * 1024  # octets waiting behind a busy handler before the transport is paused
TURN = 0.005  # seconds of work for one connection, after which the others have their turn
OUTPUT_LIMIT = 4 * 1024 * 1024  # octets pushed (IDLE) to a peer that does not read, before it is cut
LINGER_LIMIT = 30.0  # seconds for the last words to leave before the connection is cut


@dataclass(frozen=True, slots=True)
class Setting:
    """What a connection needs to know of its listener.  `tls` None: this listener has no TLS at all."""

    listener: str
    clock: IReactorTime
    sessions: Sessions
    tls: Any = None  # Twisted: IOpenSSLContextFactory or IOpenSSLServerConnectionCreator
    implicit_tls: bool = False
    protocol: str = ""
    handshake_seconds: float = 30.0  # what a TLS handshake may take: the 5 minutes of a command are too long


class _Rest:
    """Awaits the rest of a coroutine that has been stepped by hand and now waits for `waited`.

    Most handlers wait for nothing: then no Deferred is made at all, which is half of what a short command costs.
    """

    __slots__ = ("_before_wait", "_coroutine", "_waited")

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], waited: Any, before_wait: Callable[[], None] | None = None
    ) -> None:
        self._coroutine, self._waited, self._before_wait = coroutine, waited, before_wait

    def __await__(self) -> Generator[Any, Any, Any]:
        waited, before_wait = self._waited, self._before_wait
        while True:
            if before_wait is not None:
                before_wait()
            step: Callable[[Any], Any] = self._coroutine.send
            value: Any = None
            try:
                value = yield waited
            except GeneratorExit:  # nobody waits any more; the coroutine may have been ended before us
                self._coroutine.close()
                raise
            except BaseException as failure:  # noqa: BLE001  it belongs to the coroutine, whatever it is
                step, value = self._coroutine.throw, failure
            try:
                waited = step(value)
            except StopIteration as done:
                return done.value


class _AtOnce:
    """Awaited, it is there."""

    def __await__(self) -> Generator[Any, Any, None]:
        return iter(())  # type: ignore[return-value]


_AT_ONCE = _AtOnce()


async def _finish(coroutine: Coroutine[Any, Any, None], waited: Any) -> None:
    await _Rest(coroutine, waited)


@implementer(IPushProducer, IHandshakeListener, IHalfCloseableProtocol)
class Connection(Protocol):
    """One peer.  It is the session's `Wire` as well."""

    def __init__(
        self,
        setting: Setting,
        peer: Peer,
        gone: Callable[["Connection"], None],
        settled: Callable[["Connection"], None] = lambda _: None,
    ) -> None:
        self._setting = setting
        self._gone, self._settled = gone, settled
        self.peer = peer
        self.cid = connection_id()
        self._gate = Gate()
        self._timer: IDelayedCall | None = None
        self._heard = 0.0  # when the peer last sent something
        self._pumping = self._closing = self._handshaking = self._input_paused = self._eof = False
        self._greeted = self._stopping = self._ended = self._wrote = False
        self._backlog = 0
        self._turn_began = 0.0
        self._lost: str | None = None
        self._engine: AnyEngine
        self._session: AnySession
        self._engine, self._session = setting.sessions(self)
        self._paced = cast("Paced", self._engine) if hasattr(self._engine, "body_pace") else None
        self._body, self._body_since = 0, 0.0  # what came at the last look, and when it was first seen

    # --- Twisted calls ------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        log(Event.CONNECTED, cid=self.cid, listener=self._setting.listener, ip=self.peer.ip)
        self._heard = self._setting.clock.seconds()
        assert self.transport is not None
        self.transport.registerProducer(self, True)  # type: ignore[attr-defined]
        if self._setting.implicit_tls:
            self._start_tls()
        else:
            self._greet()
        self._arm()

    def dataReceived(self, data: bytes) -> None:
        self._heard = self._setting.clock.seconds()
        if self._closing:
            return
        self._engine.receive(data)
        self._wrote = False
        self._run()
        if not (self._wrote or self._pumping):  # more is wanted of a peer that has heard nothing
            through.acknowledge(self.transport)  # type: ignore[arg-type]
        if self._pumping and self._engine.buffered > INPUT_HIGH_WATER and not self._input_paused:
            self._input_paused = True
            self.transport.pauseProducing()  # type: ignore[union-attr]

    def readConnectionLost(self) -> None:
        self._eof = True
        self._engine.receive_eof()
        self._run()
        if not self._pumping:
            self.close()

    def writeConnectionLost(self) -> None:
        self.abort("peer closed its receiving side")

    def handshakeCompleted(self) -> None:
        self._handshaking = False
        self._heard = self._setting.clock.seconds()
        handle = self.transport.getHandle()  # type: ignore[union-attr]
        self.peer = replace(
            self.peer,
            tls=True,
            tls_version=handle.get_protocol_version_name(),
            tls_cipher=handle.get_cipher_name() or "",
            addresses=certificate.addresses(handle),
        )
        log(
            Event.TLS_STARTED,
            cid=self.cid,
            listener=self._setting.listener,
            ip=self.peer.ip,
            tls=f"{self.peer.tls_version} {self.peer.tls_cipher}",
        )
        if self._greeted:
            self._session.tls_started()
        else:
            self._greet()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        text = reason.getErrorMessage().rstrip(".")
        if self._handshaking:
            log(Event.TLS_FAILED, cid=self.cid, listener=self._setting.listener, ip=self.peer.ip, reason=text)
        self._lost = text
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._engine.receive_eof()
        self._gate.lose(text)
        if not self._pumping:
            self._end()

    # --- IPushProducer: the transport's buffer is full, or has room again -------------------------------------

    def pauseProducing(self) -> None:
        self._gate.shut(self._setting.clock.seconds())

    def resumeProducing(self) -> None:
        self._backlog = 0
        self._gate.open()

    def stopProducing(self) -> None:
        """The transport is going away; connectionLost follows."""

    # --- Wire: what the session may ask ------------------------------------------------------------------------

    def settled(self) -> None:
        self._settled(self)

    def send(self, response: Any) -> None:
        self._engine.send(response)
        if not self._pumping:
            self.flush()
            self._obey()

    def flush(self) -> None:
        data = self._engine.data_to_send()
        if data and self._lost is None:
            self._wrote = True
            was_shut = self._gate.shut_since is not None
            through.write(self.transport, data)  # type: ignore[arg-type]
            if was_shut:  # one long answer may fill the transport; only what comes on top of that is too much
                self._backlog += len(data)
                if self._backlog > OUTPUT_LIMIT:
                    self.abort("peer does not read")

    @property
    def unread(self) -> int:
        return self._backlog if self._gate.shut_since is not None else 0

    def channel_binding(self, kind: str) -> bytes | None:
        return channel_binding(self.transport.getHandle(), kind) if self.peer.tls else None  # type: ignore[union-attr]

    def room(self) -> Awaitable[None]:
        self.flush()
        return self._breathe() if self._must_breathe() else _AT_ONCE

    def _must_breathe(self) -> bool:
        return (
            self._gate.shut_since is not None
            or self._lost is not None
            or self._setting.clock.seconds() - self._turn_began >= TURN
        )

    async def _breathe(self) -> None:
        """Wait while the peer does not read; let the others have their turn when ours was long."""
        if self._setting.clock.seconds() - self._turn_began >= TURN:
            self.flush()
            turn: Deferred[None] = Deferred()
            self._setting.clock.callLater(0, turn.callback, None)
            await turn
            self._turn_began = self._setting.clock.seconds()
        await self._gate.passed()

    def close(self) -> None:
        self.flush()
        if self._closing:
            return
        self._closing = True
        self._disarm()
        if self._lost is None:
            self.transport.unregisterProducer()  # type: ignore[union-attr]
            self._gate.open()
            self._timer = self._setting.clock.callLater(LINGER_LIMIT, self._linger_over)
            self.transport.loseConnection()  # type: ignore[union-attr]

    @property
    def errors(self) -> int:
        """What the peer has been told off for."""
        return int(getattr(self._engine, "errors", 0))

    # --- for the listener ------------------------------------------------------------------------------------

    def abort(self, reason: str) -> None:
        """Cut at once; what was not sent is lost."""
        if self._lost is None:
            self._closing = True
            log(Event.PROTOCOL_FAULT, cid=self.cid, listener=self._setting.listener, ip=self.peer.ip, fault=reason)
            self.transport.abortConnection()  # type: ignore[union-attr]

    def shut_down(self) -> None:
        """Say goodbye when the protocol allows it: at once when idle, else after the command in progress."""
        self._stopping = True
        if not self._pumping and not self._closing:
            self._engine.shutting_down()
            self.flush()
            self._obey()

    # --- the pump ----------------------------------------------------------------------------------------------

    def _greet(self) -> None:
        if self._greeted:
            return
        self._greeted = True
        greeting = self._session.greet()
        if greeting is not None:
            self._engine.send(greeting)
        self.flush()
        self._obey()

    def _run(self) -> None:
        if self._pumping or self._closing or self._handshaking or not self._greeted:
            return
        self._pumping = True
        self._turn_began = self._setting.clock.seconds()
        pump = self._pump()
        try:
            waited = pump.send(None)
        except StopIteration:
            return  # as nearly always: there was nothing to wait for
        except Exception:  # noqa: BLE001  as Twisted does it for what it drives
            self._pump_broke(Failure())
        else:
            Deferred.fromCoroutine(_finish(pump, waited)).addErrback(self._pump_broke)

    async def _pump(self) -> None:
        """Event, answer, room; until nothing whole is left or the engine wants something of the transport."""
        try:
            while not self._closing and (event := self._engine.next_event()) is not NEED_DATA:
                await self._answer(event)
                if self._engine.after is not After.GO_ON:
                    break
                if self._must_breathe():
                    await self._breathe()
        except ConnectionError:
            if self._lost is None:
                raise
        finally:
            self._pumping = False
        self._rest()

    async def _answer(self, event: Any) -> None:
        handling = self._session.handle(event)
        try:
            try:
                waited = handling.send(None)
            except StopIteration as done:
                response = done.value
            else:
                response = await _Rest(handling, waited, self.flush)  # the replies so far go while it waits
        except CancelledError:
            raise
        except ConnectionAbortedError as failure:  # what was begun cannot be finished, and must not look whole
            self.abort(str(failure))
        except Exception as failure:
            if self._lost is not None:
                raise ConnectionError(self._lost) from failure
            self._engine.internal_error(self._report(Failure()))
        else:
            if response is not None:
                self._engine.send(response)

    def _report(self, failure: Failure) -> str:
        """Log what nobody foresaw, with the traceback; the id stands in the answer too."""
        error_id = os.urandom(4).hex()
        where = f"{self.cid} {self._setting.listener}"
        log(Event.INTERNAL_ERROR, error_id=error_id, where=where, failure=failure.getTraceback())
        return error_id

    def _pump_broke(self, failure: Failure) -> None:
        """The engine itself failed: this connection ends, no other is touched."""
        self._report(failure)
        self._pumping = False
        self.abort("internal error")
        if self._lost is not None:
            self._end()

    def _rest(self) -> None:
        """The pump has stopped: let the answers go, and do what waited for it."""
        self._heard = self._setting.clock.seconds()
        if self._lost is not None:
            self._end()
            return
        self.flush()
        if not self._obey():
            return
        if self._stopping:
            self.shut_down()
        elif self._eof:
            self.close()
        elif self._input_paused:
            self._input_paused = False
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def _obey(self) -> bool:
        """Do what the engine wants of the transport; whether the conversation goes on."""
        after = self._engine.after
        if after is After.CLOSE:
            self.close()
        elif after is After.START_TLS:
            if self._engine.buffered:
                log(Event.INJECTION, cid=self.cid, listener=self._setting.listener, ip=self.peer.ip)
                self.abort("octets behind STARTTLS")
                return False
            self._start_tls()
        return after is After.GO_ON

    def _start_tls(self) -> None:
        self._handshaking = True
        self._heard = self._setting.clock.seconds()
        if not self._setting.implicit_tls:
            self._engine.tls_started()
        self.transport.startTLS(self._setting.tls)  # type: ignore[union-attr]

    def _end(self) -> None:
        assert self._lost is not None
        if self._ended:
            return
        self._ended = True
        log(Event.DISCONNECTED, cid=self.cid, listener=self._setting.listener, ip=self.peer.ip, reason=self._lost)
        self._session.lost(self._lost)
        self._gone(self)

    # --- time ---------------------------------------------------------------------------------------------------

    def _arm(self, seconds: float | None = None) -> None:
        """One delayed call a connection; it looks at `_heard` when it fires, so that input costs no re-arming."""
        self._timer = self._setting.clock.callLater(self._limit if seconds is None else seconds, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    @property
    def _limit(self) -> float:
        return self._setting.handshake_seconds if self._handshaking else self._engine.idle_limit

    def _tick(self) -> None:
        self._timer = None
        now = self._setting.clock.seconds()
        since = self._gate.shut_since if self._gate.shut_since is not None else now if self._pumping else self._heard
        left = since + self._limit - now
        if left > 0 and not self._too_slow(now):
            self._arm(left)
        elif self._handshaking or self._gate.shut_since is not None:
            self.abort("no TLS handshake in time" if self._handshaking else "peer does not read")
        else:
            self._engine.timed_out()
            self.flush()
            if self._obey():
                self._arm()

    def _too_slow(self, now: float) -> bool:
        """Whether the peer goes on sending one message without coming to its end."""
        number, allowed = self._paced.body_pace if self._paced is not None else (0, 0.0)
        if number != self._body:
            self._body, self._body_since = number, now
        return number > 0 and not self._pumping and now - self._body_since > allowed

    def _linger_over(self) -> None:
        self._timer = None
        self.abort("peer did not take the last words")
