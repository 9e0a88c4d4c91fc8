"""The table as a whole, and the grammar of session, account and folder commands."""

import pytest

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.server.capabilities import ORDER, after_login, before_login
from mailstack.imap.server.commands import TABLE, basics, enable, folders, joined, status
from mailstack.imap.server.commands import list as listing
from mailstack.imap.server.commands.login import Authenticate, parse_authenticate, parse_login
from mailstack.imap.values import Command, Row, Seqs, State
from tests.imap.fakes import World

ALWAYS = (
    b"IMAP4rev1 IMAP4rev2 SASL-IR LITERAL+ ID ENABLE IDLE NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE "
    b"SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE CONDSTORE QRESYNC"
)
IMAP4REV1 = (
    "CAPABILITY NOOP LOGOUT STARTTLS AUTHENTICATE LOGIN SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE "
    "LIST LSUB STATUS APPEND CHECK CLOSE EXPUNGE SEARCH FETCH STORE COPY"
)


def test_all_of_imap4rev1_is_there():
    """RFC 3501 §6"""
    wanted = [*IMAP4REV1.split(), "UID COPY", "UID FETCH", "UID STORE", "UID SEARCH", "UID EXPUNGE", "UID MOVE"]
    assert {name.encode() for name in wanted} <= set(TABLE)


def test_capabilities():
    assert set(ALWAYS.split()) <= set(after_login(TABLE, 5).split())
    assert after_login(TABLE, 5).startswith(b"IMAP4rev1 IMAP4rev2 SASL-IR LITERAL")
    assert {name for row in TABLE.values() for name in row.capability.split()} <= set(ORDER)
    assert before_login(b"X", starttls=True, login=False, mechanisms=["PLAIN"]) == b"X STARTTLS LOGINDISABLED"
    assert before_login(b"X", starttls=False, login=True, mechanisms=["PLAIN", "LOGIN"]) == b"X AUTH=PLAIN AUTH=LOGIN"


def test_a_capability_comes_with_its_row():
    assert b"MOVE" not in after_login({name: row for name, row in TABLE.items() if b"MOVE" not in name}, 5)


def test_expunge_is_told_everywhere_but_during_fetch_store_search():
    """RFC 3501 §7.4.1, RFC 5256 §3"""
    silent = {name for name, row in TABLE.items() if not row.seqs & Seqs.BREAKS}
    assert silent == {b"FETCH", b"STORE", b"SEARCH", b"SORT", b"THREAD"}


def test_uid_form():
    row = Row(b"X", basics.no_arguments, basics.noop, State.SELECTED, Seqs.USES, uid_form=True)
    table = joined([row])
    assert table[b"X"] is row
    assert table[b"UID X"].seqs is Seqs.BREAKS


GOOD = [
    (basics.no_arguments, b"", Command()),
    (basics.parse_id, b"nil", basics.Id(())),
    (basics.parse_id, b'("a" "b" "c" NIL)', basics.Id(((b"a", b"b"), (b"c", None)))),
    (enable.parse, b"condstore X", enable.Enable((b"CONDSTORE", b"X"))),
    (folders.parse_create, b"a/", folders.Create("a/")),
    (folders.parse_create, b"a (use (\\Sent \\Junk))", folders.Create("a", (b"\\Sent", b"\\Junk"))),
    (folders.parse_rename, b'"a b" c', folders.Rename("a b", "c")),
    (status.parse, b"inbox (messages UIDNEXT)", status.StatusOf("INBOX", (b"MESSAGES", b"UIDNEXT"))),
    (listing.parse, b'"" %', listing.List("", ("%",))),
    (listing.parse, b'"" (% "a*")', listing.List("", ("%", "a*"), extended=True)),
    (
        listing.parse,
        b'(subscribed recursivematch) "" % return (children status (MESSAGES) special-use)',
        listing.List(
            "",
            ("%",),
            frozenset({b"SUBSCRIBED", b"RECURSIVEMATCH"}),
            frozenset({b"CHILDREN", b"STATUS", b"SPECIAL-USE"}),
            (b"MESSAGES",),
            extended=True,
        ),
    ),
    (listing.parse_lsub, b'"#news." "x%"', listing.List("#news.", ("x%",))),
    (parse_authenticate, b"plain", Authenticate("PLAIN", None)),
    (parse_authenticate, b"PLAIN =", Authenticate("PLAIN", b"")),
    (parse_authenticate, b"PLAIN AGEAYg==", Authenticate("PLAIN", b"\0a\0b")),
]

BAD = [
    (basics.parse_id, [b"", b"(a b)", b'("a")', b"x"]),
    (enable.parse, [b"", b"()"]),
    (folders.parse_create, [b"", b"a (USE)", b"a (USE (x y)", b"a b"]),
    (folders.parse_rename, [b"a", b"a b c"]),
    (status.parse, [b"a", b"a ()", b"a (X)", b"a MESSAGES"]),
    (
        listing.parse,
        [
            b"",
            b'""',
            b'"" % x',
            b'(X) "" %',
            b'"" % RETURN',
            b'"" % RETURN (X)',
            b'"" ()',
            b'(REMOTE RECURSIVEMATCH) "" %',
        ],
    ),
    (parse_authenticate, [b"", b"PLAIN a=b=", b"(PLAIN)"]),
    (parse_login, [b"", b"a", b"a ", b'"a" "\xff"', b"a b c"]),
]


@pytest.mark.parametrize(("parse", "octets", "value"), GOOD)
def test_parse(parse, octets, value):
    cur = Cursor([octets])
    assert parse(cur) == value
    cur.end()


@pytest.mark.parametrize(("parse", "octets"), [(parse, octets) for parse, rows in BAD for octets in rows])
def test_refused(parse, octets):
    cur = Cursor([octets])
    with pytest.raises(ParseFault):
        parse(cur)
        cur.end()


def test_password_does_not_print():
    assert "hunter2" not in repr(parse_login(Cursor([b"alice hunter2"])))


def test_rename_of_a_name_without_a_mailbox():
    talk = World().login()
    talk.say("a CREATE Old/One/Deep", "b CREATE Old/Two", "c DELETE Old")
    assert talk.say("d RENAME Old New") == ["d OK RENAME completed"]
    assert talk.say("e LIST Old *") == ["e OK LIST completed"]
    lines = talk.say('f LIST "" New*')
    assert [line.split()[-1] for line in lines[:-1]] == ["New", "New/One", "New/One/Deep", "New/Two"]
