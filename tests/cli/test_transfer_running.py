"""`mailstack import`, `export` and `undelete` beside a running server, which alone touches its index."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_transfer import WHO, mbox
from tests.cli.world import World

SERVER = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from mailstack.accounts.store import AccountStore
from mailstack.control.commands import account_commands, store_commands
from mailstack.control.server import ControlServer
from mailstack.control.transfer import transfer_commands
from mailstack.control.undelete import undelete_commands
from mailstack.store.service import Store

state = sys.argv[1]
people = AccountStore(f"{state}/accounts.sqlite")
store = Store(state, reactor=reactor, keep_expunged=86400)
store.start()
commands = {
    **account_commands(people, None, lambda: store),
    **store_commands(lambda: store),
    **transfer_commands(lambda: store, store.mail_folder),
    **undelete_commands(lambda: store),
}
server = ControlServer(f"{state}/control.sock", commands, reactor)
server.startService()
reactor.callWhenRunning(lambda: print("ready", flush=True))
reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(store.stop()))
reactor.run()
"""


@pytest.fixture
def running(world: World) -> Iterator[World]:
    world.says("domain", "add", "demo.test")
    world.says("account", "add", WHO, "--password-stdin", typed="a-wonderland-of-9-hares\n")
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER), str(world.state)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield world
        process.terminate()
        assert process.wait(30) == 0


def test_in_and_out(running: World, tmp_path: Path) -> None:
    source = mbox(tmp_path / "old.mbox", 250)
    assert running.json("import", WHO, str(source)) == {"old": {"came": 250, "before": 0, "bad": 0}}
    assert running.json("import", WHO, str(source)) == {"old": {"came": 0, "before": 250, "bad": 0}}
    assert "250 messages" in running.says("export", WHO, str(tmp_path / "out"), "--folder", "old")
    written = (tmp_path / "out" / "old.mbox").read_bytes()
    assert written.count(b"\nSubject: number ") == 250
    assert "250 messages looked at" in running.says("store", "check")
    assert "nothing to bring back" in running.says("undelete", WHO)
