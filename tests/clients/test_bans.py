"""Bans of the real daemon: after a few guesses, in every protocol, over a restart, until they are lifted."""

import imaplib
import json
import smtplib
import socket
import ssl

import pytest

from tests.clients.daemon import PASSWORDS, PATIENCE, Daemon

ALICE = "alice@demo.test"


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path, more="[abuse]\nnever = []\nwrong_passwords = 3\n")
    yield running
    running.stop()


def imap(daemon):
    context = ssl.create_default_context(cafile=daemon.ca)
    return imaplib.IMAP4_SSL("localhost", daemon.ports["imaps"], ssl_context=context, timeout=PATIENCE)


def first_words(daemon, listener):
    with socket.create_connection(("127.0.0.1", daemon.ports[listener]), timeout=PATIENCE) as connection:
        return connection.makefile("rb").readline()


def refused(daemon):
    """In the clear each protocol says so; nobody comes as far as a login."""
    assert first_words(daemon, "pop3").startswith(b"-ERR [SYS/TEMP]")
    assert first_words(daemon, "submission").startswith(b"421 4.7.0")
    assert first_words(daemon, "imap").startswith(b"* BYE [UNAVAILABLE]")
    assert first_words(daemon, "imaps") == b""


def test_banned_restarted_lifted(daemon):
    client = imap(daemon)
    for number in range(3):
        with pytest.raises(imaplib.IMAP4.error):
            client.login(ALICE, f"guess {number}")
    client.shutdown()
    daemon.wait_for("banned")
    refused(daemon)
    with smtplib.SMTP("127.0.0.1", daemon.ports["smtp"], timeout=PATIENCE) as server:  # mail still comes in
        assert server.noop()[0] == 250
    daemon.stop()
    daemon.start()
    refused(daemon)
    [ban] = json.loads(daemon.run("ban", "list", "--json"))
    assert ban["reason"] == "3 wrong passwords within an hour"
    daemon.run("ban", "lift", ban["network"])
    client = imap(daemon)
    assert client.login(ALICE, PASSWORDS[ALICE])[0] == "OK"
    for number in range(5):  # who has just logged in is not banned, whatever is guessed beside him
        other = imap(daemon)
        with pytest.raises(imaplib.IMAP4.error):
            other.login("bob@demo.test", f"guess {number}")
        other.shutdown()
    assert daemon.run("ban", "list").strip() == "Nobody is banned."
    client.logout()
