"""SEARCH: which messages are what.  The grammar and the keys are `imap.search_grammar` and `imap.search`."""

from array import array
from collections.abc import Sequence

from mailstack.imap.responses import Done, Untagged
from mailstack.imap.search import search
from mailstack.imap.search_grammar import Search, parse
from mailstack.imap.search_kept import Searched
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Seqs, Sink, State

__all__ = ["ROWS", "answer", "found_by", "searched"]


async def handle(cmd: Search, session: Session, out: Sink) -> Done:
    """* SEARCH with sequence numbers, or UIDs in the UID form; always one, also when nothing is found.  RFC 3501 §7.2.5

    quirk: nothing else is told during SEARCH (Roundcube takes what stands between for results).
    """
    indices = await found_by(cmd, session, out)
    if indices is None:
        return Done.no("Charset not known here", b"BADCHARSET (US-ASCII UTF-8)")
    await answer(cmd, b"SEARCH", indices, session, out)
    return Done("SEARCH completed")


async def found_by(cmd: Search, session: Session, out: Sink) -> list[int] | None:
    """Indices of the view, ascending; None for an unknown charset, which empties `$`.  RFC 5182 §2.1"""
    if cmd.key is None:
        if cmd.returned is not None and cmd.returned.saves:
            session.view.saved = array("Q")
        return None
    if cmd.by_modseq:
        await session.know_modseqs(out)
    return await search(cmd.key, searched(session))


def searched(session: Session) -> Searched:
    return Searched(session.view, session.mailbox, now=session.now, pause=session.pause)


async def answer(cmd: Search, name: bytes, indices: Sequence[int], session: Session, out: Sink) -> None:
    """SEARCH or SORT, or ESEARCH when RETURN asks for it.  `indices` in the order of the answer.  RFC 4731 §3.1

    quirk: the tag is a quoted string whatever it is (the new Outlook understands no other).
    """
    uids = session.view.uids
    numbers = [uids[index] for index in indices] if cmd.by_uid else [index + 1 for index in indices]
    modseq = _highest_modseq(indices, session) if cmd.by_modseq and numbers else None
    if cmd.returned is None:
        suffix = b"" if modseq is None else b" (MODSEQ %d)" % modseq
        await out(Untagged(b" ".join([name, *map(b"%d".__mod__, numbers)]) + suffix))
        return
    if cmd.returned.saves:
        session.view.saved = array("Q", sorted(uids[index] for index in cmd.returned.saved(indices)))
    if cmd.returned.answers:
        data = (b" UID" if cmd.by_uid else b"") + cmd.returned.data(numbers)
        suffix = b"" if modseq is None else b" MODSEQ %d" % modseq
        await out(Untagged(b'ESEARCH (TAG "%b")%b%b' % (session.tag, data, suffix)))


def _highest_modseq(indices: Sequence[int], session: Session) -> int | None:
    """Of the messages found.  RFC 7162 §3.1.5"""
    columns, uids = session.mailbox.columns, session.view.uids
    found = [uids[index] for index in indices]
    return max((columns.modseq(uid) for uid in found if columns.position(uid) is not None), default=None)


_CAPABILITIES = b"ESEARCH SEARCHRES WITHIN PARTIAL"

ROWS = (Row(b"SEARCH", parse, handle, State.SELECTED, Seqs.USES, capability=_CAPABILITIES, uid_form=True),)
