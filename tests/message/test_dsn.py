"""Reports: complete for programs (RFC 3464), plain for people, harmless whatever the other server said."""

import email
import email.message
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailstack.message import dsn
from mailstack.queue.api import Envelope, Recipient, RemoteReply

ARRIVED = datetime(2026, 11, 18, 20, 16, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 20, 16, 8, tzinfo=UTC)
ENVELOPE = Envelope("5kq-7", "alice@demo.test", (), 1234, ARRIVED)
BOB = Recipient("bob@dead.test")
REFUSED = RemoteReply("mx.dead.test", 550, "5.1.1", "5.1.1 No such user", "RCPT TO:<bob@dead.test>")
HEAD = b"From: alice@demo.test\r\nSubject: Lunch?\r\nMessage-ID: <1@demo.test>\r\n\r\n"


def report(
    *failed: dsn.Failure,
    envelope: Envelope = ENVELOPE,
    head: bytes = HEAD,
    original: bytes | None = None,
    expired: bool = False,
) -> email.message.EmailMessage:
    octets = dsn.compose_failure(
        reporting_mta="mx.demo.test",
        mid="5kr-8",
        message_id="5kr-8@mx.demo.test",
        envelope=envelope,
        failed=failed or [(BOB, REFUSED)],
        header_block=head,
        now=NOW,
        expired=expired,
        original=original,
    )
    assert octets.count(b"\n") == octets.count(b"\r\n")
    if original is None:
        octets.decode("ascii")
    found = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    assert not found.defects
    return found


def parts(found: email.message.EmailMessage) -> tuple[str, list[email.message.Message], email.message.Message]:
    text, status, returned = found.iter_parts()
    return text.get_content().replace("\r\n", "\n"), status.get_payload(), returned


def test_the_frame() -> None:
    found = report()
    assert found.get_content_type() == "multipart/report"
    assert found.get_param("report-type") == "delivery-status"
    assert found["from"] == "Mail Delivery System <postmaster@mx.demo.test>"
    assert found["to"] == "alice@demo.test"
    assert found["auto-submitted"] == "auto-replied"
    assert found["in-reply-to"] == found["references"] == "<1@demo.test>"
    assert [part.get_content_type() for part in found.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]


def test_words_for_a_person() -> None:
    text, _, _ = parts(report())
    assert "Subject: Lunch?" in text
    assert (
        "<bob@dead.test>\n"
        "    The server mx.dead.test refused it and said:\n"
        "        550 5.1.1 No such user\n"
        "        (in answer to: RCPT TO:<bob@dead.test>)\n"
        "    Nobody there has this address. Check it for typing errors, or ask\n"
        "    the recipient for the right one.\n"
    ) in text
    assert all(len(line) <= 78 for line in text.splitlines())


def test_an_encoded_subject_is_shown_as_text() -> None:
    text, _, _ = parts(report(head=b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n"))
    assert "Subject: Grüße" in text


def test_fields_for_a_program() -> None:
    envelope = replace(ENVELOPE, envid="QQ+3D1")
    bob = replace(BOB, orcpt="rfc822;Bob+2Bx@alias.test")
    _, (whole, one), _ = parts(report((bob, REFUSED), envelope=envelope))
    assert whole.items() == [
        ("Original-Envelope-Id", "QQ=1"),
        ("Reporting-MTA", "dns; mx.demo.test"),
        ("X-Mailstack-Report-Id", "5kr-8"),
        ("X-Mailstack-Message-Id", "5kq-7"),
        ("Arrival-Date", "Wed, 18 Nov 2026 20:16:08 +0000"),
    ]
    assert one.items() == [
        ("Original-Recipient", "rfc822; Bob+x@alias.test"),
        ("Final-Recipient", "rfc822; bob@dead.test"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Remote-MTA", "dns; mx.dead.test"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 No such user"),
        ("Last-Attempt-Date", "Mon, 23 Nov 2026 20:16:08 +0000"),
    ]


def test_each_recipient_has_its_group() -> None:
    unreached = RemoteReply("", 0, "5.4.4", "no such domain: x.test")
    _, groups, _ = parts(report((BOB, REFUSED), (Recipient("jü@x.test"), unreached)))
    assert [group["final-recipient"] for group in groups[1:]] == ["rfc822; bob@dead.test", r"utf-8; j\x{FC}@x.test"]
    assert "remote-mta" not in groups[2]
    assert groups[2]["diagnostic-code"] == "X-Mailstack; no such domain: x.test"


def test_expired() -> None:
    reply = RemoteReply("mx.dead.test", 451, "4.7.1", "greylisted", "RCPT TO:<bob@dead.test>")
    text, groups, _ = parts(report((BOB, reply), expired=True))
    assert groups[1]["status"] == "4.4.7"
    assert groups[1]["diagnostic-code"] == "smtp; 451 4.7.1 greylisted"
    assert "said at the last try" in text
    assert "tried again and again" in text


@pytest.mark.parametrize(
    ("status", "expected"), [("", "5.0.0"), ("2.1.5", "5.0.0"), ("5.x", "5.0.0"), ("4.2.2", "4.2.2")]
)
def test_status_is_never_nonsense(status: str, expected: str) -> None:
    _, groups, _ = parts(report((BOB, replace(REFUSED, status=status))))
    assert groups[1]["status"] == expected


@pytest.mark.parametrize(
    ("status", "words"),
    [("5.1.1", "Nobody there"), ("5.1.10", "takes no mail"), ("5.1.3", "or ask the recipient"), ("5.2.2", "is full"),
     ("5.7.26", "a rule of its own"), ("5.4.4", "found or reached"), ("5.3.4", "too big"), ("5.0.0", "postmaster")],
)  # fmt: skip
def test_advice(status: str, words: str) -> None:
    assert words in dsn._advice(status)


def test_the_other_server_cannot_forge_anything() -> None:
    reply = RemoteReply(
        "mx\r\nX: 1", 550, "5.7.1", "no\r\n\r\nFinal-Recipient: rfc822; x@y\r\nÜ\0" + "z" * 600, "DATA\r\n"
    )
    _, groups, _ = parts(report((BOB, reply)))
    assert len(groups) == 2
    assert len(groups[1].keys()) == 6
    assert groups[1].get_all("final-recipient") == ["rfc822; bob@dead.test"]


def test_what_goes_back() -> None:
    _, _, headers = parts(report(head=HEAD + b"the body stays here"))
    assert headers.get_payload(decode=True) == HEAD[:-2]
    whole = HEAD + "Grüße\r\n".encode()
    _, _, message = parts(report(original=whole))
    assert message.get_content_type() == "message/rfc822"
    assert message["content-transfer-encoding"] == "8bit"
    assert message.get_payload(0)["subject"] == "Lunch?"


def test_octets_of_an_odd_header_come_back() -> None:
    head = b"Subject: caf\xe9\r\nMessage-ID: <a b>\r\nX: " + b"y" * 2000 + b"\r\n"
    found = report(head=head)
    assert "references" not in found
    _, _, headers = parts(found)
    assert headers.get_payload(decode=True) == head


@pytest.mark.parametrize(
    ("ret", "size", "whole"),
    [("", 1000, True), ("FULL", 1000, True), ("HDRS", 1000, False), ("FULL", dsn.FULL_LIMIT + 1, False)],
)
def test_returns_whole(ret: str, size: int, whole: bool) -> None:
    assert dsn.returns_whole(replace(ENVELOPE, ret=ret, size=size)) is whole


@pytest.mark.parametrize(
    ("notify", "wanted"),
    [((), True), (("FAILURE", "DELAY"), True), (("NEVER",), False), (("SUCCESS",), False)],
)
def test_wants_report(notify: tuple[str, ...], wanted: bool) -> None:
    assert dsn.wants_report(replace(BOB, notify=frozenset(notify))) is wanted


def test_a_notice_of_delay() -> None:
    busy = RemoteReply("mx.dead.test", 451, "4.7.1", "try later", "RCPT TO:<bob@dead.test>")
    octets = dsn.compose_delay(
        reporting_mta="mx.demo.test",
        mid="5kr-8",
        message_id="5kr-8@mx.demo.test",
        envelope=ENVELOPE,
        delayed=[(BOB, busy)],
        header_block=HEAD,
        now=NOW,
        until=NOW + timedelta(days=5),
    )
    found = email.message_from_bytes(octets, policy=email.policy.default)
    assert found["Subject"] == "Your mail is delayed"
    assert found["Auto-Submitted"] == "auto-replied"
    text, status, returned = parts(found)
    assert "need not send it again" in " ".join(text.split())
    assert "451 4.7.1 try later" in text
    fields = status[1]
    assert (fields["Action"], fields["Status"]) == ("delayed", "4.7.1")
    assert fields["Will-Retry-Until"] == "Sat, 28 Nov 2026 20:16:08 +0000"
    assert returned.get_content_type() == "text/rfc822-headers"


@pytest.mark.parametrize(
    ("notify", "wanted"), [((), True), (("DELAY",), True), (("FAILURE", "SUCCESS"), False), (("NEVER",), False)]
)
def test_wants_delay_report(notify: tuple[str, ...], wanted: bool) -> None:
    assert dsn.wants_delay_report(Recipient("bob@dead.test", notify=frozenset(notify))) is wanted


@pytest.mark.parametrize(
    ("action", "said"), [("delivered", "in the mailbox"), ("relayed", "took it and said"), ("expanded", "on its way")]
)
def test_success(action: str, said: str) -> None:
    taken = RemoteReply("mx.far.test", 250, "2.0.0", "queued", "end of DATA")
    octets = dsn.compose_success(
        reporting_mta="mx.demo.test",
        mid="5kr-8",
        message_id="5kr-8@mx.demo.test",
        envelope=replace(ENVELOPE, envid="a+2Bb"),
        action=action,
        told=[(BOB, taken if action == "relayed" else dsn.Success(BOB, action).reply)],
        header_block=HEAD,
        now=NOW,
    )
    found = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    text, (message, bob), returned = parts(found)
    assert said in " ".join(text.split())
    assert "Check the address" not in text
    assert "could not" not in text
    assert message["original-envelope-id"] == "a+b"
    assert (bob["action"], bob["status"], bob["final-recipient"]) == (action, "2.0.0", "rfc822; bob@dead.test")
    assert returned.get_content_type() == "text/rfc822-headers"


def test_a_known_refusal_is_explained() -> None:
    blocked = RemoteReply("mx.google.com", 550, "5.7.26", "blocked", "")
    text, _, _ = parts(report((BOB, blocked)))
    assert "Gmail takes mail only when SPF or DKIM" in " ".join(text.split())


@pytest.mark.parametrize("whole", [False, True])
def test_who_sends_beyond_ascii_gets_a_report_in_utf8(whole: bool) -> None:
    """RFC 6533 §4, §5"""
    head = "Subject: Grüße\r\n\r\n".encode()
    envelope = replace(ENVELOPE, smtputf8=True, ret="FULL" if whole else "HDRS")
    juergen = Recipient("jürgen@x.test", orcpt="utf-8;jürgen@x.test")
    octets = dsn.compose_failure(
        reporting_mta="mx.demo.test",
        mid="5kr-8",
        message_id="5kr-8@mx.demo.test",
        envelope=envelope,
        failed=[(juergen, RemoteReply("mx.x.test", 550, "5.1.1", "kein Benutzer jürgen"))],
        header_block=head,
        now=NOW,
        original=head + b"body\r\n" if whole else None,
    )
    assert b"report-type=global-delivery-status" in octets
    assert b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n" in octets
    assert "Final-Recipient: utf-8; jürgen@x.test\r\n".encode() in octets
    assert "kein Benutzer jürgen".encode() in octets
    kind = b"message/global" if whole else b"message/global-headers"
    assert b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + head[:15] in octets
