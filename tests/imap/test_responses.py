import pytest

from mailstack.imap.responses import (
    Bye,
    Continue,
    Done,
    No,
    Ok,
    Raw,
    Untagged,
    astring,
    flag_list,
    mailbox,
    nstring,
    string,
)


@pytest.mark.parametrize(
    ("response", "octets"),
    [
        (Untagged(b"3 EXISTS"), b"* 3 EXISTS\r\n"),
        (Raw(b"* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n"), b"* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n"),
        (Ok("Hello", b"UIDNEXT 4"), b"* OK [UIDNEXT 4] Hello\r\n"),
        (No("Careful"), b"* NO Careful\r\n"),
        (Bye("Bye"), b"* BYE Bye\r\n"),
        (Continue(b"Zm9v"), b"+ Zm9v\r\n"),
        (Continue(), b"+ \r\n"),
        (Ok("two\r\nlines ü"), b"* OK two  lines ?\r\n"),
        (Ok(""), b"* OK Done\r\n"),
    ],
)
def test_encode(response, octets):
    assert response.encode() == octets


def test_done():
    assert Done("fine", b"READ-WRITE").encode(b"a1") == b"a1 OK [READ-WRITE] fine\r\n"
    assert Done.no("no", b"TOOBIG").encode(b"a1") == b"a1 NO [TOOBIG] no\r\n"
    assert Done.bad("bad").encode(b"a1") == b"a1 BAD bad\r\n"
    assert Done("").positive
    assert not Done.no("").positive


@pytest.mark.parametrize(
    ("octets", "sent"),
    [
        (b"", b'""'),
        (b'a "b" \\', b'"a \\"b\\" \\\\"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xe4", b"{1}\r\n\xe4"),
        (b"\0", b"{1}\r\n\0"),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_string(octets, sent):
    assert string(octets) == sent


def test_small_pieces():
    assert nstring(None) == b"NIL"
    assert astring(b"abc") == b"abc"
    assert astring(b"nil") == b'"nil"'
    assert astring(b"a b") == b'"a b"'
    assert mailbox("Entwürfe") == b"Entw&APw-rfe"
    assert mailbox("Sent Items") == b'"Sent Items"'
    assert flag_list(["\\Seen", "$Junk"]) == b"(\\Seen $Junk)"
