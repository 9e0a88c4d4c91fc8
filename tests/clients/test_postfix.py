"""The real Postfix: it sends to port 25, delivers by LMTP over TCP and a path, and takes our mail."""

import shutil
import smtplib
from email.message import EmailMessage

import pytest

from tests.clients.daemon import PATIENCE, Daemon
from tests.clients.postfix import Postfix, free_port, needs_postfix, open_folder

ACCOUNTS = {f"{name}@demo.test": f"{name}-secret-9" for name in ("alice", "bob", "carol", "jörg")}
MORE = """
[listeners.lmtp]
protocol = "lmtp"
address = ["127.0.0.1:0"]
tls = "none"
[listeners.lmtp-socket]
protocol = "lmtp"
address = []
path = "{path}"
path_mode = "0666"
tls = "none"
[[relay.transports]]
to = "*"
via = "server"
host = "127.0.0.1"
port = {port}
tls = "none"
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    needs_postfix()
    port = free_port()
    with open_folder() as folder:
        path = folder / "lmtp.sock"
        more = MORE.format(path=path, port=port)
        daemon = Daemon(tmp_path_factory.mktemp("daemon"), more=more, accounts=ACCOUNTS)
        ca = folder / "ca.pem"
        shutil.copy(daemon.ca, ca)
        places = {"smtp": daemon.ports["smtp"], "lmtp": daemon.ports["lmtp"], "path": path, "ca": ca}
        postfix = None
        try:
            postfix = Postfix(folder / "etc", port, **places)
            yield daemon, postfix
        finally:
            if postfix is not None:
                postfix.stop()
            daemon.stop()


def give(postfix, message, to, sender="far@outside.test", mail=(), rcpt=()):
    """To Postfix, as a client of it; what it said last."""
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=PATIENCE) as smtp:
        smtp.ehlo()
        octets = message.as_bytes(policy=message.policy.clone(utf8="SMTPUTF8" in mail, linesep="\r\n"))
        smtp.sendmail(sender, to, octets, list(mail), list(rcpt))


def letter(subject, body="Hello.\n"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "far@outside.test", "somebody@demo.test", subject
    message.set_content(body)
    return message


def stored(daemon, postfix, account, subject, do):
    """What the account has got by `do`."""
    since = len(daemon.events)
    do()
    try:
        daemon.wait_for("mail_stored", since, account=account)
    except AssertionError as failure:
        raise AssertionError(postfix.log()) from failure
    return found(daemon, subject)


def found(daemon, subject):
    """The newest message with that subject, wherever it is filed."""
    files = [path for path in (daemon.folder / "state" / "mail").rglob("*") if path.parent.name in {"new", "cur"}]
    files.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    texts = [path.read_bytes().decode() for path in files]
    return next(octets for octets in texts if f"\r\nSubject: {subject}\r\n" in octets)


def test_it_sends_to_port_25_over_verified_tls(both):
    daemon, postfix = both
    octets = stored(
        daemon, postfix, "carol@demo.test", "by smtp", lambda: give(postfix, letter("by smtp"), "carol@demo.test")
    )
    assert "with ESMTPS" in octets
    assert "by mail.demo.test" in octets


def test_it_sends_addresses_and_headers_beyond_ascii(both):
    daemon, postfix = both
    send = lambda: give(postfix, letter("Grüße"), "jörg@demo.test", mail=("SMTPUTF8", "BODY=8BITMIME"))  # noqa: E731
    octets = stored(daemon, postfix, "jörg@demo.test", "Grüße", send)
    assert "with UTF8SMTPS" in octets


def test_it_passes_the_wish_for_a_report_on_and_the_report_arrives(both):
    daemon, postfix = both

    def send():
        give(
            postfix,
            letter("please confirm"),
            "carol@demo.test",
            sender="alice@demo.test",
            mail=("RET=HDRS", "ENVID=abc"),
            rcpt=("NOTIFY=SUCCESS", "ORCPT=rfc822;c@old.test"),
        )

    report = stored(daemon, postfix, "alice@demo.test", "Your mail was delivered", send)
    assert "Original-Envelope-Id: abc" in report
    assert "Original-Recipient: rfc822; c@old.test" in report
    assert "Action: delivered" in report


@pytest.mark.parametrize(("account", "way"), [("alice@demo.test", "lmtp"), ("bob@demo.test", "lmtp-socket")])
def test_it_delivers_by_lmtp(both, account, way):
    daemon, postfix = both
    since = len(daemon.events)
    octets = stored(daemon, postfix, account, f"by {way}", lambda: give(postfix, letter(f"by {way}"), account))
    assert "with LMTP" in octets
    assert daemon.wait_for("mail_accepted", since)["listener"] == way


def test_lmtp_tells_it_of_each_recipient(both):
    daemon, postfix = both
    since = len(daemon.events)
    give(postfix, letter("for two, one of them nobody"), ["alice@demo.test", "bob@demo.test"])
    daemon.wait_for("mail_stored", since, account="alice@demo.test")
    daemon.wait_for("mail_stored", since, account="bob@demo.test")


def test_our_mail_goes_through_it_by_bdat_and_comes_back(both):
    """CHUNKING and 8BITMIME to a real server, and an alias of its own that leads back here by LMTP."""
    daemon, postfix = both

    def send():
        with smtplib.SMTP_SSL("localhost", daemon.ports["submissions"], context=context(daemon)) as smtp:
            smtp.login("carol@demo.test", ACCOUNTS["carol@demo.test"])
            message = letter("there and back", "Grüße\n.\n" + "ü" * 40 + "\n" * 3)
            del message["From"]
            message["From"] = "carol@demo.test"
            smtp.sendmail("carol@demo.test", "far@elsewhere.test", message.as_bytes(), ["BODY=8BITMIME"])

    octets = stored(daemon, postfix, "bob@demo.test", "there and back", send)
    assert "with LMTP" in octets
    assert "(Postfix)" in octets
    relayed = daemon.wait_for("mail_relayed", recipient="far@elsewhere.test")
    assert relayed["text"].startswith("127.0.0.1 said 250")


def context(daemon):
    import ssl

    made = ssl.create_default_context(cafile=daemon.ca)
    made.check_hostname = False
    return made
