"""mutt in a terminal: read a message, reply to it."""

import shutil
import subprocess

import pytest

from tests.clients.daemon import PASSWORDS
from tests.clients.mail import send, subjects, text, wait_until
from tests.clients.test_programs import private_file

BOB = "bob@demo.test"


class Terminal:
    """A screen of 100 by 30 in tmux, on a socket of its own."""

    def __init__(self, folder, command):
        self._socket = str(folder / "tmux.sock")
        self._tmux("new-session", "-d", "-x", "100", "-y", "30", "-s", "mail", command)

    def _tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout

    def screen(self):
        return self._tmux("capture-pane", "-p", "-t", "mail")

    def type(self, *keys):
        self._tmux("send-keys", "-t", "mail", *keys)

    def see(self, words):
        wait_until(lambda: words in self.screen(), f"{words!r} on the screen:\n{self.screen()}")

    def end(self):
        self._tmux("kill-server")


@pytest.fixture
def terminal(daemon, program):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    editor = private_file(daemon, "editor.sh", '#!/bin/sh\nprintf "\\nAnswered in mutt.\\n" >> "$1"\n')
    editor.chmod(0o700)
    settings = private_file(
        daemon,
        "muttrc",
        f'set folder = "imaps://localhost:{daemon.ports["imaps"]}/"\nset spoolfile = "+INBOX"\n'
        f'set imap_user = "{BOB}"\nset imap_pass = "{PASSWORDS[BOB]}"\n'
        f'set smtp_url = "smtp://{BOB}@localhost:{daemon.ports["submission"]}/"\nset smtp_pass = "{PASSWORDS[BOB]}"\n'
        f'set ssl_ca_certificates_file = "{daemon.ca}"\nset certificate_file = "{daemon.ca}"\nset ssl_force_tls = yes\n'
        f'set from = "{BOB}"\nset realname = "Bob"\nset use_from = yes\nset editor = "{editor}"\nset record = "+Sent"\n'
        f'set header_cache = ""\nset tmpdir = "{daemon.folder}"\nset wait_key = no\nset quit = yes\n'
        'set postponed = "+Drafts"\n'
        "set fast_reply = yes\nset include = yes\nset edit_headers = no\nset confirmappend = no\n",
    )
    screen = Terminal(daemon.folder, f"env HOME={daemon.folder} TERM=screen {program} -n -F {settings}")
    yield screen
    screen.end()


@pytest.mark.needs("mutt")
def test_read_and_reply(daemon, terminal):
    send(daemon, [BOB], text("for mutt", "Read me in mutt.\r\n"))
    terminal.see("for mutt")
    terminal.type("Enter")
    terminal.see("Read me in mutt.")
    terminal.type("r")
    terminal.see("-- Attachments")
    terminal.type("y")
    wait_until(lambda: "Re: for mutt" in subjects(daemon, "alice@demo.test"), "the reply in alice's INBOX")
    wait_until(lambda: "Re: for mutt" in subjects(daemon, folder="Sent"), "the copy in bob's Sent")
    terminal.type("q")
