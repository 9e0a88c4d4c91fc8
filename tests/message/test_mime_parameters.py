"""Values with parameters: RFC 2045 §5.1, RFC 2231."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstack.message.parameters import parse_valued, without_comments

TABLE = [
    (b"text/plain", b"text/plain", {}),
    (b"TEXT/Plain; CHARSET=US-ASCII", b"text/plain", {"charset": b"US-ASCII"}),
    (b'text/plain; charset="us-ascii" (Plain text)', b"text/plain", {"charset": b"us-ascii"}),
    (b"text/plain;charset=utf-8;format=flowed", b"text/plain", {"charset": b"utf-8", "format": b"flowed"}),
    (b"text / plain ; a = b", b"text/plain", {"a": b"b"}),
    (b'a/b; name="semi;colon \\" quote"', b"a/b", {"name": b'semi;colon " quote'}),
    (b"a/b; name=with blanks in.txt", b"a/b", {"name": b"with blanks in.txt"}),
    (b'a/b; name="never closed', b"a/b", {"name": b"never closed"}),
    (b"a/b; ; =x; name=", b"a/b", {"name": b""}),
    (b'attachment; filename="(not a comment).txt"', b"attachment", {"filename": b"(not a comment).txt"}),
    (b"", b"", {}),
    (b";x=y", b"", {"x": b"y"}),
    # RFC 2231 §3 and §4.1
    (
        b'message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore/bulk-mailer.tar"',
        b"message/external-body",
        {"access-type": b"URL", "url": b"ftp://cs.utk.edu/pub/moore/bulk-mailer.tar"},
    ),
    (
        b"a/x; title*0*=us-ascii'en'This%20is%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
        b"a/x",
        {"title*": b"us-ascii'en'This%20is%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!"},
    ),
    # pieces in another order, and one that is missing
    (b"a/b; n*1=two; n*0=one", b"a/b", {"n": b"onetwo"}),
    (b"a/b; n*0=one; n*2=three", b"a/b", {"n": b"one"}),
    (b"a/b; n*5=five", b"a/b", {"n": b"five"}),
]


@pytest.mark.parametrize(("field", "value", "parameters"), TABLE)
def test_table(field, value, parameters):
    found = parse_valued(field)
    assert (found.value, dict(found.parameters)) == (value, parameters)


def test_text_of_parameters():
    rfc = parse_valued(b"a/b; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A")
    assert rfc.text("title") == "This is ***fun***"
    assert parse_valued(b'a/b; name="=?utf-8?q?gr=C3=BC=C3=9Fe?="').text("name") == "grüße"
    assert parse_valued(b"a/b; name=gr\xfc\xdfe").text("name") == "grüße"
    assert parse_valued(b"a/b").text("name") == ""


def test_comments():
    assert without_comments(b'a (b (c) \\) d) "(e)" f') == b'a   "(e)" f'
    assert without_comments(b"a (never closed") == b"a "


@pytest.mark.parametrize(
    "token", [b";", b"a=", b";a", b"; a=b", b'"', b"(", b"()", b"\\", b" ", b"; a*1=b", b'; a="', b"/"]
)
def test_long_values_take_no_long_time(token):
    parse_valued(b"a/b" + token * (200_000 // len(token)))


@given(st.binary(max_size=200))
def test_any_octets_are_read(field):
    parse_valued(field)
    parse_valued(b"a/b; x*0*=" + field).text("x")
