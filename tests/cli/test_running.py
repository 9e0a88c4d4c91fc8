"""The command line as a process of its own, beside a process that listens as the daemon does."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.store import AccountStore
from tests.cli.world import World

SERVER = """
import sys
from twisted.internet import reactor
from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.login import PasswordLogin
from mailstack.accounts.store import AccountStore
from mailstack.control.commands import account_commands
from mailstack.control.server import ControlServer

state = sys.argv[1]
people = AccountStore(f"{state}/accounts.sqlite")
login = PasswordLogin(people, AccountDirectory(people), reactor)
login.start()
commands = account_commands(people, login.make_credential, lambda: None)
server = ControlServer(f"{state}/control.sock", commands, reactor)
server.startService()
reactor.callWhenRunning(lambda: print("ready", flush=True))
reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
reactor.addSystemEventTrigger("after", "shutdown", login.stop)
reactor.run()
"""


@pytest.fixture
def running(world: World) -> Iterator[World]:
    world.state.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER), str(world.state)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield world
        process.terminate()
        assert process.wait(30) == 0


def mailstack(world: World, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    code = "from mailstack.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        env={"MAILSTACK_CONFIG": str(world.config), "COLUMNS": "40", "LC_ALL": "C.UTF-8"},
    )


@pytest.mark.daemon
def test_beside_a_server(running: World) -> None:
    people = AccountStore(running.state / "accounts.sqlite")  # a third party, which must see each change at once
    directory = AccountDirectory(people)
    assert mailstack(running, "domain", "add", "demo.test").returncode == 0
    assert directory.is_own_domain("demo.test")
    made = mailstack(
        running, "account", "add", "alice@demo.test", "--password-stdin", typed="a-wonderland-of-9-hares\n"
    )
    assert made.returncode == 0, made.stderr
    assert directory.accounts() == ("alice@demo.test",)
    listed = mailstack(running, "account", "list")
    assert "alice@demo.test " in listed.stdout, "never cut short, however narrow the terminal"
    again = mailstack(running, "account", "add", "alice@demo.test", "--password-stdin", typed="x\n")
    assert (again.returncode, again.stderr) == (
        1,
        "mailstack: alice@demo.test is an address of the account alice@demo.test already\n",
    )
    older = mailstack(running, "queue", "list")
    assert "does not know the command 'queue list'; restart it" in older.stderr
    people.close()
