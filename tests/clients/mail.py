"""Small tools for the client tests, on the standard library's own clients."""

import imaplib
import smtplib
import ssl
import time
from contextlib import contextmanager

from tests.clients.daemon import PASSWORDS, PATIENCE


def tls(daemon):
    return ssl.create_default_context(cafile=daemon.ca)


def text(subject, body="Hello.\r\n", sender="alice@demo.test", recipient="bob@demo.test"):
    message_id = f"<{subject.replace(' ', '.')}@demo.test>"
    head = f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n"
    return f"{head}Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n\r\n{body}".encode()


def send(daemon, recipients, octets, sender="alice@demo.test"):
    with smtplib.SMTP_SSL("localhost", daemon.ports["submissions"], context=tls(daemon), timeout=PATIENCE) as smtp:
        smtp.login(sender, PASSWORDS[sender])
        smtp.sendmail(sender, recipients, octets)


@contextmanager
def imap(daemon, account="bob@demo.test", folder="INBOX"):
    with imaplib.IMAP4_SSL("localhost", daemon.ports["imaps"], ssl_context=tls(daemon), timeout=PATIENCE) as client:
        client.login(account, PASSWORDS[account])
        if folder:
            status, _ = client.select(folder)
            assert status == "OK"
        yield client


def subjects(daemon, account="bob@demo.test", folder="INBOX"):
    """The subjects in a folder, in order."""
    with imap(daemon, account, folder) as client:
        _, found = client.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    return [part[1].decode().partition(":")[2].strip() for part in found if isinstance(part, tuple)]


def wait_until(true, what):
    """For what another process does: look until it has happened, within PATIENCE."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)
