"""COPY: messages of the selected mailbox, also in another."""

from dataclasses import dataclass

from mailstack.base.errors import Condition, MailError
from mailstack.imap.cursor import Cursor
from mailstack.imap.numset import NumSet, compact
from mailstack.imap.responses import Done
from mailstack.imap.server.commands.fetch import gone_answer
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State
from mailstack.store.values import Copied

__all__ = ["ROWS", "Transfer", "copyuid", "parse", "present", "try_create"]


@dataclass(frozen=True, slots=True)
class Transfer(Command):
    """What COPY and MOVE are told."""

    which: NumSet
    target: str


def parse(cur: Cursor) -> Transfer:
    """copy = "COPY" SP sequence-set SP mailbox   RFC 3501 §9"""
    which = cur.numset()
    cur.space()
    return Transfer(which, cur.mailbox())


async def handle(cmd: Transfer, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """All or nothing.  RFC 3501 §6.4.7, RFC 4315 §3"""
    uids = present(cmd, session)
    if uids is None:
        return gone_answer()
    if not uids:
        return Done("COPY completed")
    try:
        copied = await session.mailbox.copy(uids, cmd.target)
    except MailError as failure:
        return try_create(failure)
    return Done("COPY completed", copyuid(copied))


def present(cmd: Transfer, session: Session) -> list[int] | None:
    """The messages that are still there; None when one is gone that was named by its number.  RFC 2180 §4.4.1

    UIDs that do not exist are passed over without a word: RFC 3501 §6.4.8.
    """
    asked = session.view.select(cmd.which)
    position = session.mailbox.columns.position
    there = [uid for uid in asked if position(uid) is not None]
    return there if cmd.which.by_uid or len(there) == len(asked) else None


def copyuid(copied: Copied) -> bytes:
    """resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set; none when nothing was copied   RFC 4315 §4"""
    if not copied.sources:
        return b""
    return b"COPYUID %d %b %b" % (copied.uidvalidity, compact(copied.sources), compact(copied.targets))


def try_create(failure: MailError) -> Done:
    """A target that does not exist has a code of its own, which many clients act on.  RFC 3501 §6.3.11"""
    if failure.condition is not Condition.NO_SUCH_MAILBOX:
        raise failure
    return Done.no("No such mailbox", b"TRYCREATE")


ROWS = (Row(b"COPY", parse, handle, State.SELECTED, Seqs.USES | Seqs.BREAKS, uid_form=True),)
