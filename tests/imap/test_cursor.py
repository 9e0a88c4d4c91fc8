import datetime as dt

import pytest

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor, LiteralAwaited
from mailstack.imap.numset import STAR, NumSet

GOOD = [
    # primitive, octets, value, what is left
    ("atom", b"abc def", b"abc", b" def"),
    ("atom", b"a]b", b"a", b"]b"),
    ("word", b"return (", b"RETURN", b" ("),
    ("astring", b"a]b c", b"a]b", b" c"),
    ("astring", b'"a b" c', b"a b", b" c"),
    ("string", b'"a \\"b\\\\"', b'a "b\\', b""),
    ("string", b'""', b"", b""),
    ("string", b'"\xc3\xbc"', b"\xc3\xbc", b""),
    ("nstring", b"NIL)", None, b")"),
    ("nstring", b"nil", None, b""),
    ("nstring", b'"NIL"', b"NIL", b""),
    ("number", b"0", 0, b""),
    ("number", b"4294967295", 4294967295, b""),
    ("number64", b"4294967296", 4294967296, b""),
    ("nz_number", b"7 8", 7, b" 8"),
    ("numset", b"1,2:*,*:4 x", NumSet(((1, 1), (2, STAR), (STAR, 4))), b" x"),
    ("mailbox", b"inbox ", "INBOX", b" "),
    ("mailbox", b'"Entw&APw-rfe"', "Entwürfe", b""),
    ("list_mailbox", b"a/%* x", "a/%*", b" x"),
    ("list_mailbox", b'"*"', "*", b""),
    ("list_mailbox", b'""', "", b""),
    ("flag", b"\\sEEN", b"\\sEEN", b""),
    ("flag_list", b"()", (), b""),
    ("flag_list", b"(\\seen $Junk \\SEEN $junk)", ("\\Seen", "$Junk"), b""),
    ("flag_list", b"(\\Recent \\Flagged) x", ("\\Flagged",), b" x"),
    ("flags", b"\\Deleted Work", ("\\Deleted", "Work"), b""),
    ("flags", b"(\\Deleted)", ("\\Deleted",), b""),
    ("date", b"1-Feb-2024 x", dt.date(2024, 2, 1), b" x"),
    ("date", b'"29-feb-2024"', dt.date(2024, 2, 29), b""),
    (
        "datetime",
        b'" 7-Feb-1994 21:52:25 -0800"',
        dt.datetime(1994, 2, 7, 21, 52, 25, tzinfo=dt.timezone(-dt.timedelta(hours=8))),
        b"",
    ),
    ("literal_size", b"{310}", 310, b""),
    ("literal_size", b"{310+}", 310, b""),
    ("rest", b"any thing", b"any thing", b""),
]

BAD = [
    ("atom", [b"", b" a", b"(a", b"{a", b"%", b'"a"', b"\x01", b"\xe4"]),
    ("astring", [b"", b"(", b'"open', b'"bad \\x"', b"%"]),
    ("string", [b"abc", b'"a\x00b"', b"{5} ", b"{x}", b"{-1}"]),
    ("nstring", [b"abc", b"NI"]),
    ("number", [b"", b"-1", b"4294967296", b"x"]),
    ("nz_number", [b"0"]),
    ("numset", [b"", b",1", b"0", b"a"]),
    ("mailbox", [b"\xc3\xbc", b"&", b'"R&D"']),
    ("flag_list", [b"(", b"\\Seen", b"(\\Seen,\\Draft)", b"(\\Foo)", b"(\\*)", b'("x")']),
    ("date", [b"31-Feb-2024", b"1-Xyz-2024", b"1-Feb-24", b'"1-Feb-2024']),
    ("datetime", [b"1-Feb-2024", b'"1-Feb-2024 25:00:00 +0000"', b'" 1-Feb-2024 10:00:00"', b'"1-Feb-2024 1:1:1 GMT"']),
]


@pytest.mark.parametrize(("primitive", "octets", "value", "left"), GOOD)
def test_primitive(primitive, octets, value, left):
    cur = Cursor([octets])
    assert getattr(cur, primitive)() == value
    assert cur.rest() == left


@pytest.mark.parametrize(("primitive", "octets"), [(name, octets) for name, rows in BAD for octets in rows])
def test_refused(primitive, octets):
    with pytest.raises(ParseFault):
        getattr(Cursor([octets]), primitive)()


def test_literals_come_between_the_lines():
    cur = Cursor([b"{5}", b"al\r\n\xe4", b" {0+}", b"", b" x"])
    assert cur.astring() == b"al\r\n\xe4"
    cur.space()
    assert cur.astring() == b""
    cur.space()
    assert cur.atom() == b"x"
    assert cur.at_end()


def test_literal_that_has_not_come():
    with pytest.raises(LiteralAwaited):
        Cursor([b"{5}"]).astring()


def test_nul_in_a_literal():
    with pytest.raises(ParseFault):
        Cursor([b"{1}", b"\0", b""]).astring()


def test_numset_follows_the_form_of_the_command():
    assert Cursor([b"4:7"], by_uid=True).numset() == NumSet(((4, 7),), by_uid=True)
    assert Cursor([b"4:7"], by_uid=True).seq_set() == NumSet(((4, 7),))
    assert Cursor([b"4:7"]).uid_set() == NumSet(((4, 7),), by_uid=True)


def test_lists():
    assert Cursor([b"(a b c)"]).listed(Cursor.atom) == (b"a", b"b", b"c")
    assert Cursor([b"()"]).listed(Cursor.atom, empty=True) == ()
    with pytest.raises(ParseFault):
        Cursor([b"()"]).listed(Cursor.atom)


def test_end_passes_trailing_spaces_only():
    Cursor([b"  "]).end()
    with pytest.raises(ParseFault):
        Cursor([b" x"]).end()
    with pytest.raises(ParseFault):
        Cursor([b"", b"lit", b""]).end()


def test_a_fault_never_tells_what_stands_there():
    with pytest.raises(ParseFault) as caught:
        Cursor([b"pass(word"], 4).astring()
    assert "word" not in str(caught.value)


def test_a_list_has_an_end():
    assert len(Cursor([b"(" + b" ".join([b"a"] * 200) + b")"]).listed(Cursor.atom)) == 200
    with pytest.raises(ParseFault, match="more than 200 items"):
        Cursor([b"(" + b" ".join([b"a"] * 201) + b")"]).listed(Cursor.atom)
