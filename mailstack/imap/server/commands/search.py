"""SEARCH: which messages are what.  The grammar and the keys are `imap.search_grammar` and `imap.search`."""

from mailstack.imap.responses import Done, Untagged
from mailstack.imap.search import Candidate, search
from mailstack.imap.search_grammar import Search, parse
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Seqs, Sink, State

__all__ = ["ROWS"]


async def handle(cmd: Search, session: Session, out: Sink) -> Done:
    """* SEARCH with sequence numbers, or UIDs in the UID form; always one, also when nothing is found.  RFC 3501 §7.2.5

    quirk: nothing else is told during SEARCH (Roundcube takes what stands between for results).
    """
    if cmd.key is None:
        return Done.no("Charset not known here", b"BADCHARSET (US-ASCII UTF-8)")
    view = session.view
    candidate = Candidate(view, session.mailbox.columns, session.mailbox.content)
    found = await search(cmd.key, candidate, view.count, session.pause)
    numbers = [view.uids[index] for index in found] if cmd.by_uid else [index + 1 for index in found]
    await out(Untagged(b" ".join([b"SEARCH", *map(b"%d".__mod__, numbers)])))
    return Done("SEARCH completed")


ROWS = (Row(b"SEARCH", parse, handle, State.SELECTED, Seqs.USES, uid_form=True),)
