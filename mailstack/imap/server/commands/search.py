"""SEARCH: which messages are what.  The grammar and the keys are `imap.search_grammar` and `imap.search`."""

from collections.abc import Sequence
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.search import search
from mailstack.imap.search_grammar import Search, parse
from mailstack.imap.search_kept import Searched
from mailstack.imap.search_return import Returned
from mailstack.imap.server.commands.context import begin_context, fill_context
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Seqs, Sink, State

__all__ = ["ROWS", "answer", "found_by", "returned", "searched"]


_ALL: Final = Returned(frozenset({b"ALL"}))


async def handle(cmd: Search, session: Session, out: Sink) -> Done:
    """* SEARCH with sequence numbers, or UIDs in the UID form; always one, also when nothing is found.  RFC 3501 §7.2.5

    quirk: nothing else is told during SEARCH (Roundcube takes what stands between for results).
    """
    context = await begin_context(cmd, session, out)
    indices = await found_by(cmd, session, out)
    if indices is None:
        return Done.no("Charset not known here", b"BADCHARSET (US-ASCII UTF-8)")
    await fill_context(context, indices, session, out)
    await answer(cmd, b"SEARCH", indices, session, out)
    return Done("SEARCH completed")


async def found_by(cmd: Search, session: Session, out: Sink) -> list[int] | None:
    """Indices of the view, ascending; None for an unknown charset, which empties `$`.  RFC 5182 §2.1, RFC 6855 §3"""
    if cmd.said_charset and session.enabled.utf8_accept:
        raise ParseFault("With UTF8=ACCEPT every string is UTF-8, and CHARSET is not said")
    if cmd.key is None:
        if cmd.returned is not None and cmd.returned.saves:
            session.view.save(())
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
    mail = searched(session)
    wanted = cmd.returned
    if wanted is None and session.enabled.rev2 and name == b"SEARCH":
        wanted = _ALL  # RFC 9051 §7.3.4: there is no SEARCH response
    if wanted is not None:
        if wanted.saves:
            session.view.save(mail.view.uids[index] for index in wanted.saved(indices))
        if wanted.answers:
            tag = b'(TAG "%b")' % session.tag
            await out(Untagged(b"ESEARCH %b%b" % (tag, returned(cmd, wanted, indices, mail))))
        return
    numbers = _numbers(cmd, indices, mail)
    suffix = _modseq(cmd, b" (MODSEQ %d)", indices, mail)
    await out(Untagged(b" ".join([name, *map(b"%d".__mod__, numbers)]) + suffix))


def returned(cmd: Search, wanted: Returned, indices: Sequence[int], mail: Searched) -> bytes:
    """What stands behind the correlators of an ESEARCH."""
    indicator = b" UID" if cmd.by_uid else b""
    return indicator + wanted.data(_numbers(cmd, indices, mail)) + _modseq(cmd, b" MODSEQ %d", indices, mail)


def _numbers(cmd: Search, indices: Sequence[int], mail: Searched) -> list[int]:
    uids = mail.view.uids
    return [uids[index] for index in indices] if cmd.by_uid else [index + 1 for index in indices]


def _modseq(cmd: Search, form: bytes, indices: Sequence[int], mail: Searched) -> bytes:
    """The highest of the messages found, when MODSEQ was a key.  RFC 7162 §3.1.5"""
    if not cmd.by_modseq:
        return b""
    columns, uids = mail.mailbox.columns, mail.view.uids
    found = (uids[index] for index in indices)
    highest = max((columns.modseq(uid) for uid in found if columns.position(uid) is not None), default=None)
    return b"" if highest is None else form % highest


_CAPABILITIES = b"ESEARCH SEARCHRES WITHIN PARTIAL INPROGRESS"

ROWS = (Row(b"SEARCH", parse, handle, State.SELECTED, Seqs.USES, capability=_CAPABILITIES, uid_form=True),)
