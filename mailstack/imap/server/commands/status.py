"""STATUS: counts of a mailbox without opening it."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.objectid import mailbox_id
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State
from mailstack.store.values import Status

__all__ = ["ROWS", "answer", "items"]

# status-att: RFC 9051 §6.3.11; RECENT: RFC 3501 §6.3.10; SIZE: RFC 8438 §2; HIGHESTMODSEQ: RFC 7162 §3.1.7
_ITEMS: MappingProxyType[bytes, Callable[[Status], int]] = MappingProxyType(
    {
        b"MESSAGES": attrgetter("messages"),
        b"RECENT": attrgetter("recent"),
        b"UIDNEXT": attrgetter("uidnext"),
        b"UIDVALIDITY": attrgetter("uidvalidity"),
        b"UNSEEN": attrgetter("unseen"),
        b"DELETED": attrgetter("deleted"),
        b"SIZE": attrgetter("size"),
        b"HIGHESTMODSEQ": attrgetter("highest_modseq"),
    }
)
_APPENDLIMIT: Final = b"APPENDLIMIT"  # RFC 7889 §3.1
_DELETED_STORAGE: Final = b"DELETED-STORAGE"  # RFC 9208 §4.1.4: octets, as RFC822.SIZE counts
_MAILBOXID: Final = b"MAILBOXID"  # RFC 8474 §4.3


@dataclass(frozen=True, slots=True)
class StatusOf(Command):
    mailbox: str
    items: tuple[bytes, ...]


def parse(cur: Cursor) -> StatusOf:
    """status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"   RFC 9051 §9"""
    name = cur.mailbox()
    cur.space()
    return StatusOf(name, items(cur))


def items(cur: Cursor) -> tuple[bytes, ...]:
    """The parenthesised items, as STATUS and LIST … RETURN (STATUS …) have them.  RFC 5819 §2"""
    return tuple(dict.fromkeys(cur.listed(_item)))


def _item(cur: Cursor) -> bytes:
    name = cur.word()
    if name not in _ITEMS and name not in {_APPENDLIMIT, _DELETED_STORAGE, _MAILBOXID}:
        raise ParseFault("no such STATUS item")
    return name


async def answer(name: str, wanted: tuple[bytes, ...], session: Session) -> Untagged:
    """`STATUS name (MESSAGES 3 …)`, the items in the order they were asked for.  MailError(NO_SUCH_MAILBOX)"""
    status = await session.account.status(name)
    folder = session.account.folder(name)
    deleted_octets = session.account.deleted_octets(name) if _DELETED_STORAGE in wanted else 0

    def value(item: bytes) -> bytes:
        if item == _MAILBOXID:
            return b"(%b)" % mailbox_id(folder.id)
        if item == _DELETED_STORAGE:
            return b"%d" % deleted_octets
        return b"%d" % (session.limits.message_bytes if item == _APPENDLIMIT else _ITEMS[item](status))

    pairs = b" ".join(b"%b %b" % (item, value(item)) for item in wanted)
    return Untagged(b"STATUS %b (%b)" % (session.wire_name(name), pairs))


async def handle(cmd: StatusOf, session: Session, out: Sink) -> Done:
    if b"HIGHESTMODSEQ" in cmd.items:
        await session.know_modseqs(out)
    await out(await answer(cmd.mailbox, cmd.items, session))
    return Done("STATUS completed")


ROWS = (Row(b"STATUS", parse, handle, State.LOGGED_IN, capability=b"STATUS=SIZE"),)
