"""What a domain needs, as lines and as rows."""

import dns.rdata
import dns.zone
import pytest

from mailstack.zone.records import Facts, Need, Record, Service, needed, reverse_records
from mailstack.zone.text import form_row, zone_file, zone_line

KEY = "v=DKIM1; k=rsa; p=" + "A" * 392
FACTS = Facts(
    domain="example.org",
    host="mail.example.org",
    addresses=("192.0.2.25", "2001:db8::25"),
    services=(Service("imaps", 993), Service("imap", 143), Service("pop3s", 0)),
    dkim=(("s1", KEY),),
    key_digests=("ab" * 32,),
    issuer="letsencrypt.org",
    reports_to="postmaster@example.org",
)


def data_of(records):
    return {(each.owner, each.kind): each.data for each in records}


def test_everything_that_is_known_has_its_record():
    assert data_of(needed(FACTS)) == {
        ("example.org", "MX"): "10 mail.example.org.",
        ("mail.example.org", "A"): "192.0.2.25",
        ("mail.example.org", "AAAA"): "2001:db8::25",
        ("example.org", "TXT"): "v=spf1 mx -all",
        ("mail.example.org", "TXT"): "v=spf1 a -all",
        ("s1._domainkey.example.org", "TXT"): KEY,
        ("_dmarc.example.org", "TXT"): "v=DMARC1; p=none; rua=mailto:postmaster@example.org",
        ("_imaps._tcp.example.org", "SRV"): "0 1 993 mail.example.org.",
        ("_imap._tcp.example.org", "SRV"): "10 1 143 mail.example.org.",
        ("_pop3s._tcp.example.org", "SRV"): "0 0 0 .",
        ("_smtp._tls.example.org", "TXT"): "v=TLSRPTv1; rua=mailto:postmaster@example.org",
        ("_25._tcp.mail.example.org", "TLSA"): "3 1 1 " + "ab" * 32,
        ("mail.example.org", "CAA"): '0 issue "letsencrypt.org"',
    }


def test_a_host_of_another_domain_has_its_records_there():
    records = needed(Facts("example.net", "mail.example.org", ("192.0.2.25",), key_digests=("00",), issuer="x"))
    assert {each.kind for each in records} == {"MX", "TXT"}
    assert {each.owner for each in records} == {"example.net", "_dmarc.example.net"}


def test_reverse_records():
    assert [(each.owner, each.data) for each in reverse_records(FACTS)] == [
        ("25.2.0.192.in-addr.arpa", "mail.example.org."),
        ("5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "mail.example.org."),
    ]


def test_a_zone_file_is_read_by_others():
    """dnspython takes every line, and long texts come back whole."""
    soa = "@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n"
    zone = dns.zone.from_text(soa + zone_file(needed(FACTS)), "example.org.", relativize=False)
    (key,) = zone.find_rdataset("s1._domainkey.example.org.", "TXT")
    assert b"".join(key.strings).decode() == KEY
    assert [len(each) for each in key.strings] == [255, len(KEY) - 255]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ('a "b" \\', r'"a \"b\" \\"'),
        ("ü", r'"\195\188"'),
        ("", '""'),
    ],
)
def test_texts_are_quoted(data, line):
    record = Record("x.test", "TXT", data, Need.ADVISED, "")
    assert zone_line(record) == f"x.test. 3600 IN TXT {line}"
    read = dns.rdata.from_text("IN", "TXT", line)
    assert b"".join(read.strings).decode() == data


def test_rows_for_a_form():
    rows = [form_row(record, "example.org") for record in needed(FACTS)]
    assert rows[0] == ("@", "MX", "10", "mail.example.org.")
    assert ("s1._domainkey", "TXT", "", KEY) in rows
    assert ("mail", "A", "", "192.0.2.25") in rows
    assert form_row(Record("a.other.test", "A", "192.0.2.1", Need.REQUIRED, ""), "example.org")[0] == "a.other.test"
