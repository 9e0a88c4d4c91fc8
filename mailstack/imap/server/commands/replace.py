"""REPLACE: a message of the selected mailbox goes, and one that the client has takes its place.  RFC 8508"""

from dataclasses import dataclass

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.imap.catenate import Message, parse_further, parse_messages
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import NumSet
from mailstack.imap.responses import Done, Ok
from mailstack.imap.server.commands import append
from mailstack.imap.server.commands.append import Append, WithCrlf, appenduid
from mailstack.imap.server.commands.copy import try_create
from mailstack.imap.server.commands.expunge import told_modseq
from mailstack.imap.server.commands.fetch import gone_answer
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Seqs, Sink, State

__all__ = ["ROWS"]


@dataclass(frozen=True, slots=True)
class Replace(Append):
    which: NumSet


def parse(cur: Cursor) -> Replace:
    """replace = "REPLACE" SP (seq-number / uniqueid) SP mailbox append-message   RFC 8508 §5"""
    which = cur.numset()
    (ends,) = which.ranges if len(which.ranges) == 1 else ((0, 1),)
    if ends[0] != ends[1]:
        raise ParseFault("one message is replaced, not several")
    cur.space()
    target = cur.mailbox()
    return Replace(target, parse_messages(cur, several=False), which)


def further(cur: Cursor, before: Replace | tuple[Message, ...]) -> tuple[Message, ...]:
    """Behind the literal: pieces of the same message (CATENATE), and the end."""
    return parse_further(cur, before.messages if isinstance(before, Replace) else before, several=False)


async def begin(cmd: Replace | tuple[Message, ...], session: Session) -> WithCrlf | Done:
    """What cannot be replaced is said before the message is sent."""
    if session.read_only:
        raise MailError(Condition.READ_ONLY, "Mailbox is open read-only")
    if isinstance(cmd, Replace) and not _uid(cmd, session):
        return gone_answer()
    return await append.begin(cmd, session)


def _uid(cmd: Replace, session: Session) -> int:
    """The message's UID, 0 when it is gone.  ParseFault for a number that does not exist."""
    asked = session.view.select(cmd.which)
    return asked[0] if asked and session.mailbox.columns.position(asked[0]) is not None else 0


async def handle(cmd: Replace, session: Session, out: Sink) -> Done:
    """Both or neither; APPENDUID comes before the EXPUNGE, which the session tells.  RFC 8508 §3.4, §4.3"""
    made: list[WithCrlf] = []
    try:
        messages = await append.incoming(cmd, session, made)
        uid = _uid(cmd, session)
        if isinstance(messages, Done):
            return messages
        if not uid:
            return gone_answer()
        appended = await session.mailbox.replace(uid, cmd.target, messages[0])
    except MailError as failure:
        return try_create(failure)
    finally:
        for each in made:
            each.discard()
    await out(Ok("Replacement message ready", appenduid(appended)))
    return Done("REPLACE completed", told_modseq(session))


ROWS = (
    Row(
        b"REPLACE",
        parse,
        handle,
        State.SELECTED,
        Seqs.USES | Seqs.BREAKS,
        capability=b"REPLACE",
        uid_form=True,
        begin=begin,
        further=further,
    ),
)
