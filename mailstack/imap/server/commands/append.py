"""APPEND: messages that the client has, into a mailbox; all of them or none.  RFC 3501 §6.3.11, RFC 3502

The message streams into its file while it comes; the engine has refused what is
above the limit before it was sent.  Bare LFs, which scripts and old mirrors send,
become CRLF on the way: everything that is served from the file counts in CRLF.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from mailstack.base.errors import MailError
from mailstack.imap.catenate import Message, parse_further, parse_messages
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import compact
from mailstack.imap.responses import Done
from mailstack.imap.server.commands.catenation import Catenation
from mailstack.imap.server.commands.copy import try_create
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State
from mailstack.store.values import Appended, Incoming, Staged

__all__ = ["ROWS", "Append", "WithCrlf", "appenduid", "begin", "incoming"]


@dataclass(frozen=True, slots=True)
class Append(Command):
    target: str
    messages: tuple[Message, ...]  # up to the first literal


def parse(cur: Cursor) -> Append:
    """append = "APPEND" SP mailbox 1*append-message   RFC 3502

    The engine reads what stands behind a literal with `further`.
    """
    target = cur.mailbox()
    return Append(target, parse_messages(cur))


def further(cur: Cursor, before: Append | tuple[Message, ...]) -> tuple[Message, ...]:
    """Behind a literal.  RFC 3502, RFC 4469 §5"""
    return parse_further(cur, before.messages if isinstance(before, Append) else before)


_BARE_LF: Final = re.compile(rb"\n(?<!\r\n)")  # in this order it is found fifteen times as fast


class WithCrlf:
    """Writes to `staged` what it is given, with CRLF for each bare LF, however the octets are cut."""

    def __init__(self, staged: Staged) -> None:
        self.staged = staged
        self._after_cr = False
        self.has_nul = False

    @property
    def size(self) -> int:
        return self.staged.size

    def write(self, data: bytes) -> None:
        self.has_nul = self.has_nul or b"\0" in data
        split = self._after_cr and data.startswith(b"\n")
        if _BARE_LF.search(data, split):
            data = b"\n" + _BARE_LF.sub(b"\r\n", data[1:]) if split else _BARE_LF.sub(b"\r\n", data)
        self._after_cr = data.endswith(b"\r")
        self.staged.write(data)

    def read(self, offset: int, length: int) -> bytes:
        return self.staged.read(offset, length)

    def finish(self) -> None:
        self.staged.finish()

    def park(self) -> None:
        self.staged.park()

    def discard(self) -> None:
        self.staged.discard()


async def begin(cmd: Append | tuple[Message, ...], session: Session) -> WithCrlf | Done:
    """A mailbox that does not exist is said before the message is sent.  RFC 3501 §6.3.11"""
    if isinstance(cmd, Append):
        try:
            session.account.folder(cmd.target)
        except MailError as failure:
            return try_create(failure)
    return WithCrlf(session.store.stage())


async def handle(cmd: Append, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 3501 §6.3.11; APPENDUID: RFC 4315 §3.  An empty message cancels all: RFC 3502."""
    made: list[WithCrlf] = []
    try:
        messages = await incoming(cmd, session, made)
        if isinstance(messages, Done):
            return messages
        appended = await session.account.append(cmd.target, messages)
    except MailError as failure:
        return try_create(failure)
    finally:
        for each in made:
            each.discard()
    if session.selected is not None:
        session.selected.made_here(appended.mailbox, appended.uids)
    return Done("APPEND completed", appenduid(appended))


async def incoming(cmd: Append, session: Session, made: list[WithCrlf]) -> list[Incoming] | Done:
    """What has come, for the store; NO when a message is empty, or has NULs, which mail has not (RFC 3516 §4.4).

    Messages that had to be put together go into `made` too: the caller discards them.
    """
    messages: list[Incoming] = []
    for said, pieces in _grouped(cmd, session):
        if said.catenates:
            written = WithCrlf(session.store.stage())
            made.append(written)
            refused = await _catenated(pieces, Catenation(session, written))
            if refused is not None:
                return refused
            written.finish()
        else:
            whole = pieces[0][1]
            assert isinstance(whole, WithCrlf)
            written = whole
        if not written.size:
            return Done.no("A message has at least one octet")
        if written.has_nul:
            return Done.no("A message has no NUL octets", b"UNKNOWN-CTE")
        messages.append(Incoming(written.staged, said.flags, said.internal_date))
    return messages


_Pieces = list[tuple[Message, Any]]  # what was said before each literal, and the literal (None: it ends so)


def _grouped(cmd: Append, session: Session) -> list[tuple[Message, _Pieces]]:
    """Each message with its pieces: what was said before each literal, and the literal."""
    told: _Pieces = []
    for said, written in session.messages:
        *before, last = said if isinstance(said, tuple) else cmd.messages
        told += [*((each, None) for each in before), (last, written)]
    end = session.ended_with if told else cmd.messages
    if isinstance(end, tuple):
        told += [(each, None) for each in end]
    groups: list[tuple[Message, _Pieces]] = []
    for said, piece in told:
        if said.begins:
            groups.append((said, []))
        groups[-1][1].append((said, piece))
    return groups


async def _catenated(pieces: _Pieces, catenation: Catenation) -> Done | None:
    for said, text in pieces:
        refused = await catenation.add(said, text)
        if refused is not None:
            return refused
    return None


def appenduid(appended: Appended) -> bytes:
    """resp-code-apnd = "APPENDUID" SP nz-number SP append-uid   RFC 4315 §4, RFC 3502"""
    return b"APPENDUID %d %b" % (appended.uidvalidity, compact(appended.uids))


ROWS = (
    Row(
        b"APPEND",
        parse,
        handle,
        State.LOGGED_IN,
        Seqs.BREAKS,
        capability=b"LITERAL+ MULTIAPPEND CATENATE UTF8=ACCEPT",
        begin=begin,
        further=further,
    ),
)
