"""What a command is made of: states, rows of the verb table, what an extension may add."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from mailstack.base.errors import ParseFault
from mailstack.smtp.values import Command, Param, Reply, Terms

__all__ = ["ANY_STATE", "CommandFault", "Context", "Extension", "State", "Verb"]


class State(Enum):
    """Where a conversation is."""

    FRESH = auto()  # no EHLO yet, or none since TLS
    GREETED = auto()
    MAIL = auto()  # a sender, no recipient yet
    RCPT = auto()  # at least one recipient
    BODY = auto()  # the octets are a message
    CHUNKS = auto()  # at least one BDAT, and not yet the last
    AUTH = auto()  # the lines are answers of a SASL exchange


ANY_STATE = frozenset({State.FRESH, State.GREETED, State.MAIL, State.RCPT, State.CHUNKS})


class CommandFault(ParseFault):
    """The command is wrong; `reply` says in which way."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Context:
    """What a parser may want to know: the parameters that are offered now, and whether SMTPUTF8 was asked for."""

    mail: Mapping[str, Param[Any]] = field(default_factory=dict)
    rcpt: Mapping[str, Param[Any]] = field(default_factory=dict)
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """A row of the verb table.  `parse` gets what stands behind the verb, without blanks at its ends."""

    name: str
    parse: Callable[[str, Context], Command]
    states: frozenset[State]


@dataclass(frozen=True, slots=True)
class Extension:
    """One SMTP service extension (RFC 5321 §2.2).

    `line` gives its EHLO line under the present terms, None when it is not offered:
    then its parameters are unknown.  Its verbs are known all the same, so that the
    session can say why not.
    """

    keyword: str
    line: Callable[[Terms], str | None]
    mail: tuple[Param[Any], ...] = ()
    rcpt: tuple[Param[Any], ...] = ()
    verbs: tuple[Verb, ...] = ()
