"""Trace lines."""

from datetime import UTC, datetime

import pytest

from mailstack.message import trace
from mailstack.message.header import scan

MOMENT = datetime(2026, 11, 23, 20, 16, 8, tzinfo=UTC)


def test_received_in_full() -> None:
    line = trace.received(
        helo="mail.example.org",
        client_name="out.example.org",
        client_ip="2001:db8::1",
        by="mx.demo.test",
        protocol="ESMTPS",
        mid="5kqj2v8s-7h3",
        moment=MOMENT,
        tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
        recipient="bob@demo.test",
    )
    assert line == (
        b"Received: from mail.example.org (out.example.org [IPv6:2001:db8::1])\r\n"
        b"\tby mx.demo.test with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        b"\tid 5kqj2v8s-7h3 for <bob@demo.test>; Mon, 23 Nov 2026 20:16:08 +0000\r\n"
    )


def test_received_at_its_shortest() -> None:
    line = trace.received(helo="", client_ip="", by="mx", protocol="SMTP", mid="7", moment=MOMENT)
    assert line == b"Received: from unknown by mx with SMTP id 7; Mon, 23 Nov 2026 20:16:08 +0000\r\n"


def test_what_a_client_says_cannot_forge_a_field() -> None:
    line = trace.received(
        helo="x\r\nBcc: y (z\\",
        client_ip="192.0.2.1",
        client_name="a)b\r\n",
        by="mx",
        protocol="ESMTP",
        mid="7",
        moment=MOMENT,
        tls="TLS\n(x)",
        recipient="a>\r\nb@c",
    )
    header = scan(line)
    assert len(header.fields) == 1
    assert header.raw(header.fields[0]) == line
    assert line.count(b"\n") == line.count(b"\r\n") == line.count(b"\r\n\t") + 1
    assert b"from x??Bcc:?y??z? (a?b?? [192.0.2.1])" in line


def test_long_names_are_folded_between_words_only() -> None:
    line = trace.received(helo="h" * 300, client_ip="192.0.2.1", by="b" * 200, protocol="ESMTP", mid="7", moment=MOMENT)
    assert scan(line).first(b"received") == (
        b"from " + b"h" * 255 + b"\t([192.0.2.1])\tby " + b"b" * 200 + b"\twith ESMTP id 7; "
        b"Mon, 23 Nov 2026 20:16:08 +0000"
    )


@pytest.mark.parametrize(
    ("head", "count"),
    [
        (b"", 0),
        (b"Received: a\r\n b\r\nRECEIVED : c\r\nX-Received: d\r\nSubject: Received: e\r\n\r\nReceived: f\r\n", 2),
        (b"Received: a\nReceived: b\n\nReceived: c", 2),
        (b"Received: x\r\n" * 101, 101),
        (b"\r\nReceived: x\r\n", 0),
    ],
)
def test_count_received(head: bytes, count: int) -> None:
    assert trace.count_received(head) == count


def test_return_path_and_delivered_to() -> None:
    assert trace.return_path("") == b"Return-Path: <>\r\n"
    assert trace.return_path('"a b"@c.test\r\nX: y') == b'Return-Path: <"a b"@c.test??X: y>\r\n'
    assert trace.delivered_to("bob@demo.test") == b"Delivered-To: bob@demo.test\r\n"
    head = trace.delivered_to("Bob@demo.test") + trace.delivered_to("al@demo.test") + b"\r\nDelivered-To: no@x\r\n"
    assert trace.delivered_to_all(head) == {"bob@demo.test", "al@demo.test"}
