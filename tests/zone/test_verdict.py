"""What the world sees, judged."""

import pytest

from mailstack.zone.records import Need, Record
from mailstack.zone.verdict import State, judge

RIGHT, MISSING, WRONG, UNKNOWN = State.RIGHT, State.MISSING, State.WRONG, State.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "data", "found", "state", "said"),
    [
        ("A", "192.0.2.25", ["192.0.2.25", "192.0.2.26"], RIGHT, ""),
        ("A", "192.0.2.25", ["192.0.2.26"], WRONG, "192.0.2.26"),
        ("A", "192.0.2.25", [], MISSING, "none"),
        ("A", "192.0.2.25", None, UNKNOWN, "no resolver"),
        ("AAAA", "2001:db8::25", ["2001:0db8:0::0025"], RIGHT, ""),
        ("MX", "10 mail.x.test.", ["20 MAIL.x.test."], RIGHT, ""),
        ("MX", "10 mail.x.test.", ["10 mail.x.test.", "20 b.test."], RIGHT, "20 b.test."),
        ("MX", "10 mail.x.test.", ["10 old.x.test."], WRONG, "old.x.test."),
        ("SRV", "0 1 993 mail.x.test.", ["0 1 993 Mail.x.test."], RIGHT, ""),
        ("TXT", "v=spf1 mx -all", ["google-site-verification=1"], MISSING, "none"),
        ("TXT", "v=spf1 mx -all", ["v=spf1 mx -all", "other"], RIGHT, ""),
        ("TXT", "v=spf1 mx -all", ["v=spf1 mx include:x.test ~all"], RIGHT, "include:x.test"),
        ("TXT", "v=spf1 mx -all", ["v=spf1 mx -all", "v=spf1 -all"], WRONG, "there are 2"),
        ("TXT", "v=DMARC1; p=none", ["v=DMARC1; p=reject"], RIGHT, "p=reject"),
        ("TXT", "v=DKIM1; p=AAA", ["v=DKIM1;p=AA A"], RIGHT, ""),
        ("TXT", "v=DKIM1; p=AAA", ["v=DKIM1; p=BBB"], WRONG, "BBB"),
        ("TLSA", "3 1 1 abcd", ["3 1 1 ABCD"], RIGHT, ""),
        ("CAA", '0 issue "a.test"', ['0 issue "b.test"'], WRONG, "b.test"),
    ],
)
def test_verdicts(kind, data, found, state, said):
    verdict = judge(Record("x.test", kind, data, Need.REQUIRED, ""), found)
    assert verdict.state is state
    assert said in verdict.said
    assert bool(verdict.said) is bool(said)
    assert verdict.is_bad is (state is not RIGHT)


def test_what_is_optional_may_be_missing_but_not_wrong():
    record = Record("x.test", "TLSA", "3 1 1 ab", Need.OPTIONAL, "")
    assert not judge(record, []).is_bad
    assert judge(record, ["3 1 1 cd"]).is_bad
