"""The listening side of the control socket."""

import os
import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.base.events import Event, log
from mailstack.base.ids import message_id
from mailstack.control.commands import Commands, run
from mailstack.control.wire import QUESTION_LIMIT, Answer, Question

__all__ = ["ControlServer"]

_ASK_WITHIN = 30.0  # seconds from connecting to the whole question
_CREDENTIALS = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class ControlServer(Service):
    """Listens from `startService` on, when the process is the server's user already.

    `users` are the user ids that may ask: root and this process's own unless given.
    """

    name = "control"

    def __init__(self, path: str, commands: Commands, reactor: Any, users: Collection[int] | None = None) -> None:
        self._path, self.reactor, self._users = path, reactor, users
        self.commands = commands
        self._port: IListeningPort | None = None
        self.running_commands: set[Deferred[None]] = set()

    def startService(self) -> None:
        """MailError(IN_USE) when another server listens there."""
        Service.startService(self)
        _clear_the_way(self._path)
        before = os.umask(0o177)  # never open to others, not even before a chmod
        try:
            self._port = self.reactor.listenUNIX(self._path, _Door(self), mode=0o600)
        finally:
            os.umask(before)

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
            self._port = None
        for command in list(self.running_commands):
            await command

    def may_ask(self, uid: int) -> bool:
        return uid in ({0, os.geteuid()} if self._users is None else self._users)

    async def answer(self, line: bytes) -> Answer:
        """Never raises: a fault is an answer."""
        try:
            question = Question.decode(line)
            log(Event.CONTROL, command=question.command)
            return Answer(await run(self.commands, question.command, question.arguments))
        except ParseFault as fault:
            return Answer(error=str(fault), condition=Condition.NOT_SUPPORTED.name)
        except MailError as failure:
            return Answer.failed(failure)
        except Exception:  # noqa: BLE001  a pump of its own: whoever asks gets an answer, the log gets the rest
            error_id = message_id()
            log(Event.INTERNAL_ERROR, error_id=error_id, where="control", failure=Failure().getTraceback())
            return Answer(error=f"internal error {error_id}; the server's log has more", condition="INTERNAL")


class _Door(Factory):
    noisy = False

    def __init__(self, server: ControlServer) -> None:
        self._server = server

    def buildProtocol(self, _addr: IAddress | None) -> "_Asking":
        return _Asking(self._server)


class _Asking(Protocol):
    """One question, one answer."""

    def __init__(self, server: ControlServer) -> None:
        self._server = server
        self._received = bytearray()
        self._asked = False
        self._refusal: Answer | None = None  # said after the question: closing with it unread would cut the answer off

    def connectionMade(self) -> None:
        uid = _peer_uid(self.transport.getHandle())  # type: ignore[union-attr]
        if not self._server.may_ask(uid):
            log(
                Event.CONNECTION_REFUSED,
                listener="control",
                ip=f"user {uid}",
                reason="neither root nor the server's user",
            )
            self._refusal = Answer(error="this user may not", condition=Condition.NOT_ALLOWED.name)
        self._timer = self._server.reactor.callLater(_ASK_WITHIN, self._too_late)

    def dataReceived(self, data: bytes) -> None:
        if self._asked:
            return
        self._received += data
        line, end, _ = self._received.partition(b"\n")
        if end:
            self._asked = True
            asking = Deferred.fromCoroutine(self._answer(bytes(line)))
            self._server.running_commands.add(asking)
            asking.addBoth(lambda _: self._server.running_commands.discard(asking))
        elif len(self._received) >= QUESTION_LIMIT:
            self.transport.loseConnection()  # type: ignore[union-attr]

    async def _answer(self, line: bytes) -> None:
        """The work goes on when the asking side has gone; only nobody hears of it."""
        self._say(self._refusal or await self._server.answer(line))

    def _say(self, answer: Answer) -> None:
        self._asked = True
        if self.connected:
            self.transport.write(answer.encode())  # type: ignore[union-attr]
            self.transport.loseConnection()  # type: ignore[union-attr]

    def _too_late(self) -> None:
        if not self._asked:
            self._say(Answer(error="no whole question in time", condition=Condition.LIMIT.name))

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        if self._timer.active():
            self._timer.cancel()


def _peer_uid(handle: Any) -> int:
    """SO_PEERCRED, unix(7): who connected, as the kernel knows it."""
    _, uid, _ = _CREDENTIALS.unpack(handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


def _clear_the_way(path: str) -> None:
    """A socket file that nobody listens on is what a crash has left."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
            return
        except OSError as failure:
            raise MailError(Condition.UNAVAILABLE, f"the control socket {path} cannot be used: {failure}") from failure
    raise MailError(Condition.IN_USE, f"another mailstack is running: it listens on {path}")
