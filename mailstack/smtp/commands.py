"""The commands of RFC 5321 §4.1.1: from octets to values.  What extensions add is in `extensions`."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mailstack.base.errors import ParseFault
from mailstack.smtp import paths, replies
from mailstack.smtp.grammar import ANY_STATE, CommandFault, Context, State, Verb
from mailstack.smtp.values import (
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Param,
    Params,
    Quit,
    Rcpt,
    Reply,
    Rset,
    Vrfy,
)

__all__ = ["VERBS", "is_foreign", "without_argument"]

_NOT_HOST = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_VALUE = re.compile(r"[!-<>-~\u0080-\U0010ffff]+")

# the first words of others: browsers and scanners (HTTP, SIP, RTSP), SSH, and a header field of theirs
_FOREIGN = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI|INVITE|REGISTER|DESCRIBE) \S+ \S+/\d"
    rb"|SSH-\d|(?:Host|User-Agent|Content-Length): ",
    re.IGNORECASE,
)


def is_foreign(line: bytes) -> bool:
    """Whether a line that is no SMTP command is of another protocol: then nothing that follows is for us."""
    return _FOREIGN.match(line) is not None


def without_argument(command: type[Command]) -> Callable[[str, Context], Command]:
    """The parser of a verb that stands alone."""

    def parse(argument: str, _context: Context) -> Command:
        if argument:
            raise CommandFault(replies.BAD_ARGUMENT)
        return command()

    return parse


def _host(argument: str) -> str:
    """Domain / address-literal; quirk: any word, for RFC 5321 §4.1.4 forbids to refuse a client for its name."""
    if not argument:
        raise CommandFault(replies.BAD_ARGUMENT)
    return _NOT_HOST.sub("?", argument)[:255]


def _helo(argument: str, _context: Context) -> Helo:
    """helo = "HELO" SP Domain CRLF     RFC 5321 §4.1.1.1"""
    return Helo(_host(argument))


def _ehlo(argument: str, _context: Context) -> Ehlo:
    """ehlo = "EHLO" SP ( Domain / address-literal ) CRLF     RFC 5321 §4.1.1.1"""
    return Ehlo(_host(argument))


def _mail(argument: str, context: Context) -> Mail:
    """mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF     RFC 5321 §4.1.1.2

    Without SMTPUTF8 in the transaction all of it is ASCII: RFC 6531 §3.4, §3.5
    """
    address, params = _path_and_params(argument, "FROM:", paths.reverse_path, replies.BAD_SENDER, context.mail)
    if not argument.isascii() and "SMTPUTF8" not in tuple(params):
        raise CommandFault(replies.SENDER_NEEDS_SMTPUTF8)
    return Mail(address, params)


def _rcpt(argument: str, context: Context) -> Rcpt:
    """rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF

    RFC 5321 §4.1.1.3
    """
    address, params = _path_and_params(argument, "TO:", paths.forward_path, replies.BAD_RECIPIENT, context.rcpt)
    if not argument.isascii() and not context.utf8:
        raise CommandFault(replies.RECIPIENT_NEEDS_SMTPUTF8)
    return Rcpt(address, params)


def _path_and_params(
    argument: str,
    word: str,
    path: Callable[[str], tuple[str, str]],
    bad_path: Reply,
    known: Mapping[str, Param[Any]],
) -> tuple[str, Params]:
    if argument[: len(word)].upper() != word:
        raise CommandFault(replies.BAD_ARGUMENT)
    try:
        address, rest = path(argument[len(word) :].lstrip(" "))  # quirk: a blank behind the colon, very common
    except ParseFault:
        raise CommandFault(bad_path) from None
    return address, _params(rest, known) if rest else Params()


def _params(text: str, known: Mapping[str, Param[Any]]) -> Params:
    """Mail-parameters = esmtp-param *(SP esmtp-param)     RFC 5321 §4.1.2"""
    values: dict[str, Any] = {}
    for word in text.split():
        keyword, equals, value = word.partition("=")
        keyword = keyword.upper()
        if not _KEYWORD.fullmatch(keyword):
            raise CommandFault(replies.BAD_ARGUMENT)
        param = known.get(keyword)
        if param is None:
            raise CommandFault(replies.UNKNOWN_PARAMETER)
        if keyword in values or (equals and not _VALUE.fullmatch(value)):
            raise CommandFault(replies.BAD_PARAMETER)
        values[keyword] = _value(param, value if equals else None)
    return Params(values)


def _value(param: Param[Any], value: str | None) -> Any:
    try:
        return param.parse(value)
    except CommandFault:
        raise
    except ParseFault:
        raise CommandFault(replies.BAD_PARAMETER) from None


def _vrfy(argument: str, _context: Context) -> Vrfy:
    if not argument:
        raise CommandFault(replies.BAD_ARGUMENT)
    return Vrfy(argument)


def _expn(argument: str, _context: Context) -> Expn:
    if not argument:
        raise CommandFault(replies.BAD_ARGUMENT)
    return Expn(argument)


def _help(argument: str, _context: Context) -> Help:
    return Help(argument)


def _noop(_argument: str, _context: Context) -> Noop:
    """noop = "NOOP" [ SP String ] CRLF: the string is ignored     RFC 5321 §4.1.1.9"""
    return Noop()


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        verb.name: verb
        for verb in (
            Verb("HELO", _helo, ANY_STATE),
            Verb("EHLO", _ehlo, ANY_STATE),
            Verb("MAIL", _mail, frozenset({State.GREETED})),
            Verb("RCPT", _rcpt, frozenset({State.MAIL, State.RCPT})),
            Verb("DATA", without_argument(Data), frozenset({State.RCPT})),
            Verb("RSET", without_argument(Rset), ANY_STATE),
            Verb("NOOP", _noop, ANY_STATE),
            Verb("QUIT", without_argument(Quit), ANY_STATE),
            Verb("VRFY", _vrfy, ANY_STATE),
            Verb("EXPN", _expn, ANY_STATE),
            Verb("HELP", _help, ANY_STATE),
        )
    }
)
