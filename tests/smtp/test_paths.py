"""Paths are read as RFC 5321 §4.1.2 says, and come out in one form."""

import pytest

from mailstack.base.errors import ParseFault
from mailstack.smtp.paths import forward_path, reverse_path

GOOD = [
    ("<alice@demo.test>", "alice@demo.test", ""),
    ("<alice@Demo.TEST>", "alice@demo.test", ""),
    ("<Alice@demo.test>", "Alice@demo.test", ""),
    ("<alice@demo.test> SIZE=1", "alice@demo.test", " SIZE=1"),
    ("<alice+tag@demo.test>", "alice+tag@demo.test", ""),
    ("<!#$%&'*+-/=?^_`{|}~@x>", "!#$%&'*+-/=?^_`{|}~@x", ""),
    ('<"alice"@demo.test>', "alice@demo.test", ""),
    ('<"al\\ice"@demo.test>', "alice@demo.test", ""),
    ('<"a b"@demo.test>', '"a b"@demo.test', ""),
    ('<"a\\"b\\\\"@demo.test>', '"a\\"b\\\\"@demo.test', ""),
    ('<"a@b>c"@demo.test>', '"a@b>c"@demo.test', ""),
    ('<""@demo.test>', '""@demo.test', ""),
    ("<@hop.test:alice@demo.test>", "alice@demo.test", ""),
    ("<@hop.test,@[192.0.2.1]:alice@demo.test>", "alice@demo.test", ""),
    ("<alice@[192.0.2.1]>", "alice@[192.0.2.1]", ""),
    ("<alice@[IPv6:2001:DB8:0::1]>", "alice@[IPv6:2001:db8::1]", ""),
    ("<a..b.@carrier.test>", "a..b.@carrier.test", ""),  # quirk
    ("<a@under_score.test>", "a@under_score.test", ""),  # quirk
    ("alice@demo.test SIZE=1", "alice@demo.test", " SIZE=1"),  # quirk
    ("<" + "l" * 200 + "@demo.test>", "l" * 200 + "@demo.test", ""),  # quirk: VERP
    ("<älice@dömo.test>", "älice@dömo.test", ""),
]

BAD = [
    "",
    "<",
    ">",
    "alice",
    "<alice>",
    "<alice@>",
    "<@demo.test>",
    "<alice@demo.test",
    "alice@demo.test>",
    "<alice@demo.test>x",
    "<alice@demo.test>>",
    "<<alice@demo.test>>",
    "<alice @demo.test>",
    "<alice@demo .test>",
    "<alice@demo..test>",
    "<alice@demo.test.>",
    "<alice@.test>",
    "<alice@-demo.test>",
    "<alice@demo-.test>",
    "<alice@" + "a" * 64 + ".test>",
    "<alice@" + "a." * 127 + "test>",
    "<" + "l" * 257 + "@demo.test>",
    "<alice@[192.0.2]>",
    "<alice@[192.0.2.256]>",
    "<alice@[IPv6:x]>",
    "<alice@[tag:x]>",
    "<alice@[]>",
    '<"alice@demo.test>',
    '<"a"b@demo.test>',
    "<a@b@demo.test>",
    "<a,b@demo.test>",
    "<alice@demo.test\x00>",
    '<"a\x01"@demo.test>',
    "<@hop.test alice@demo.test>",
    "<hop.test:alice@demo.test>",
    "<a%b@c@demo.test>",
]


@pytest.mark.parametrize(("text", "address", "rest"), GOOD)
@pytest.mark.parametrize("path", [reverse_path, forward_path])
def test_good(path, text, address, rest):
    assert path(text) == (address, rest)


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("path", [reverse_path, forward_path])
def test_rejected(path, text):
    with pytest.raises(ParseFault):
        path(text)


def test_null_path_is_only_a_sender():
    assert reverse_path("<> SIZE=0") == ("", " SIZE=0")
    with pytest.raises(ParseFault):
        forward_path("<>")


def test_postmaster_alone_is_only_a_recipient():
    """RFC 5321 §4.1.1.3: also without a domain, in any case of letters"""
    assert forward_path("<PostMaster>") == ("postmaster", "")
    with pytest.raises(ParseFault):
        reverse_path("<postmaster>")


@pytest.mark.parametrize(("text", "address", "_rest"), [row for row in GOOD if row[0].startswith("<")])
def test_the_canonical_form_stays(text, address, _rest):
    assert forward_path(f"<{address}>") == (address, "")


@pytest.mark.timeout(2)
@pytest.mark.parametrize("text", ["<@" + "a," * 900, '<"' + "\\" * 2000, "<" + "a." * 1000, "<" + "@a" * 900 + ":"])
def test_long_rubbish_is_refused_quickly(text):
    with pytest.raises(ParseFault):
        forward_path(text)
