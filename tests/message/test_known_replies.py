"""Replies as their servers really give them."""

import pytest

from mailstack.message.known_replies import explain
from mailstack.queue.api import RemoteReply

OUTLOOK, GMAIL = "outlook-com.olc.protection.outlook.com", "gmail-smtp-in.l.google.com"


@pytest.mark.parametrize(
    ("host", "code", "status", "text", "words"),
    [
        (
            OUTLOOK,
            550,
            "5.7.1",
            "Unfortunately, messages from [192.0.2.1] weren't sent. Part of their network is on our list (S3150).",
            "olcsupport.office.com",
        ),
        (OUTLOOK, 550, "5.7.1", "Unfortunately, messages from [192.0.2.1] weren't sent (S3140).", "olcsupport"),
        (OUTLOOK, 550, "5.7.606", "Access denied, banned sending IP [192.0.2.1].", "sender.office.com"),
        (OUTLOOK, 451, "4.7.500", "Server busy. Please try again later from [192.0.2.1]. (AS77713)", "limits how much"),
        (OUTLOOK, 550, "5.7.515", "Access denied, sending domain EXAMPLE.ORG doesn't meet", "SPF, DKIM and DMARC"),
        (
            GMAIL,
            550,
            "5.7.26",
            "Your email has been blocked because the sender is unauthenticated.",
            "SPF or DKIM shows",
        ),
        (GMAIL, 421, "4.7.28", "Gmail has detected an unusual rate of unsolicited mail", "limits what it takes"),
        (GMAIL, 550, "5.7.25", "The IP address sending this message does not have a PTR record", "leads back"),
        (GMAIL, 452, "4.2.2", "The recipient's inbox is out of storage space.", "storage is full"),
        ("mta5.am0.yahoodns.net", 421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred", "Yahoo"),
        ("mx.there.test", 554, "5.7.1", "Service unavailable; blocked using zen.spamhaus.org", "check.spamhaus.org"),
        ("mx.there.test", 450, "4.2.0", "Recipient address rejected: Greylisted", "wait on purpose"),
        ("mx.there.test", 550, "5.7.25", "Client host rejected: cannot find your hostname, [192.0.2.1]", "name"),
        ("mx.there.test", 550, "5.7.23", "SPF check failed: not authorized", "SPF record"),
    ],
)
def test_known(host: str, code: int, status: str, text: str, words: str) -> None:
    means = explain(RemoteReply(host, code, status, text))
    assert means is not None
    assert words in means


@pytest.mark.parametrize(
    "reply",
    [
        RemoteReply("mx.there.test", 550, "5.1.1", "No such user"),
        RemoteReply("mx.there.test", 550, "5.7.1", "suspicious"),  # Google's words, somebody else's server
        RemoteReply("", 0, "4.4.1", "no connection to S3150"),
    ],
)
def test_unknown(reply: RemoteReply) -> None:
    assert explain(reply) is None
