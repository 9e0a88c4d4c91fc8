"""Commands of POP3 as values, their grammar, and the table of them.

    command = keyword *(SP param) CRLF     RFC 2449 §3

Keywords are taken in any case.  quirk: blanks behind a command are passed over
(Outlook sends `AUTH `); only a password keeps them.
"""

import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailstack.base.errors import ParseFault
from mailstack.base.secret import Secret
from mailstack.pop3.values import State
from mailstack.sasl.fields import NAME_LIMIT, PASSWORD_LIMIT, text_field

__all__ = [
    "VERBS",
    "Auth",
    "AuthLine",
    "Capa",
    "Command",
    "Dele",
    "ForeignProtocol",
    "Lang",
    "List",
    "Noop",
    "Pass",
    "Quit",
    "Retr",
    "Rset",
    "Stat",
    "Stls",
    "Top",
    "Uidl",
    "User",
    "Utf8",
    "from_base64",
    "parse_command",
]


@dataclass(frozen=True, slots=True)
class Capa:
    """RFC 2449 §5"""


@dataclass(frozen=True, slots=True)
class User:
    name: str


@dataclass(frozen=True, slots=True)
class Pass:
    """`name` is what USER said; the engine has put it in."""

    password: Secret
    name: str = ""


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH; `mechanism` "" asks which there are, `initial` None is no initial response.  RFC 5034 §4"""

    mechanism: str = ""
    initial: bytes | None = None


@dataclass(frozen=True, slots=True)
class AuthLine:
    """The client's answer to a challenge, out of base64.  Not in the table: the engine knows when it comes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Stls:
    """RFC 2595 §4"""


@dataclass(frozen=True, slots=True)
class Quit:
    pass


@dataclass(frozen=True, slots=True)
class Stat:
    pass


@dataclass(frozen=True, slots=True)
class List:
    number: int | None = None  # None: all


@dataclass(frozen=True, slots=True)
class Uidl:
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Retr:
    number: int


@dataclass(frozen=True, slots=True)
class Top:
    """The header, the blank line, and `lines` lines of the body."""

    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Dele:
    number: int


@dataclass(frozen=True, slots=True)
class Noop:
    pass


@dataclass(frozen=True, slots=True)
class Rset:
    pass


@dataclass(frozen=True, slots=True)
class Utf8:
    """RFC 6856 §2.1"""


@dataclass(frozen=True, slots=True)
class Lang:
    """`language` "" asks which there are, "*" is for whatever the server likes best.  RFC 6856 §3"""

    language: str = ""


Command = (
    Utf8
    | Lang
    | Capa
    | User
    | Pass
    | Auth
    | AuthLine
    | Stls
    | Quit
    | Stat
    | List
    | Uidl
    | Retr
    | Top
    | Dele
    | Noop
    | Rset
)

_DIGITS = re.compile(rb"[0-9]{1,9}")  # more messages than nine digits can count is no maildrop
_LANGUAGE = re.compile(rb"\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}")  # RFC 4422 §3.1
_FOREIGN = re.compile(rb"[A-Z]+ \S+ HTTP/\d|(?:EHLO|HELO) ", re.IGNORECASE)


class ForeignProtocol(ParseFault):
    """HTTP or SMTP: the peer has the wrong port, or was led here to do harm."""


def parse_command(line: bytes, state: State) -> Command:
    """One line without its CRLF.  ParseFault says what is wrong with it, or that it may not be said now."""
    keyword, _, rest = line.partition(b" ")
    row = VERBS.get(keyword.upper())
    if row is None:
        if _FOREIGN.match(line):
            raise ForeignProtocol("this is POP3")
        raise ParseFault("unknown command")
    parse, states = row
    if not states._value_ & state._value_:  # as `&` of the flags says, which takes ten times as long
        raise ParseFault("log in first" if state is State.AUTHORIZATION else "you have logged in already")
    return parse(rest)


def from_base64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except binascii.Error:
        # not chained: the octets may be a password
        raise ParseFault("not base64") from None


def _params(rest: bytes) -> list[bytes]:
    return [param for param in rest.split(b" ") if param]


def _none(rest: bytes) -> None:
    if _params(rest):
        raise ParseFault("no argument expected")


def _number(param: bytes) -> int:
    if not _DIGITS.fullmatch(param):
        raise ParseFault("not a number")
    return int(param)


def _one_number(rest: bytes) -> int:
    params = _params(rest)
    if len(params) != 1:
        raise ParseFault("one message number expected")
    return _number(params[0])


def _optional_number(rest: bytes) -> int | None:
    return _one_number(rest) if rest.strip(b" ") else None


def _capa(rest: bytes) -> Capa:
    _none(rest)
    return Capa()


def _user(rest: bytes) -> User:
    """USER SP name: all of the line, for names with blanks.  RFC 1939 §7"""
    return User(text_field(rest.strip(b" "), "user name", NAME_LIMIT))


def _pass(rest: bytes) -> Pass:
    """PASS SP string: all of the line, for passwords with blanks anywhere.  RFC 1939 §7"""
    return Pass(Secret(text_field(rest, "password", PASSWORD_LIMIT)))


def _auth(rest: bytes) -> Auth:
    """AUTH SP sasl-mech [SP (base64 / "=")]     RFC 5034 §7"""
    params = _params(rest)
    if not params:
        return Auth()
    mechanism = params[0].decode("ascii", "replace").upper()
    if len(params) > 2 or not _MECHANISM.fullmatch(mechanism):
        raise ParseFault("AUTH takes a mechanism and an initial response")
    if len(params) == 1:
        return Auth(mechanism)
    return Auth(mechanism, b"" if params[1] == b"=" else from_base64(params[1]))


def _stls(rest: bytes) -> Stls:
    _none(rest)
    return Stls()


def _quit(rest: bytes) -> Quit:
    _none(rest)
    return Quit()


def _stat(rest: bytes) -> Stat:
    _none(rest)
    return Stat()


def _list(rest: bytes) -> List:
    return List(_optional_number(rest))


def _uidl(rest: bytes) -> Uidl:
    return Uidl(_optional_number(rest))


def _retr(rest: bytes) -> Retr:
    return Retr(_one_number(rest))


def _top(rest: bytes) -> Top:
    """TOP SP msg SP n     RFC 1939 §7"""
    params = _params(rest)
    if len(params) != 2:
        raise ParseFault("TOP takes a message number and a number of lines")
    return Top(_number(params[0]), _number(params[1]))


def _dele(rest: bytes) -> Dele:
    return Dele(_one_number(rest))


def _noop(rest: bytes) -> Noop:
    _none(rest)
    return Noop()


def _rset(rest: bytes) -> Rset:
    _none(rest)
    return Rset()


def _utf8(rest: bytes) -> Utf8:
    _none(rest)
    return Utf8()


def _lang(rest: bytes) -> Lang:
    """LANG [SP lang-range]     RFC 6856 §3.2, RFC 4647 §2.1"""
    params = _params(rest)
    if len(params) > 1 or (params and not _LANGUAGE.fullmatch(params[0])):
        raise ParseFault("LANG takes a language tag")
    return Lang(params[0].decode("ascii").lower() if params else "")


VERBS: Mapping[bytes, tuple[Callable[[bytes], Command], State]] = MappingProxyType(
    {
        b"CAPA": (_capa, State.ANY),
        b"USER": (_user, State.AUTHORIZATION),
        b"PASS": (_pass, State.AUTHORIZATION),
        b"AUTH": (_auth, State.AUTHORIZATION),
        b"STLS": (_stls, State.AUTHORIZATION),
        b"QUIT": (_quit, State.ANY),
        b"UTF8": (_utf8, State.AUTHORIZATION),
        b"LANG": (_lang, State.ANY),
        b"STAT": (_stat, State.TRANSACTION),
        b"LIST": (_list, State.TRANSACTION),
        b"UIDL": (_uidl, State.TRANSACTION),
        b"RETR": (_retr, State.TRANSACTION),
        b"TOP": (_top, State.TRANSACTION),
        b"DELE": (_dele, State.TRANSACTION),
        b"NOOP": (_noop, State.TRANSACTION),
        b"RSET": (_rset, State.TRANSACTION),
    }
)
