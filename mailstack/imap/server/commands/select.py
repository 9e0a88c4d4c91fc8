"""SELECT, EXAMINE, CLOSE, UNSELECT: opening and leaving a mailbox."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import STAR
from mailstack.imap.objectid import mailbox_id
from mailstack.imap.responses import Done, Ok, Raw, flag_list
from mailstack.imap.server.commands.basics import no_arguments
from mailstack.imap.server.commands.list import Names
from mailstack.imap.server.enabled import Enabled
from mailstack.imap.server.flag_lines import tell_flags
from mailstack.imap.server.resync import Resync, changed, vanished_earlier
from mailstack.imap.server.selected import Selected, with_flag
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State
from mailstack.store.api import Mailbox
from mailstack.store.values import Status

__all__ = ["ROWS"]


@dataclass(frozen=True, slots=True)
class Select(Command):
    """`knows_modseqs`: with CONDSTORE or QRESYNC.  `given`: the name before it was normalised."""

    mailbox: str
    knows_modseqs: bool = False
    resync: Resync | None = None
    given: str = field(default="", compare=False)


def parse(cur: Cursor) -> Select:
    """select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]   RFC 9051 §6.3.2, RFC 4466 §6"""
    name, given = cur.mailbox_given()
    params = dict(cur.listed(_param)) if cur.spaced() else {}
    return Select(name, bool(params), params.get(b"QRESYNC"), given)


def _param(cur: Cursor) -> tuple[bytes, Resync | None]:
    """select-param = "CONDSTORE" / "QRESYNC" SP "(" … ")"   RFC 7162 §7"""
    name = cur.word()
    if name == b"QRESYNC":
        cur.space()
        return name, Resync.parse(cur)
    if name != b"CONDSTORE":
        raise ParseFault("unknown SELECT parameter")
    return name, None


async def select(cmd: Select, session: Session, out: Sink) -> Done:
    return await _open(cmd, session, out, read_only=False)


async def examine(cmd: Select, session: Session, out: Sink) -> Done:
    """RFC 9051 §6.3.3"""
    return await _open(cmd, session, out, read_only=True)


async def _open(cmd: Select, session: Session, out: Sink, *, read_only: bool) -> Done:
    """What was open is left first, whether this succeeds or not.  RFC 9051 §6.3.2

    CLOSED divides what is said of the two: RFC 7162 §3.2.11.
    """
    if cmd.resync and not session.enabled.qresync:
        return Done.bad("QRESYNC needs ENABLE QRESYNC")
    if session.selected is not None:
        session.deselect()
        await out(Ok("The mailbox before is closed", b"CLOSED"))
    session.enabled.condstore = session.enabled.condstore or cmd.knows_modseqs
    name = cmd.mailbox
    mailbox = await session.account.open(name)
    try:
        status = await session.account.status(name)
        selected = session.select(mailbox, _recent_from(mailbox, status, read_only=read_only), read_only=read_only)
    except BaseException:
        mailbox.release()
        raise
    await out(Raw(b"".join(_described(selected, session.enabled))))
    if session.enabled.rev2:
        entry = Names.of(session.account).entry(name)
        await out(Raw(entry.encode(utf8=True, old_name="" if cmd.given == name else cmd.given)))
    if cmd.resync is not None and cmd.resync.uidvalidity == mailbox.folder.uidvalidity:
        await _resynchronise(cmd.resync, session, out)
    mode = "READ-ONLY" if read_only else "READ-WRITE"
    return Done(f"{'EXAMINE' if read_only else 'SELECT'} completed", mode.encode("ascii"))


def _recent_from(mailbox: Mailbox, status: Status, *, read_only: bool) -> int:
    """EXAMINE shows \\Recent without taking it from the next SELECT.  RFC 3501 §6.3.2"""
    if not read_only:
        return mailbox.claim_recent()
    uids = mailbox.columns.uids
    return uids[max(len(uids) - status.recent, 0)] if status.recent and len(uids) else STAR


def _first_unseen(selected: Selected) -> int | None:
    """Sequence number of the first message without \\Seen."""
    uid = selected.mailbox.columns.first_unseen()
    return None if uid is None else selected.view.number(uid)


def _described(selected: Selected, enabled: Enabled) -> Iterator[bytes]:
    """RFC 3501 §6.3.1; without RECENT and UNSEEN: RFC 9051 §6.3.2"""
    mailbox, view = selected.mailbox, selected.view
    flags = selected.known_flags
    permanent = () if selected.read_only else (*flags, "\\*")
    yield b"* FLAGS %b\r\n" % flag_list(flags)
    yield b"* OK [PERMANENTFLAGS %b] Flags that stay\r\n" % flag_list(permanent)
    yield b"* %d EXISTS\r\n" % view.count
    if not enabled.rev2:
        yield b"* %d RECENT\r\n" % view.recent_count
        unseen = _first_unseen(selected)
        if unseen is not None and not enabled.uidonly:
            yield b"* OK [UNSEEN %d] First unseen message\r\n" % unseen
    yield b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % mailbox.folder.uidvalidity
    yield b"* OK [UIDNEXT %d] Next UID\r\n" % mailbox.uidnext
    yield b"* OK [MAILBOXID (%b)] Mailbox id\r\n" % mailbox_id(mailbox.folder.id)
    yield b"* OK [HIGHESTMODSEQ %d] Highest modseq\r\n" % mailbox.highest_modseq  # always: Thunderbird uses it


async def _resynchronise(resync: Resync, session: Session, out: Sink) -> None:
    """What went, then what changed, since the client was here.  RFC 7162 §3.2.5"""
    mailbox, view = session.mailbox, session.view
    gone = resync.expunged(mailbox, view)
    await out(Raw(b"".join(vanished_earlier(gone))))
    known = view.spans(resync.known) if resync.known else [(0, view.count)]
    await tell_flags(session, out, changed(mailbox, view, known, resync.modseq), with_uid=True, with_modseq=True)


async def close(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """Messages with \\Deleted go without a word, unless the mailbox is open read-only.  RFC 9051 §6.4.1"""
    selected = session.selected
    assert selected is not None
    mailbox = selected.mailbox
    if not selected.read_only:
        deleted = with_flag(mailbox.columns, "\\Deleted")
        if deleted:
            await mailbox.expunge(deleted)
    session.deselect()
    return Done("CLOSE completed")


async def unselect(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 3691 §2"""
    session.deselect()
    return Done("UNSELECT completed")


_LEFT: Final = State.AUTHENTICATED

ROWS = (
    Row(
        b"SELECT",
        parse,
        select,
        State.LOGGED_IN,
        capability=b"CONDSTORE QRESYNC",
        then=State.SELECTED,
        otherwise=_LEFT,
    ),
    Row(b"EXAMINE", parse, examine, State.LOGGED_IN, then=State.SELECTED, otherwise=_LEFT),
    Row(b"CLOSE", no_arguments, close, State.SELECTED, then=_LEFT),
    Row(b"UNSELECT", no_arguments, unselect, State.SELECTED, then=_LEFT, capability=b"UNSELECT"),
)
