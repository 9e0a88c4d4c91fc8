"""The in-memory world of the transcripts, with the history of what happens in it."""

import json
from pathlib import Path

from click.testing import CliRunner

from mailstack.base.events import add_sink, remove_sink
from mailstack.cli.main import cli
from mailstack.history.search import Asked, Search
from mailstack.history.story import stories
from tests.sessions.world import World


class HistoryWorld(World):
    def __init__(self, folder, protocol="smtp", **more):
        super().__init__(folder, protocol, **more)
        self.file = folder / "mailstack.toml"
        self.file.write_text(
            f'hostname = "mail.demo.test"\nstate = "{folder / "state"}"\n'
            '[tls]\ncertificate = "/unused"\nkey = "/unused"\n'
        )
        add_sink(self.parts.recorder)

    def close(self):
        remove_sink(self.parts.recorder)
        self.parts.recorder.close()
        super().close()

    def talk(self, *lines):
        """Say lines on a connection of its own; what was answered."""
        talk = self.connect()
        answers = [talk.line()]
        for line in lines:
            talk.send(line.encode() + b"\r\n")
            heard = talk.heard + talk.more()
            talk.heard = b""
            answers += heard.decode().splitlines()
        talk.close()
        return answers

    def send(self, sender, *recipients, body="Message-ID: <one@far.test>\r\n\r\nhello"):
        return self.talk(
            "EHLO far.test",
            f"MAIL FROM:<{sender}>",
            *(f"RCPT TO:<{each}>" for each in recipients),
            "DATA",
            f"{body}\r\n.",
            "QUIT",
        )

    @property
    def folder_of_history(self):
        return Path(self.config.history_folder)

    def stories(self, what, since=0.0, most=20):
        self.parts.recorder.flush(lambda: None)
        return stories(Search(self.config.history_folder, Asked(what, since), most).run())

    def why(self, *arguments, status=0):
        """What the command prints, as somebody sees it whose terminal is 100 columns wide."""
        self.parts.recorder.flush(lambda: None)
        result = CliRunner().invoke(
            cli, ["--config", str(self.file), "why", *arguments], prog_name="mailstack", env={"COLUMNS": "100"}
        )
        assert result.exit_code == status, result.output
        return result.output

    def why_json(self, what):
        return json.loads(self.why(what, "--json"))["stories"]


def labels(story):
    return [step.label for step in story.steps]
