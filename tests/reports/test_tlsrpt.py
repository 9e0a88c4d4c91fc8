import gzip
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.base.errors import ParseFault
from mailstack.reports.tlsreceived import find_report, may_be_report
from mailstack.reports.tlsrpt import Count, Received, Report, address_of, compose_mail, encode, read_destinations
from mailstack.reports.tlsrpt import read_report as read

STS = ("sts", ("version: STSv1", "mode: testing", "mx: *.t.test", "max_age: 86400"), ("*.t.test",))
NONE = ("no-policy-found", (), ())
COUNTS = [
    Count(STS, "mx.t.test", "192.0.2.1", "", "", 5),
    Count(STS, "mx.t.test", "192.0.2.1", "certificate-expired", "it ended", 2),
    Count(STS, "", "", "sts-policy-fetch-error", "", 1),
    Count(NONE, "mx.t.test", "192.0.2.1", "", "", 7),
]
REPORT = Report("r1", "mail.here.test", "postmaster@here.test", "t.test", date(2026, 11, 22), COUNTS)


def test_the_json():
    """As the example of RFC 8460 appendix B is made."""
    found = json.loads(gzip.decompress(encode(REPORT)))
    assert found["organization-name"] == "mail.here.test"
    assert found["date-range"] == {"start-datetime": "2026-11-22T00:00:00Z", "end-datetime": "2026-11-22T23:59:59Z"}
    assert (found["contact-info"], found["report-id"]) == ("postmaster@here.test", "r1")
    sts, none = found["policies"]
    assert sts["policy"] == {
        "policy-type": "sts",
        "policy-domain": "t.test",
        "policy-string": list(STS[1]),
        "mx-host": ["*.t.test"],
    }
    assert sts["summary"] == {"total-successful-session-count": 5, "total-failure-session-count": 3}
    assert sts["failure-details"][0] == {
        "result-type": "certificate-expired",
        "receiving-mx-hostname": "mx.t.test",
        "receiving-ip": "192.0.2.1",
        "failed-session-count": 2,
        "failure-reason-code": "it ended",
    }
    assert none["policy"] == {"policy-type": "no-policy-found", "policy-domain": "t.test"}
    assert "failure-details" not in none


def test_the_mail_is_read_back():
    mail = compose_mail(REPORT, "tls@t.test", datetime(2026, 11, 23, 1, tzinfo=UTC))
    assert b"TLS-Report-Domain: t.test\r\n" in mail
    assert b"TLS-Report-Submitter: mail.here.test\r\n" in mail
    assert b"report-type=tlsrpt" in mail
    assert may_be_report(mail)
    assert b"mail.here.test!t.test!1795305600!1795391999!r1.json.gz" in mail.replace(b"\r\n ", b"")
    failures = {"certificate-expired": 2, "sts-policy-fetch-error": 1}
    assert read(find_report(mail)) == (
        Received("mail.here.test", "r1", "t.test", "2026-11-22T00:00:00Z", "2026-11-22T23:59:59Z", 12, failures),
    )


@pytest.mark.parametrize(
    ("texts", "uris"),
    [
        ([b"v=TLSRPTv1; rua=mailto:tls@t.test"], ("mailto:tls@t.test",)),
        ([b"v=TLSRPTv1;rua=mailto:a@t.test,https://t.test/v1;"], ("mailto:a@t.test", "https://t.test/v1")),
        ([b"v=TLSRPTv1; rua=http://t.test/, ftp://x, mailto:"], ()),
        ([b"v=TLSRPTv1; x=y"], ()),
        ([b"v=spf1 -all", b"v=TLSRPTv1; rua=mailto:a@t.test"], ("mailto:a@t.test",)),
        ([b"v=TLSRPTv1; rua=mailto:a@t.test", b"v=TLSRPTv1; rua=mailto:b@t.test"], ()),
        ([b"v=TLSRPTv2; rua=mailto:a@t.test"], ()),
        ([], ()),
    ],
)
def test_destinations(texts, uris):
    assert read_destinations(texts) == uris


def test_addresses():
    assert address_of("mailto:tls@t.test?subject=x") == "tls@t.test"
    assert address_of("https://t.test/") == ""


def test_a_bomb_is_refused():
    with pytest.raises(ParseFault, match="more than"):
        read(gzip.compress(b" " * (9 << 20)))


@pytest.mark.parametrize(
    "octets",
    [b"", b"{}", b"[]", b"null", b"\x1f\x8bgarbage", b'{"policies": 1}', b"[" * 100_000, b'{"a": NaN', b"\xff\xfe"],
)
def test_what_is_no_report(octets):
    with pytest.raises(ParseFault):
        read(octets)


def test_numbers_must_be_counts():
    found = json.loads(gzip.decompress(encode(REPORT)))
    for bad in (-1, "5", 1.5, True, None, 1 << 60):
        found["policies"][0]["summary"]["total-successful-session-count"] = bad
        with pytest.raises(ParseFault):
            read(json.dumps(found).encode())


def test_failures_without_details_count():
    found = json.loads(gzip.decompress(encode(REPORT)))
    del found["policies"][0]["failure-details"]
    assert dict(read(json.dumps(found).encode())[0].failures) == {"unspecified": 3}


@given(st.binary(max_size=300))
def test_nothing_but_parse_faults(octets):
    for packed in (octets, gzip.compress(octets)):
        try:
            read(packed)
        except ParseFault:
            continue


def test_a_mail_without_a_report():
    assert find_report(b"Subject: tlsrpt\r\n\r\nhello\r\n") is None
    assert not may_be_report(b"Subject: hello\r\n\r\n")
