"""METADATA: what the operator says of the server, and the grammar of what no transcript shows.  RFC 5464"""

import pytest

from mailstack.imap.metadata import Asked, found, told
from tests.imap.fakes import World


def test_the_operators_own():
    talk = World(comment="Down on Sundays", admin="mailto:postmaster@demo.test").connect()
    talk.say("a LOGIN alice@demo.test alice-secret")
    assert talk.say('b GETMETADATA "" (DEPTH infinity) /shared') == [
        '* METADATA "" (/shared/admin "mailto:postmaster@demo.test" /shared/comment "Down on Sundays")',
        "b OK GETMETADATA completed",
    ]
    assert talk.say('c SETMETADATA "" (/shared/admin "mailto:me@demo.test")') == [
        "c NO [NOPERM] Some of these can only be read"
    ]


def test_before_login():
    talk = World().connect()
    assert talk.say("a GETMETADATA INBOX /private/comment")[-1].startswith("a BAD")
    assert talk.say('b SETMETADATA INBOX (/private/comment "x")')[-1].startswith("b BAD")


@pytest.mark.parametrize(
    ("value", "utf8", "octets"),
    [
        (None, False, b"NIL"),
        (b"", False, b'""'),
        (b"NIL", False, b'"NIL"'),
        ("Straße".encode(), False, b"{7}\r\nStra\xc3\x9fe"),
        ("Straße".encode(), True, '"Straße"'.encode()),
        (b"\xff", True, b"{1}\r\n\xff"),
        (b"a\0b", True, b"~{3}\r\na\0b"),
        (b"two\r\nlines", False, b"{10}\r\ntwo\r\nlines"),
    ],
)
def test_values_as_they_go_out(value, utf8, octets):
    assert told("INBOX", {"/private/a": value}, utf8=utf8) == b"METADATA INBOX (/private/a " + octets + b")"


def test_an_entry_asked_for_twice_is_told_once():
    values = {"/private/a": b"1", "/private/a/b": b"2"}
    assert list(found(Asked(("/private/a/b", "/private/a"), depth=1), values)) == ["/private/a/b", "/private/a"]
