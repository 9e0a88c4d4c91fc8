"""The entry point, ways to go wrong, and what only a running server does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailstack import __version__
from mailstack.base.errors import Condition, MailError
from mailstack.cli import main as main_module
from mailstack.cli import reach
from tests.cli.world import World


def test_help_is_quick() -> None:
    """It loads none of the commands, nor anything heavy."""
    code = (
        "import sys; from mailstack.cli.main import cli; cli.main(['--help'], standalone_mode=False);"
        "heavy = {'twisted', 'rich', 'cryptography', 'mailstack.config', 'sqlite3'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for name, (_, text) in main_module.COMMANDS.items():
        assert f"  {name}" in done.stdout
        assert text in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", sorted(set(main_module.COMMANDS) - {"demo"}))
def test_each_command_has_help(world: World, name: str) -> None:
    assert main_module.COMMANDS[name][1] in " ".join(world.says(name, "--help").split())


def test_version(world: World) -> None:
    assert world.says("--version") == f"mailstack, version {__version__}\n"


def test_an_unknown_command(world: World) -> None:
    assert "No such command 'acount'; did you mean 'account'?" in world.run("acount", status=2).stderr
    assert "No such command 'xyzzy'; there are account, alias," in world.run("xyzzy", status=2).stderr


def test_no_configuration(world: World) -> None:
    world.config.unlink()
    said = world.refuses("account", "list")
    assert said.startswith(f"{world.config} is not there; name the configuration with --config, or make one:")


def test_a_bad_configuration(world: World) -> None:
    world.config.write_text('hostname = "x"\nverbose = true\n')
    said = world.refuses("account", "list").splitlines()
    assert said[0] == "the configuration cannot be used"
    assert said[1].startswith(f"{world.config}:hostname: ")
    assert len(said) == 5
    world.config.write_bytes(b"\xff")
    assert "octet 0 is not UTF-8" in world.refuses("config", "check")


def test_no_place_for_the_state(world: World) -> None:
    world.config.write_text(world.config.read_text().replace(str(world.state), "/dev/null/state"))
    assert "the state folder /dev/null/state cannot be made" in world.refuses("domain", "add", "demo.test")


def test_only_for_a_running_server(world: World) -> None:
    for command in ("status", "reload"):
        assert "no server runs with" in world.refuses(command)


def test_status(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "version": "1.0",
        "queue": 3,
        "listeners": [{"name": "smtp", "addresses": ["0.0.0.0:25", "[::]:25"], "sessions": 2}],
    }
    monkeypatch.setattr(reach, "ask_server", lambda path, command, **_: dict(told) if command == "status" else None)
    said = world.says("status")
    assert "queue        3" in said
    assert "0.0.0.0:25 [::]:25" in said
    assert world.json("status") == told


def test_reload(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[dict[str, Any]] = [
        {"changes": ["log.level: info → debug"], "faults": []},
        {"changes": [], "faults": []},
        {"changes": [], "faults": ["f:hostname: is missing"]},
    ]
    monkeypatch.setattr(reach, "ask_server", lambda *_, **__: answers.pop(0))
    assert world.says("reload") == "log.level: info → debug\nReloaded.\n"
    assert world.says("reload") == "Reloaded; nothing has changed.\n"
    said = world.run("reload", status=1).stderr
    assert said == "f:hostname: is missing\nmailstack: not reloaded, the old configuration stays in force\n"


def test_the_running_server_is_asked_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(path: str, command: str, **arguments: Any) -> Any:
        asked.append((Path(path), command, arguments))
        raise MailError(Condition.IN_USE, "busy just now")

    monkeypatch.setattr(reach, "ask_server", ask)
    assert world.refuses("domain", "add", "demo.test") == "busy just now"
    assert asked == [(world.state / "control.sock", "domain add", {"name": "demo.test"})]
    assert not world.state.exists()


def test_a_pipe_that_closes(world: World) -> None:
    """`mailstack config sample | head -1`: no traceback."""
    code = "from mailstack.cli.main import main; main('config', 'sample')"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_a_running_server_is_reached_by_a_faulty_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is in the middle of an edit; the server still runs with what the file held before."""
    world.config.write_text(world.config.read_text() + "[limits]\nhops = true\nhop = 1\n")
    monkeypatch.setattr(reach, "ask_server", lambda path, *_, **__: [{"name": path, "targets": ["x"]}])
    assert str(world.state / "control.sock") in world.says("alias", "list")
    monkeypatch.undo()
    assert "limits.hops: True does not fit" in world.refuses("alias", "list")
    world.config.write_text("state = 1\nhops = 1\n")
    assert world.refuses("status").splitlines()[1:] == [
        f"{world.config}:state: 1 is not an absolute path; allowed: text that starts with /"
    ]
    world.config.write_text("state\n")
    assert ":1:6: not TOML" in world.refuses("status")
