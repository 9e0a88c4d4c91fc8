"""A configuration on `tmp_path`, and the command line run in this process against it."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from mailstack.cli.main import cli
from mailstack.tls.authority import make_certificate


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        made = make_certificate(folder, ["mail.demo.test"])
        self.state = folder / "state"
        self.config = folder / "mailstack.toml"
        self.config.write_text(
            f'hostname = "mail.demo.test"\nstate = "{self.state}"\n'
            f'[store]\ndurability = "fsync"\n'
            f'[tls]\ncertificate = "{made.certificate}"\nkey = "{made.key}"\n'
        )

    def run(self, *arguments: str, typed: str | None = None, status: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["--config", str(self.config), *arguments], input=typed, prog_name="mailstack")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result

    def says(self, *arguments: str, typed: str | None = None) -> str:
        return self.run(*arguments, typed=typed).output

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").output)

    def refuses(self, *arguments: str, typed: str | None = None) -> str:
        """The one line on the error output."""
        said = self.run(*arguments, typed=typed, status=1).stderr.strip()
        assert said.startswith("mailstack: "), said
        assert "Traceback" not in said
        return said.removeprefix("mailstack: ")
