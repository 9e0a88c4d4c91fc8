"""Who changes a password, disables or removes an account ends what is logged in by it, in every protocol."""

import imaplib
import poplib
import smtplib
import ssl

import pytest

from tests.clients.daemon import PASSWORDS, PATIENCE, Daemon

ALICE, BOB = "alice@demo.test", "bob@demo.test"


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path)
    yield running
    running.stop()


def logged_in(daemon, name):
    """One session a protocol; the IMAP one idles."""
    context = ssl.create_default_context(cafile=daemon.ca)
    imap = imaplib.IMAP4_SSL("localhost", daemon.ports["imaps"], ssl_context=context, timeout=PATIENCE)
    imap.login(name, PASSWORDS[name])
    imap.select()
    imap.send(b"I IDLE\r\n")
    assert imap.readline().startswith(b"+")
    pop3 = poplib.POP3_SSL("localhost", daemon.ports["pop3s"], context=context, timeout=PATIENCE)
    pop3.user(name)
    pop3.pass_(PASSWORDS[name])
    smtp = smtplib.SMTP_SSL("localhost", daemon.ports["submissions"], context=context, timeout=PATIENCE)
    smtp.login(name, PASSWORDS[name])
    return imap, pop3, smtp


def ended(imap, pop3, smtp):
    """Each is told goodbye, or finds nobody there."""
    assert imap.readline().startswith(b"* BYE")
    assert imap.readline() == b""
    assert pop3.file.readline()[:4] in {b"", b"-ERR"}
    assert smtp.file is None or smtp.file.readline()[:3] in {b"", b"421"}
    imap.shutdown()
    pop3.close()
    smtp.close()


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        (["account", "passwd", ALICE, "--password-stdin"], "another-1-secret\n"),
        (["account", "disable", ALICE], ""),
        (["account", "remove", ALICE, "--yes"], ""),
    ],
)
def test_logged_out(daemon, command, typed):
    sessions, others = logged_in(daemon, ALICE), logged_in(daemon, BOB)
    daemon.run(*command, stdin=typed)
    ended(*sessions)
    imap, pop3, smtp = others
    imap.send(b"DONE\r\n")
    assert imap.readline().startswith(b"I OK")
    assert pop3.noop().startswith(b"+OK")
    assert smtp.noop()[0] == 250
    again = imaplib.IMAP4_SSL(
        "localhost", daemon.ports["imaps"], ssl_context=ssl.create_default_context(cafile=daemon.ca)
    )
    with pytest.raises(imaplib.IMAP4.error):
        again.login(ALICE, PASSWORDS[ALICE])
    again.shutdown()
    for client in (pop3, smtp):
        client.quit()
    imap.logout()
