"""SORT: SEARCH, its results in an order."""

from dataclasses import dataclass

from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done
from mailstack.imap.search_grammar import Search, parse_charset, parse_keys
from mailstack.imap.search_return import parse_return
from mailstack.imap.server.commands.context import begin_context, fill_context
from mailstack.imap.server.commands.search import answer, found_by, searched
from mailstack.imap.server.session import Session
from mailstack.imap.sort import Criterion, criteria, sort
from mailstack.imap.values import Row, Seqs, Sink, State

__all__ = ["ROWS"]


@dataclass(frozen=True, slots=True)
class Sort(Search):
    by: tuple[Criterion, ...] = ()


def parse(cur: Cursor) -> Sort:
    """sort = "SORT" [search-return-opts] SP sort-criteria SP charset 1*(SP search-key)   RFC 5256 §5, RFC 5267 §3"""
    returned = parse_return(cur)
    by = criteria(cur)
    cur.space()
    key, by_modseq = parse_keys(cur, parse_charset(cur))
    return Sort(key, cur.by_uid, returned, by_modseq, by=by)


async def handle(cmd: Sort, session: Session, out: Sink) -> Done:
    """* SORT, always one; with RETURN an ESEARCH whose MIN and MAX are the first and the last.  RFC 5267 §3.1"""
    context = await begin_context(cmd, session, out, cmd.by)
    indices = await found_by(cmd, session, out)
    if indices is None:
        return Done.no("Charset not known here", b"BADCHARSET (US-ASCII UTF-8)")
    in_order = await sort(cmd.by, searched(session), indices)
    await fill_context(context, in_order, session, out)
    await answer(cmd, b"SORT", in_order, session, out)
    return Done("SORT completed")


ROWS = (Row(b"SORT", parse, handle, State.SELECTED, Seqs.USES, capability=b"SORT SORT=DISPLAY ESORT", uid_form=True),)
