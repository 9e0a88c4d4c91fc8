"""A socket in the file system: who may connect, what is removed and what is not."""

import os
import socket
import stat
from pathlib import Path

import pytest

from mailstack.net.connection import Setting
from mailstack.net.listen import Limits, Listener, PortTaken, Total
from mailstack.net.unixsocket import UnixBind, listening_unix_socket
from tests.fakes.spin import spinning
from tests.net.test_connection import ToyEngine, ToySession


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_its_mode_is_what_was_asked_for(tmp_path, mode):
    path = tmp_path / "s"
    with listening_unix_socket(UnixBind(str(path), mode)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_its_group_too(tmp_path):
    if os.getuid():
        pytest.skip("chown takes root")
    path = tmp_path / "s"
    with listening_unix_socket(UnixBind(str(path), 0o660, "daemon")):
        assert path.stat().st_gid == 1
    with pytest.raises(OSError, match="no group 'nobody-there'"):
        listening_unix_socket(UnixBind(str(path), 0o660, "nobody-there"))


def test_what_nobody_listens_on_is_replaced(tmp_path):
    path = str(tmp_path / "s")
    listening_unix_socket(UnixBind(path, 0o600)).close()
    with listening_unix_socket(UnixBind(path, 0o600)):
        pass


def test_what_somebody_listens_on_stays(tmp_path):
    path = str(tmp_path / "s")
    with listening_unix_socket(UnixBind(path, 0o600)), pytest.raises(OSError, match="in use"):
        listening_unix_socket(UnixBind(path, 0o600))


def test_a_file_stays(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(OSError, match="no socket"):
        listening_unix_socket(UnixBind(str(path), 0o600))
    assert path.read_text() == "precious"


def test_a_listener_on_a_path(tmp_path):
    path = str(tmp_path / "s")
    with spinning() as spin:
        listener = Listener(
            spin.reactor, "lmtp", [UnixBind(path, 0o600)], passed_sockets={}, total=Total(9), stop_limit_seconds=1
        )
        listener.bind()
        listener.open(Setting("lmtp", spin.reactor, lambda wire: (ToyEngine(), ToySession(wire))), Limits(0, 0, b"no"))
        assert listener.places == [path]
        assert listener.addresses == []
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.setblocking(False)
            spin.until(lambda: listener.connections)
            (connection,) = listener.connections
            assert connection.peer.loopback
            heard = []

            def listen():
                try:
                    heard.append(client.recv(100))
                except BlockingIOError:
                    return False
                return True

            spin.until(listen)
            assert heard == [b"hello\n"]
        spin.until(lambda: not listener.connections)
        spin.run(listener.stopService())
    assert not Path(path).exists()


def test_a_path_that_cannot_be_had_says_what_to_do(tmp_path):
    with spinning() as spin:
        bind = UnixBind(str(tmp_path / "missing" / "s"), 0o600)
        listener = Listener(spin.reactor, "lmtp", [bind], passed_sockets={}, total=Total(9), stop_limit_seconds=1)
        with pytest.raises(PortTaken, match="path, path_mode and path_group"):
            listener.bind()
