"""The control socket: a real one, with a reactor of its own in a thread-free world.

The reactor is Twisted's select reactor, run by hand: the blocking client sits in a thread.
"""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor

from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, add_sink, remove_sink
from mailstack.base.secret import Secret
from mailstack.control import server as server_module
from mailstack.control.client import NobodyThere, ask
from mailstack.control.server import ControlServer
from mailstack.control.wire import QUESTION_LIMIT


class World:
    """A server; `talk` runs something blocking in a thread while the reactor turns."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.reactor: Any = SelectReactor()
        self.logged: list[tuple[Event, dict[str, Any]]] = []
        self.later: Deferred[str] = Deferred()
        self.server = ControlServer(path, {"echo": self.echo, "fail": self.fail, "crash": self.crash}, self.reactor)

    async def echo(self, **arguments: Any) -> Any:
        if isinstance(arguments.get("password"), Secret):
            arguments["password"] = "a secret"
        return arguments

    async def fail(self) -> None:
        raise MailError(Condition.NO_SUCH_USER, "there is nobody", detail="only for the log")

    async def crash(self) -> None:
        raise ZeroDivisionError("inside")

    def talk(self, work: Any) -> Any:
        got: list[Any] = []

        def inside() -> None:
            try:
                got.append(work())
            except Exception as failure:
                got.append(failure)

        thread = threading.Thread(target=inside)
        thread.start()
        while thread.is_alive():
            self.reactor.iterate(0.01)
        if isinstance(got[0], Exception):
            raise got[0]
        return got[0]

    def ask(self, command: str, **arguments: Any) -> Any:
        return self.talk(lambda: ask(self.path, command, timeout=10, **arguments))

    def raw(self, data: bytes) -> bytes:
        def work() -> bytes:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(self.path)
                with suppress(BrokenPipeError):
                    connection.sendall(data)
                with suppress(ConnectionResetError):
                    return connection.recv(65536)
                return b""

        return self.talk(work)

    def stop(self) -> None:
        stopped = self.server.stopService()
        while not stopped.called:
            self.reactor.iterate(0.01)
        self.reactor.disconnectAll()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(str(tmp_path / "control.sock"))

    def sink(event: Event, fields: Any) -> None:
        made.logged.append((event, dict(fields)))

    add_sink(sink)
    made.server.startService()
    yield made
    made.stop()
    remove_sink(sink)
    made.reactor.removeAll()


def test_question_and_answer(world: World) -> None:
    assert world.ask("echo", name="ä", numbers=[1, None, True]) == {"name": "ä", "numbers": [1, None, True]}
    assert world.ask("echo", password=Secret("sesame")) == {"password": "a secret"}
    assert world.logged == [(Event.CONTROL, {"command": "echo"})] * 2


def test_only_for_its_user(world: World) -> None:
    assert stat.S_IMODE(Path(world.path).stat().st_mode) == 0o600


def test_failures(world: World) -> None:
    with pytest.raises(MailError, match="^NO_SUCH_USER: there is nobody$"):
        world.ask("fail")
    with pytest.raises(MailError, match="^NOT_SUPPORTED: .*'fly'"):
        world.ask("fly")
    with pytest.raises(MailError, match="^INTERNAL: internal error .*; the server's log has more"):
        world.ask("crash")
    assert "ZeroDivisionError: inside" in world.logged[-1][1]["failure"]


def test_too_much(world: World) -> None:
    assert world.raw(b"x" * (QUESTION_LIMIT * 4)) == b""
    assert world.ask("echo") == {}


@pytest.mark.parametrize("data", [b"\n", b"GET / HTTP/1.0\n", b"\0" * 100 + b"\n"])
def test_garbage(world: World, data: bytes) -> None:
    assert b'"error"' in world.raw(data)
    assert world.ask("echo") == {}


def test_other_users(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_peer_uid", lambda _: 4242)
    with pytest.raises(MailError, match="^NOT_ALLOWED"):
        world.ask("echo")
    assert world.logged[0][0] is Event.CONNECTION_REFUSED


def test_the_kernel_tells_the_user(world: World) -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert server_module._peer_uid(here) == os.geteuid()


def test_one_server_a_socket(world: World) -> None:
    other = ControlServer(world.path, {}, world.reactor)
    with pytest.raises(MailError, match="^IN_USE: another mailstack is running"):
        other.startService()
    assert world.ask("echo") == {}


def test_what_a_crash_left(world: World, tmp_path: Path) -> None:
    path = str(tmp_path / "left.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with pytest.raises(NobodyThere):
        ask(path, "echo")
    again = ControlServer(path, {}, world.reactor)
    again.startService()
    stopped = again.stopService()
    while not stopped.called:
        world.reactor.iterate(0.01)
    assert not Path(path).exists()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NobodyThere):
        ask(str(tmp_path / "missing.sock"), "echo")


def test_a_server_that_closes(tmp_path: Path) -> None:
    path = str(tmp_path / "rude.sock")
    with socket.socket(socket.AF_UNIX) as rude:
        rude.bind(path)
        rude.listen()

        def close() -> None:
            connection, _ = rude.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=close)
        thread.start()
        with pytest.raises(MailError, match="closed the connection without an answer"):
            ask(path, "echo", timeout=10)
        thread.join()
