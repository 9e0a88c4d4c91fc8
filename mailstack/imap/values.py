"""What the grammar makes of commands, and what a command's row says about it.

A row is data: the engine reads the name, the states and what follows a positive
answer; the session calls the handler.  `imap/server/commands/__init__.py` holds
the conventions and joins all rows into one table.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Final

from mailstack.base.engine import After
from mailstack.base.errors import ParseFault
from mailstack.imap.responses import Continue, Done, Response
from mailstack.store.values import SYSTEM_FLAGS

__all__ = ["FLAG_LIMIT", "Command", "Handler", "ImapLimits", "Row", "Seqs", "Sink", "State", "checked_flags"]


@dataclass(frozen=True, slots=True)
class ImapLimits:
    """Octets, counts and seconds.  DESIGN §4"""

    unauthenticated_bytes: int = 64 * 1024  # one command with its literals, before login
    command_bytes: int = 1024 * 1024  # the same after login; APPEND's message is not counted
    message_bytes: int = 50 * 1024 * 1024
    append_bytes: int = 200 * 1024 * 1024  # all messages of one APPEND
    append_messages: int = 5000  # the same
    bad_commands: int = 20  # in a row, or before login in all: then BYE
    sessions_per_account: int = 100
    login_seconds: float = 60
    idle_seconds: float = 30 * 60  # RFC 9051 §5.4: not less
    nesting: int = 100  # parentheses in SEARCH


class State(Flag):
    """RFC 9051 §3"""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    LOGOUT = auto()

    LOGGED_IN = AUTHENTICATED | SELECTED
    ANY = NOT_AUTHENTICATED | AUTHENTICATED | SELECTED


class Seqs(Flag):
    """What a command has to do with sequence numbers.  RFC 3501 §7.4.1, RFC 9051 §7.5.1"""

    NONE = 0
    USES = auto()  # its arguments or answers hold them
    BREAKS = auto()  # its answer may be followed by EXPUNGE; without it those wait for a later command


@dataclass(frozen=True, slots=True)
class Command:
    """One command's arguments as values; a command without arguments is just this.  The tag stays in the engine."""


Sink = Callable[[Response], Awaitable[None]]
Handler = Callable[[Any, Any, Sink], Awaitable[Done | Continue]]


@dataclass(frozen=True, slots=True)
class Row:
    """One command: everything that engine and session must know.

    parse     (cursor behind the name and its space) → Command; the engine checks that nothing is left
    handle    (command, session, out) → Done
    states    where it is legal; elsewhere the engine answers BAD
    seqs      see `Seqs`
    capability  advertised after login when the row is in the table; b"" for none
    uid_form  the table makes `UID name` from the same row (then numset() reads UIDs, and EXPUNGE may follow)
    then      the state after OK; None: no change
    otherwise the state after NO (SELECT: RFC 9051 §6.3.2); None: no change
    after     what the connection does after OK
    resume    (line, session, out) → Done | Continue: `handle` answered Continue, and this line came
    compresses  octets of both sides are deflated behind its OK
    begin     (command, session) → the Staged that takes the literal, or Done: refused; the row is APPEND's
    further   (cursor behind the literal, the command before it) → what is said there: up to another literal, or the end
    """

    name: bytes
    parse: Callable[[Any], Any]
    handle: Handler
    states: State
    seqs: Seqs = Seqs.BREAKS
    capability: bytes = b""
    uid_form: bool = False
    then: State | None = None
    otherwise: State | None = None
    after: After = After.GO_ON
    resume: Callable[[bytes, Any, Sink], Awaitable[Done | Continue]] | None = None
    begin: Callable[[Any, Any], Awaitable[Any]] | None = None
    further: Callable[[Any, Any], Any] | None = None
    compresses: bool = False


FLAG_LIMIT: Final = 200  # octets of a keyword
_SYSTEM: Final = {flag.lower(): flag for flag in SYSTEM_FLAGS}


def checked_flags(flags: Iterable[bytes]) -> tuple[str, ...]:
    """Flags as the store takes them: each once, system flags in their one spelling.  RFC 9051 §2.3.2

    quirk: `\\Recent` in STORE or APPEND is passed over (imapsync and old mirrors send it back).
    """
    kept: dict[str, str] = {}
    for octets in flags:
        flag = octets.decode("ascii")
        folded = flag.lower()
        if folded == "\\recent":
            continue
        if flag.startswith("\\") and folded not in _SYSTEM:
            raise ParseFault(f"no such system flag: {flag[:40]}")
        if len(flag) > FLAG_LIMIT:
            raise ParseFault(f"a keyword has at most {FLAG_LIMIT} octets")
        kept.setdefault(folded, _SYSTEM.get(folded, flag))
    return tuple(kept.values())
