"""Python's own smtplib, imaplib and poplib."""

import imaplib
import poplib
import smtplib

import pytest

from tests.clients.daemon import PASSWORDS, PATIENCE
from tests.clients.mail import imap, send, subjects, text, tls


def test_submission_by_starttls_and_tls(daemon):
    with smtplib.SMTP("localhost", daemon.ports["submission"], timeout=PATIENCE) as smtp:
        smtp.starttls(context=tls(daemon))
        smtp.login("alice@demo.test", PASSWORDS["alice@demo.test"])
        smtp.sendmail("alice@demo.test", ["bob@demo.test"], text("by starttls"))
    send(daemon, ["bob@demo.test"], text("by tls"))
    assert {"by starttls", "by tls"} <= set(subjects(daemon))


def test_headers_beyond_ascii_and_a_report_of_success(daemon):
    """RFC 6531, RFC 3461"""
    message = text("Grüße mit Umlaut")
    with smtplib.SMTP_SSL("localhost", daemon.ports["submissions"], context=tls(daemon), timeout=PATIENCE) as smtp:
        smtp.login("alice@demo.test", PASSWORDS["alice@demo.test"])
        assert {"smtputf8", "dsn", "chunking", "8bitmime"} <= set(smtp.esmtp_features)
        options = ["SMTPUTF8", "BODY=8BITMIME", "ENVID=umlaut"]
        smtp.sendmail("alice@demo.test", ["bob@demo.test"], message, options, ["NOTIFY=SUCCESS,FAILURE"])
    with imap(daemon, "alice@demo.test") as client:
        _, found = client.uid("SEARCH", "SUBJECT", '"Your mail was delivered"')
        _, parts = client.uid("FETCH", found[0].decode(), "(BODY.PEEK[])")
    assert b"Original-Envelope-Id: umlaut\r\n" in parts[0][1]
    assert b"\r\nAction: delivered\r\n" in parts[0][1]


def test_port_25_takes_own_domains_only(daemon):
    with smtplib.SMTP("localhost", daemon.ports["smtp"], timeout=PATIENCE) as smtp:
        smtp.sendmail("far@elsewhere.test", ["bob@demo.test"], text("from far", sender="far@elsewhere.test"))
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            smtp.sendmail("far@elsewhere.test", ["other@elsewhere.test"], text("relay"))
        assert refused.value.recipients["other@elsewhere.test"][0] == 550
    assert "from far" in subjects(daemon)


def test_no_login_without_tls_and_none_with_a_wrong_password(daemon):
    with smtplib.SMTP("localhost", daemon.ports["submission"], timeout=PATIENCE) as smtp:
        smtp.ehlo()
        assert "auth" not in smtp.esmtp_features
        with pytest.raises(smtplib.SMTPSenderRefused):
            smtp.sendmail("alice@demo.test", ["bob@demo.test"], text("no login"))
        smtp.starttls(context=tls(daemon))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("alice@demo.test", "wrong")
    with imaplib.IMAP4("localhost", daemon.ports["imap"], timeout=PATIENCE) as client:
        with pytest.raises(imaplib.IMAP4.error):
            client.login("alice@demo.test", PASSWORDS["alice@demo.test"])
        client.starttls(tls(daemon))
        client.login("alice@demo.test", PASSWORDS["alice@demo.test"])


def test_pop3_and_imap_give_the_same_octets(daemon):
    body = ".\r\n..\r\n.leading dots\r\n" + "x" * 900 + "\r\nlast line without end"
    send(daemon, ["bob@demo.test"], text("octets", body))
    with imap(daemon) as client:
        _, found = client.uid("SEARCH", "SUBJECT", "octets")
        _, parts = client.uid("FETCH", found[0].split()[-1].decode(), "(BODY.PEEK[])")
    by_imap = parts[0][1]
    pop = poplib.POP3_SSL("localhost", daemon.ports["pop3s"], context=tls(daemon), timeout=PATIENCE)
    pop.user("bob@demo.test")
    pop.pass_(PASSWORDS["bob@demo.test"])
    number = pop.stat()[0]
    by_pop3 = b"".join(line + b"\r\n" for line in pop.retr(number)[1])
    assert int(pop.list(number).split()[2]) == len(by_imap)
    pop.quit()
    assert by_pop3 == by_imap
    assert by_imap.endswith(text("octets", body) + b"\r\n")


def test_imaplib_does_everything(daemon):
    with imap(daemon, "alice@demo.test", folder=None) as client:
        assert client.create("Projects/2026")[0] == "OK"
        assert client.append("Projects/2026", r"(\Seen)", None, text("kept"))[0] == "OK"
        assert client.select("Projects/2026") == ("OK", [b"1"])
        assert client.copy("1", "Archive")[0] == "OK"
        assert client.store("1", "+FLAGS", r"(\Deleted $label1)")[0] == "OK"
        assert client.expunge() == ("OK", [b"1"])
        assert client.status("Archive", "(MESSAGES UNSEEN)")[1] == [b"Archive (MESSAGES 1 UNSEEN 0)"]
        assert client.rename("Projects/2026", "Projects/Done")[0] == "OK"
        assert client.delete("Projects/Done")[0] == "OK"
        names = b"\n".join(client.list()[1])
        assert b"Projects" in names
        assert b"Done" not in names
