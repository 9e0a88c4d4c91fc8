"""STORE: change the flags of messages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from mailstack.base.errors import Condition, MailError
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import NumSet, Span, compact, merged
from mailstack.imap.responses import Done, Raw
from mailstack.imap.server.commands.fetch import gone_answer
from mailstack.imap.server.enabled import head
from mailstack.imap.server.flag_lines import tell_flags
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State
from mailstack.store.values import FlagMode

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
    unchanged_since: int | None = None


def parse(cur: Cursor) -> Store:
    """store = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"] SP store-att-flags

    RFC 3501 §9, RFC 7162 §7

    store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
    """
    which = cur.numset()
    cur.space()
    unchanged_since = None
    if cur.took(b"("):
        cur.take(b"UNCHANGEDSINCE")
        cur.space()
        unchanged_since = cur.number64()
        cur.take(b")")
        cur.space()
    sign, silent = cur.match(_ITEM, "FLAGS, +FLAGS or -FLAGS").groups()
    cur.space()
    return Store(which, _MODES[sign], cur.flags(), silent is not None, unchanged_since)


async def handle(cmd: Store, session: Session, out: Sink) -> Done:
    """The new flags of every message of the set are told, changed or not.  RFC 3501 §6.4.6"""
    spans = session.view.spans(cmd.which)
    if session.read_only:
        raise MailError(Condition.READ_ONLY, "Mailbox is open read-only")
    view, columns = session.view, session.mailbox.columns
    asked = [uid for start, stop in spans for uid in view.uids[start:stop]]
    there = [uid for uid in asked if columns.position(uid) is not None]
    missed = len(there) < len(asked) and not cmd.which.by_uid
    if cmd.unchanged_since is not None:
        return await _conditionally(cmd, cmd.unchanged_since, there, session, out, missed=missed)
    changed: tuple[int, ...] = ()
    if there:
        changed = await session.mailbox.set_flags(there, cmd.mode, cmd.flags, source=session.token)
    if not cmd.silent:
        await _tell(session, out, spans, cmd)
    elif session.enabled.condstore:
        await _tell_modseqs(session, out, changed)
    return gone_answer() if missed else Done("STORE completed")


async def _tell(session: Session, out: Sink, spans: Sequence[Span], cmd: Store) -> None:
    """RFC 7162 §3.2.4: a client that knows modseqs is always told UID and MODSEQ."""
    aware = session.enabled.condstore
    await tell_flags(session, out, spans, with_uid=cmd.which.by_uid or aware, with_modseq=aware)


async def _tell_modseqs(session: Session, out: Sink, uids: Sequence[int]) -> None:
    """The modseqs that a silent STORE has made.  RFC 7162 §3.1.3, §3.2.4"""
    columns, number = session.mailbox.columns, session.view.number
    for start in range(0, len(uids), _MESSAGES):
        told = [uid for uid in uids[start : start + _MESSAGES] if columns.position(uid) is not None]
        begin = partial(head, session.enabled)
        lines = (
            b"%bUID %d MODSEQ (%d))\r\n" % (begin(number(uid) or 0, uid), uid, columns.modseq(uid)) for uid in told
        )
        await out(Raw(b"".join(lines)))


async def _conditionally(
    cmd: Store, since: int, uids: Sequence[int], session: Session, out: Sink, *, missed: bool
) -> Done:
    """UNCHANGEDSINCE: what somebody else has changed meanwhile stays, and is told as it is.  RFC 7162 §3.1.3"""
    await session.know_modseqs(out)
    view = session.view
    _, refused = await session.mailbox.set_flags_unchanged(
        uids, cmd.mode, cmd.flags, unchanged_since=since, source=session.token
    )
    passed = sorted(set(uids).difference(refused))
    if cmd.silent:
        await _tell_modseqs(session, out, passed)
    else:
        await _tell(session, out, merged((number - 1, number) for number in map(view.number, passed) if number), cmd)
    view.flags_changed(refused)
    if not refused:
        return gone_answer() if missed else Done("Conditional STORE completed")
    failed = refused if cmd.which.by_uid else [number for number in map(view.number, refused) if number]
    code = b"MODIFIED " + compact(failed)
    return Done.no("Some of the messages are gone", code) if missed else Done("Some messages were changed before", code)


ROWS = (Row(b"STORE", parse, handle, State.SELECTED, Seqs.USES, uid_form=True),)
