"""EXPUNGE and UID EXPUNGE: messages with \\Deleted go for good."""

from dataclasses import dataclass

from mailstack.base.errors import Condition, MailError
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import NumSet
from mailstack.imap.responses import Done
from mailstack.imap.server.selected import with_flag
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State

__all__ = ["ROWS", "told_modseq"]


@dataclass(frozen=True, slots=True)
class Expunge(Command):
    which: NumSet | None  # None: all of the mailbox


def parse(cur: Cursor) -> Expunge:  # noqa: ARG001  the engine checks that nothing is left
    """expunge = "EXPUNGE"   RFC 3501 §9"""
    return Expunge(None)


def parse_uid(cur: Cursor) -> Expunge:
    """uid-expunge = "UID" SP "EXPUNGE" SP uid-set   RFC 4315 §4"""
    return Expunge(cur.uid_set())


async def handle(cmd: Expunge, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """The session tells the EXPUNGEs, as it does for those of others.  RFC 3501 §6.4.3"""
    if session.read_only:
        raise MailError(Condition.READ_ONLY, "Mailbox is open read-only")
    deleted = with_flag(session.mailbox.columns, "\\Deleted")
    if cmd.which is not None:
        asked = set(session.view.select(cmd.which))
        deleted = [uid for uid in deleted if uid in asked]
    if deleted:
        await session.mailbox.expunge(deleted)
    return Done("EXPUNGE completed", told_modseq(session) if deleted else b"")


def told_modseq(session: Session) -> bytes:
    """The code of a command that has removed messages, for clients that know modseqs.  RFC 7162 §3.2.7"""
    return b"HIGHESTMODSEQ %d" % session.mailbox.highest_modseq if session.enabled.condstore else b""


ROWS = (
    Row(b"EXPUNGE", parse, handle, State.SELECTED, Seqs.BREAKS),
    Row(b"UID EXPUNGE", parse_uid, handle, State.SELECTED, Seqs.USES | Seqs.BREAKS, capability=b"UIDPLUS"),
)
