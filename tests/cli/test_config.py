"""`mailstack config`."""

from pathlib import Path

from mailstack.config.load import load
from mailstack.config.sample import sample
from tests.cli.world import World


def test_good(world: World) -> None:
    assert world.says("config", "check") == f"{world.config} is good.\n"


def test_another_file(world: World) -> None:
    other = world.folder / "other.toml"
    other.write_text("hostname = 1\n")
    result = world.run("config", "check", str(other), status=1)
    assert f"{other}:hostname: 1 is not a full host name" in result.stdout
    assert result.stderr == f"mailstack: 3 faults in {other}; mend them and check again\n"


def test_files_are_looked_at(world: World) -> None:
    password = world.folder / "password"
    password.write_text("\n")
    password.chmod(0o644)
    world.state.write_text("")
    text = world.config.read_text()
    world.config.write_text(
        text + f'[relay.smarthost]\nhost = "smtp.else.test"\nuser = "me"\npassword_file = "{password}"\n'
    )
    (world.folder / "server.key").chmod(0o604)
    result = world.run("config", "check", status=1)
    key = world.folder / "server.key"
    secret = f"{world.config}:relay.smarthost.password_file: {password}"
    assert result.stdout.splitlines() == [
        f"{world.config}:tls.key: {key} is open to everybody (mode 0604); allowed: chmod 600 {key}",
        f"{world.config}:state: {world.state} is a file; allowed: the path of a folder",
        f"{secret} is open to everybody (mode 0644); allowed: chmod 600 {password}",
        f"{secret} has an empty first line; allowed: the password",
    ]
    password.unlink()
    assert "cannot be read (No such file or directory)" in world.run("config", "check", status=1).stdout


def test_warnings_are_no_faults(world: World) -> None:
    world.config.write_text(world.config.read_text().replace("mail.demo.test", "mx.demo.test", 1))
    said = world.says("config", "check").splitlines()
    assert said[0].endswith("(warning)")
    assert "not for mx.demo.test" in said[0]
    assert said[1] == f"{world.config} is good."


def test_sample(world: World) -> None:
    assert world.says("config", "sample") == sample()


def test_show(world: World) -> None:
    shown = world.says("config", "show")
    assert load(shown) == load(Path(world.config).read_text())
    assert "imap_nesting = 100" in shown
