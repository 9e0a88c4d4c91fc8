"""The grammar of POP3 commands."""

import pytest

from mailstack.base.errors import ParseFault
from mailstack.base.secret import Secret
from mailstack.pop3 import commands as c
from mailstack.pop3.values import State


@pytest.mark.parametrize(
    ("line", "state", "command"),
    [
        (b"CAPA", State.AUTHORIZATION, c.Capa()),
        (b"capa", State.TRANSACTION, c.Capa()),
        (b"USER alice@demo.test", State.AUTHORIZATION, c.User("alice@demo.test")),
        (b"USER  mrose \t", State.AUTHORIZATION, c.User("mrose \t")),
        ("USER jürgen".encode(), State.AUTHORIZATION, c.User("jürgen")),
        (b"PASS  two words ", State.AUTHORIZATION, c.Pass(Secret(" two words "))),
        (b"AUTH", State.AUTHORIZATION, c.Auth()),
        (b"AUTH ", State.AUTHORIZATION, c.Auth()),  # Outlook
        (b"auth plain", State.AUTHORIZATION, c.Auth("PLAIN")),
        (b"AUTH PLAIN =", State.AUTHORIZATION, c.Auth("PLAIN", b"")),
        (b"AUTH PLAIN AHRpbQB4", State.AUTHORIZATION, c.Auth("PLAIN", b"\0tim\0x")),
        (b"AUTH SCRAM-SHA-256-PLUS", State.AUTHORIZATION, c.Auth("SCRAM-SHA-256-PLUS")),
        (b"STLS", State.AUTHORIZATION, c.Stls()),
        (b"QUIT  ", State.TRANSACTION, c.Quit()),
        (b"STAT", State.TRANSACTION, c.Stat()),
        (b"LIST", State.TRANSACTION, c.List()),
        (b"LIST ", State.TRANSACTION, c.List()),
        (b"LIST 007", State.TRANSACTION, c.List(7)),
        (b"UIDL 2", State.TRANSACTION, c.Uidl(2)),
        (b"RETR 1", State.TRANSACTION, c.Retr(1)),
        (b"TOP 1  0", State.TRANSACTION, c.Top(1, 0)),
        (b"DELE 999999999", State.TRANSACTION, c.Dele(999999999)),
        (b"NOOP", State.TRANSACTION, c.Noop()),
        (b"RSET", State.TRANSACTION, c.Rset()),
    ],
)
def test_commands(line: bytes, state: State, command: c.Command) -> None:
    assert c.parse_command(line, state) == command


@pytest.mark.parametrize(
    ("line", "state", "words"),
    [
        (b"", State.AUTHORIZATION, "unknown command"),
        (b"APOP a b", State.AUTHORIZATION, "unknown command"),
        (b" CAPA", State.AUTHORIZATION, "unknown command"),
        (b"\xff\0", State.TRANSACTION, "unknown command"),
        (b"STAT", State.AUTHORIZATION, "log in first"),
        (b"USER a", State.TRANSACTION, "you have logged in already"),
        (b"USER", State.AUTHORIZATION, "empty user name"),
        (b"USER \xff", State.AUTHORIZATION, "user name is not UTF-8"),
        (b"PASS", State.AUTHORIZATION, "empty password"),
        (b"PASS a\0b", State.AUTHORIZATION, "NUL in the password"),
        (b"AUTH PLAIN x y", State.AUTHORIZATION, "AUTH takes"),
        (b"AUTH PL\xc3\xa4IN", State.AUTHORIZATION, "AUTH takes"),
        (b"AUTH PLAIN A", State.AUTHORIZATION, "not base64"),
        (b"AUTH PLAIN AHRpbQB4!", State.AUTHORIZATION, "not base64"),
        (b"STLS now", State.AUTHORIZATION, "no argument"),
        (b"LIST 1 2", State.TRANSACTION, "one message number"),
        (b"RETR", State.TRANSACTION, "one message number"),
        (b"RETR -1", State.TRANSACTION, "not a number"),
        (b"RETR \xd9\xa1", State.TRANSACTION, "not a number"),
        (b"DELE 1234567890", State.TRANSACTION, "not a number"),
        (b"TOP 1", State.TRANSACTION, "TOP takes"),
        (b"TOP 1 x", State.TRANSACTION, "not a number"),
    ],
)
def test_refused(line: bytes, state: State, words: str) -> None:
    with pytest.raises(ParseFault, match=words):
        c.parse_command(line, state)


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"post /x HTTP/1.0", b"EHLO x", b"helo x"])
def test_other_protocols(line: bytes) -> None:
    with pytest.raises(c.ForeignProtocol):
        c.parse_command(line, State.AUTHORIZATION)


def test_every_word_of_a_password_may_look_like_http() -> None:
    assert c.parse_command(b"PASS x HTTP/1", State.AUTHORIZATION) == c.Pass(Secret("x HTTP/1"))
