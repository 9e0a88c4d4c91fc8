"""APPEND: a message that the client has, into a mailbox.

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
from mailstack.imap.responses import Done
from mailstack.imap.server.commands.copy import try_create
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State
from mailstack.store.api import Incoming, Staged

__all__ = ["ROWS"]


@dataclass(frozen=True, slots=True)
class Append(Command):
    target: str
    flags: tuple[str, ...]
    internal_date: datetime | None


def parse(cur: Cursor) -> Append:
    """append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal   RFC 3501 §9"""
    target = cur.mailbox()
    cur.space()
    flags: tuple[str, ...] = ()
    internal_date = None
    if cur.peek() == b"(":
        flags = cur.flag_list()
        cur.space()
    if cur.peek() == b'"':
        internal_date = cur.datetime()
        cur.space()
    cur.literal_size()
    return Append(target, flags, internal_date)


_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


class WithCrlf:
    """Writes to `staged` what it is given, with CRLF for each bare LF, however the octets are cut."""

    def __init__(self, staged: Staged) -> None:
        self.staged = staged
        self._after_cr = False

    @property
    def size(self) -> int:
        return self.staged.size

    def write(self, data: bytes) -> None:
        split = self._after_cr and data.startswith(b"\n")
        if data.count(b"\n") != data.count(b"\r\n") + split:
            data = b"\n" + _BARE_LF.sub(b"\r\n", data[1:]) if split else _BARE_LF.sub(b"\r\n", data)
        self._after_cr = data.endswith(b"\r")
        self.staged.write(data)

    def finish(self) -> None:
        self.staged.finish()

    def discard(self) -> None:
        self.staged.discard()


async def begin(cmd: Append, session: Session) -> WithCrlf | Done:
    """A mailbox that does not exist is said before the message is sent.  RFC 3501 §6.3.11"""
    try:
        session.account.folder(cmd.target)
    except MailError as failure:
        return try_create(failure)
    return WithCrlf(session.store.stage())


async def handle(cmd: Append, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 3501 §6.3.11; APPENDUID: RFC 4315 §3"""
    written = session.staged
    assert isinstance(written, WithCrlf)
    if not written.size:
        return Done.no("A message has at least one octet")
    incoming = Incoming(written.staged, cmd.flags, cmd.internal_date)
    try:
        appended = await session.account.append(cmd.target, [incoming])
    except MailError as failure:
        return try_create(failure)
    return Done("APPEND completed", b"APPENDUID %d %d" % (appended.uidvalidity, appended.uids[0]))


ROWS = (Row(b"APPEND", parse, handle, State.LOGGED_IN, Seqs.BREAKS, capability=b"LITERAL+", begin=begin),)
