"""STORE: change the flags of messages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mailstack.base.errors import Condition, MailError
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import NumSet
from mailstack.imap.responses import Done, Raw
from mailstack.imap.server.commands.fetch import FlagLines, flag_block, gone_answer
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State
from mailstack.store.api import FlagMode

__all__ = ["ROWS"]

_ITEM: Final = re.compile(rb"([+-]?)FLAGS(\.SILENT)?(?= )", re.IGNORECASE)
_MODES: Final = {b"": FlagMode.REPLACE, b"+": FlagMode.ADD, b"-": FlagMode.REMOVE}
_MESSAGES: Final = 500  # in one slice of answers


@dataclass(frozen=True, slots=True)
class Store(Command):
    which: NumSet
    mode: FlagMode
    flags: tuple[str, ...]
    silent: bool


def parse(cur: Cursor) -> Store:
    """store = "STORE" SP sequence-set SP store-att-flags   RFC 3501 §9

    store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
    """
    which = cur.numset()
    cur.space()
    sign, silent = cur.match(_ITEM, "FLAGS, +FLAGS or -FLAGS").groups()
    cur.space()
    return Store(which, _MODES[sign], cur.flags(), silent is not None)


async def handle(cmd: Store, session: Session, out: Sink) -> Done:
    """The new flags of every message of the set are told, changed or not.  RFC 3501 §6.4.6"""
    spans = session.view.spans(cmd.which)
    if session.read_only:
        raise MailError(Condition.READ_ONLY, "Mailbox is open read-only")
    view, columns = session.view, session.mailbox.columns
    asked = [uid for start, stop in spans for uid in view.uids[start:stop]]
    there = [uid for uid in asked if columns.position(uid) is not None]
    if there:
        await session.mailbox.set_flags(there, cmd.mode, cmd.flags, source=session.token)
    if not cmd.silent:
        await _answer(cmd, session, out, spans)
    missed = len(there) < len(asked)
    return gone_answer() if missed and not cmd.which.by_uid else Done("STORE completed")


async def _answer(cmd: Store, session: Session, out: Sink, spans: Sequence[tuple[int, int]]) -> None:
    lines = FlagLines()
    for first, last in spans:
        for start in range(first, last, _MESSAGES):
            stop = min(start + _MESSAGES, last)
            block, _ = flag_block(session, lines, start, stop, with_uid=cmd.which.by_uid)
            await out(Raw(block))


ROWS = (Row(b"STORE", parse, handle, State.SELECTED, Seqs.USES, uid_form=True),)
