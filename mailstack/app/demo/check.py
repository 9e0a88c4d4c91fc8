"""`mailstack demo --check`: the main job, step by step, with clients that are not ours (the standard library's).

It runs in a thread of its own, beside the server's reactor, over real sockets.
A step is a function of the `Checker`; it returns what it saw, or raises.
"""

import imaplib
import poplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import make_msgid

from mailstack.base.secret import Secret

__all__ = ["STEPS", "CheckFailed", "Checker", "Ports"]

PATIENCE = 20.0  # seconds that anything may take before the step has failed


class CheckFailed(Exception):
    """What was expected did not happen; the text says what was seen instead."""


@dataclass(frozen=True, slots=True)
class Ports:
    smtp: int
    submission: int
    submissions: int
    pop3: int
    pop3s: int
    imap: int
    imaps: int


def _message(sender: str, recipient: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    message["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    message.set_content("A line.\n.\n.. two dots\nfrom the demo's own check.\n")
    message.add_attachment(
        bytes(range(256)) * 40, maintype="application", subtype="octet-stream", filename="all-octets"
    )
    return message


class Checker:
    """What the steps share.  `arrived_elsewhere()` gives the messages that the stand-in MX has taken so far."""

    def __init__(
        self, ports: Ports, passwords: dict[str, Secret], ca_file: str, arrived_elsewhere: Callable[[], list[bytes]]
    ) -> None:
        self.ports, self.passwords = ports, passwords
        self.tls = ssl.create_default_context(cafile=ca_file)
        self.arrived_elsewhere = arrived_elsewhere
        self.sent = b""
        self.by_imap = b""

    # --- connections ------------------------------------------------------------------------------------------

    @contextmanager
    def submission(self) -> Iterator[smtplib.SMTP]:
        with smtplib.SMTP("localhost", self.ports.submission, timeout=PATIENCE) as smtp:
            smtp.starttls(context=self.tls)
            smtp.login("alice@demo.test", self.passwords["alice@demo.test"].reveal())
            yield smtp

    @contextmanager
    def inbox(self, account: str) -> Iterator[imaplib.IMAP4_SSL]:
        with imaplib.IMAP4_SSL("localhost", self.ports.imaps, ssl_context=self.tls, timeout=PATIENCE) as imap:
            imap.login(account, self.passwords[account].reveal())
            imap.select("INBOX")
            yield imap

    def send(self, recipient: str, subject: str) -> bytes:
        message = _message("alice@demo.test", recipient, subject)
        octets = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
        with self.submission() as smtp:
            smtp.sendmail("alice@demo.test", [recipient], octets)
        return octets


def log_in_to_submission(check: Checker) -> str:
    with check.submission() as smtp:
        smtp.noop()
    with smtplib.SMTP_SSL("localhost", check.ports.submissions, context=check.tls, timeout=PATIENCE) as smtps:
        smtps.login("alice@demo.test", check.passwords["alice@demo.test"].reveal())
    return f"alice on {check.ports.submission} (STARTTLS) and {check.ports.submissions} (TLS)"


def refuse_strangers(check: Checker) -> str:
    """Port 25 takes mail for its own domain only, and 587 takes nothing without a login."""
    with smtplib.SMTP("localhost", check.ports.smtp, timeout=PATIENCE) as smtp:
        smtp.ehlo()
        smtp.mail("stranger@elsewhere.test")
        code, text = smtp.rcpt("victim@elsewhere.test")
        if code != 550:
            raise CheckFailed(f"port {check.ports.smtp} took mail for another domain: {code} {text.decode()}")
    with smtplib.SMTP("localhost", check.ports.submission, timeout=PATIENCE) as smtp:
        smtp.ehlo()
        code, text = smtp.mail("alice@demo.test")
        if code != 530:
            raise CheckFailed(f"port {check.ports.submission} took mail without a login: {code} {text.decode()}")
    return "not a relay for strangers"


def deliver_and_push(check: Checker) -> str:
    """alice → bob with an attachment; bob's phone, in IDLE, hears of it."""
    message = _message("alice@demo.test", "bob@demo.test", "Pushed")
    check.sent = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
    with check.inbox("bob@demo.test") as imap, check.submission() as smtp:
        imap.send(b"i1 IDLE\r\n")
        if not imap.readline().startswith(b"+"):
            raise CheckFailed("IDLE was not taken")
        with ThreadPoolExecutor(1) as other:
            news = other.submit(lambda: (imap.readline(), time.monotonic()))
            smtp.sendmail("alice@demo.test", ["bob@demo.test"], check.sent)
            accepted = time.monotonic()
            line, heard = news.result(PATIENCE)
        if b"EXISTS" not in line:
            raise CheckFailed(f"instead of EXISTS: {line.decode('utf-8', 'replace').strip()}")
        imap.send(b"DONE\r\n")
        while not imap.readline().startswith(b"i1 "):
            pass
    return f"{len(check.sent)} octets; EXISTS {abs(heard - accepted) * 1000:.1f} ms from the 250"


def fetch_by_imap(check: Checker) -> str:
    with check.inbox("bob@demo.test") as imap:
        _, found = imap.uid("SEARCH", "SUBJECT", "Pushed")
        uid = found[0].split()[-1].decode()
        _, parts = imap.uid("FETCH", uid, "(RFC822.SIZE BODY.PEEK[])")
    part = parts[0]
    if not isinstance(part, tuple):
        raise CheckFailed(f"no message in {parts!r}")
    check.by_imap = part[1]
    if not check.by_imap.endswith(check.sent):
        raise CheckFailed("the message that IMAP gives is not the one that was sent")
    return f"{len(check.by_imap)} octets, the sent ones under {len(check.by_imap) - len(check.sent)} of trace"


def fetch_by_pop3(check: Checker) -> str:
    pop = poplib.POP3("localhost", check.ports.pop3, timeout=PATIENCE)
    try:
        pop.stls(check.tls)
        pop.user("bob@demo.test")
        pop.pass_(check.passwords["bob@demo.test"].reveal())
        newest = pop.stat()[0]
        _, lines, _ = pop.retr(newest)
    finally:
        pop.quit()
    octets = b"".join(line + b"\r\n" for line in lines)
    if octets != check.by_imap:
        raise CheckFailed("POP3 gives other octets than IMAP")
    return f"{len(octets)} octets, the same as by IMAP"


def relay_elsewhere(check: Checker) -> str:
    """Another domain: DNS names the MX, and the message arrives there."""
    before = len(check.arrived_elsewhere())
    sent = check.send("carol@elsewhere.test", "Far away")
    for _ in _patiently():
        arrived = check.arrived_elsewhere()
        if len(arrived) > before:
            if not arrived[-1].endswith(sent):
                raise CheckFailed("the message at the other server is not the one that was sent")
            return "elsewhere.test → MX mx.elsewhere.test → taken there, octet for octet"
    raise CheckFailed("nothing arrived at mx.elsewhere.test")


def bounce(check: Checker) -> str:
    """A dead address there: the sender learns why."""
    check.send("nobody@elsewhere.test", "Into the void")
    with check.inbox("alice@demo.test") as imap:
        for _ in _patiently():
            imap.noop()
            _, found = imap.uid("SEARCH", "SUBJECT", "Undeliver", "TEXT", "nobody@elsewhere.test")
            if found[0]:
                _, parts = imap.uid("FETCH", found[0].split()[-1].decode(), "(BODY.PEEK[])")
                report = parts[0][1] if isinstance(parts[0], tuple) else b""
                if b"message/delivery-status" in report and b"5.1.1" in report:
                    return "RFC 3464 report in alice's INBOX: 5.1.1, with the other server's own words"
                raise CheckFailed("the report lacks its machine-readable part")
    raise CheckFailed("no report came back to alice")


def _patiently() -> Iterator[None]:
    """Again and again until PATIENCE is over."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        yield
        time.sleep(0.02)


STEPS: tuple[tuple[str, Callable[[Checker], str]], ...] = (
    ("log in to submission", log_in_to_submission),
    ("refuse strangers", refuse_strangers),
    ("send alice → bob, push to bob's IDLE", deliver_and_push),
    ("fetch by IMAP", fetch_by_imap),
    ("fetch by POP3 and compare", fetch_by_pop3),
    ("send to another domain", relay_elsewhere),
    ("send to a dead address there", bounce),
)
