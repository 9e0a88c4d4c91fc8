"""MOVE: take messages out of the selected mailbox and put them in another.  RFC 6851"""

from mailstack.base.errors import Condition, MailError
from mailstack.imap.responses import Done, Ok
from mailstack.imap.server.commands.copy import Transfer, copyuid, parse, present, try_create
from mailstack.imap.server.commands.expunge import told_modseq
from mailstack.imap.server.commands.fetch import gone_answer
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Seqs, Sink, State

__all__ = ["ROWS"]


async def handle(cmd: Transfer, session: Session, out: Sink) -> Done:
    """COPYUID comes before the EXPUNGEs, which the session tells behind this handler.  RFC 6851 §4.3"""
    uids = present(cmd, session)
    if session.read_only:
        raise MailError(Condition.READ_ONLY, "Mailbox is open read-only")
    if uids is None:
        return gone_answer()
    if not uids:
        return Done("MOVE completed")
    try:
        moved = await session.mailbox.move(uids, cmd.target)
    except MailError as failure:
        return try_create(failure)
    if moved.sources:
        await out(Ok("Moved", copyuid(moved)))
    return Done("MOVE completed", told_modseq(session) if moved.sources else b"")


ROWS = (Row(b"MOVE", parse, handle, State.SELECTED, Seqs.USES | Seqs.BREAKS, capability=b"MOVE", uid_form=True),)
