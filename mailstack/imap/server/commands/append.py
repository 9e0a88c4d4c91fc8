"""APPEND: messages that the client has, into a mailbox; all of them or none.  RFC 3501 §6.3.11, RFC 3502

The message streams into its file while it comes; the engine has refused what is
above the limit before it was sent.  Bare LFs, which scripts and old mirrors send,
become CRLF on the way: everything that is served from the file counts in CRLF.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mailstack.base.errors import MailError
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import compact
from mailstack.imap.responses import Done
from mailstack.imap.server.commands.copy import try_create
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State
from mailstack.store.values import Appended, Incoming, Staged

__all__ = ["ROWS", "Append", "Message", "WithCrlf", "appenduid", "begin", "incoming", "parse_message"]


@dataclass(frozen=True, slots=True)
class Message:
    """What is said of one message before its octets."""

    flags: tuple[str, ...]
    internal_date: datetime | None


@dataclass(frozen=True, slots=True)
class Append(Command):
    target: str
    message: Message


def parse(cur: Cursor) -> Append:
    """append = "APPEND" SP mailbox 1*append-message   RFC 3502

    The engine reads the further messages with `parse_message`.
    """
    target = cur.mailbox()
    return Append(target, parse_message(cur))


def parse_message(cur: Cursor) -> Message:
    """append-message = [SP flag-list] [SP date-time] SP (literal / literal8)   RFC 3502, RFC 3516 §7"""
    cur.space()
    flags: tuple[str, ...] = ()
    internal_date = None
    if cur.peek() == b"(":
        flags = cur.flag_list()
        cur.space()
    if cur.peek() == b'"':
        internal_date = cur.datetime()
        cur.space()
    cur.took(b"~")
    cur.literal_size()
    return Message(flags, internal_date)


_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


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
        if data.count(b"\n") != data.count(b"\r\n") + split:
            data = b"\n" + _BARE_LF.sub(b"\r\n", data[1:]) if split else _BARE_LF.sub(b"\r\n", data)
        self._after_cr = data.endswith(b"\r")
        self.staged.write(data)

    def finish(self) -> None:
        self.staged.finish()

    def discard(self) -> None:
        self.staged.discard()


async def begin(cmd: Append | Message, session: Session) -> WithCrlf | Done:
    """A mailbox that does not exist is said before the message is sent.  RFC 3501 §6.3.11"""
    if isinstance(cmd, Append):
        try:
            session.account.folder(cmd.target)
        except MailError as failure:
            return try_create(failure)
    return WithCrlf(session.store.stage())


async def handle(cmd: Append, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 3501 §6.3.11; APPENDUID: RFC 4315 §3.  An empty message cancels all: RFC 3502."""
    messages = incoming(cmd, session)
    if isinstance(messages, Done):
        return messages
    try:
        appended = await session.account.append(cmd.target, messages)
    except MailError as failure:
        return try_create(failure)
    return Done("APPEND completed", appenduid(appended))


def incoming(cmd: Append, session: Session) -> list[Incoming] | Done:
    """What has come, for the store; NO when a message is empty, or has NULs, which mail has not (RFC 3516 §4.4)."""
    messages = []
    for said, written in session.messages:
        assert isinstance(written, WithCrlf)
        if not written.size:
            return Done.no("A message has at least one octet")
        if written.has_nul:
            return Done.no("A message has no NUL octets", b"UNKNOWN-CTE")
        message = said if isinstance(said, Message) else cmd.message
        messages.append(Incoming(written.staged, message.flags, message.internal_date))
    return messages


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
        capability=b"LITERAL+ MULTIAPPEND",
        begin=begin,
        further=parse_message,
    ),
)
