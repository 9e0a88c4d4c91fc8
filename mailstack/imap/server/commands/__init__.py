"""All commands of the IMAP server, one table.

How a command is written
- One file a command or family: value, `parse`, `handle`, `ROWS`; read top to bottom.
  Its ROWS are joined below, and a transcript in `tests/sessions/imap/` shows it.
- `parse(cur: Cursor) -> Command`: the cursor stands behind the name and its space; take exactly the
  arguments (the engine calls `cur.end()`).  Anything odd: a ParseFault from the cursor or your own;
  the engine answers `tag BAD` and the handler never runs.  Docstring = ABNF with its RFC.
- `async def handle(cmd, session: Session, out: Sink) -> Done`: do it, `await out(Untagged(b"..."))`
  for every untagged response (this waits for room: back-pressure), return `Done("X completed")`,
  `Done.no("text", b"CODE")` or `Done.bad(...)`.  A MailError raised becomes NO by `server.faults`;
  a ParseFault raised (a sequence number that does not exist) becomes BAD.  Never catch Exception.
- `uid_form=True` makes `UID <NAME>` from the same row; `cur.numset()` then reads UIDs, and
  `numset.by_uid` tells the handler (UID FETCH answers include UID).
- `seqs`: BREAKS (default): EXPUNGE may be told at its end.  FETCH, STORE, SEARCH say `Seqs.USES`
  (their UID forms get BREAKS by the table).  The session flushes the view's news after
  `handle` and before the tagged answer, so handlers never send EXPUNGE, EXISTS or
  unsolicited FETCH themselves.  Exceptions: STORE answers its own FETCH (see below); UID EXPUNGE,
  EXPUNGE and MOVE just change the store, the store's Change comes into the view, the flush tells it.
- In a session (`imap.server.session.Session`):
    session.account     store.api.MailAccount, after login
    session.mailbox     store.api.Mailbox, in SELECTED
    session.view        imap.view.View, in SELECTED:
        view.uids                ascending UIDs as this client knows them (index i is message i+1);
                                 may hold UIDs that are gone from `mailbox.columns` already: then
                                 `columns.flags(uid)` raises KeyError, pass it over
        view.spans(numset)       index spans [start, stop) of a NumSet; ParseFault for bad numbers
        view.select(numset)      the UIDs of a NumSet
        view.number(uid)         sequence number, None when unknown
        view.is_recent(uid)      \\Recent for this session: FETCH FLAGS and SEARCH RECENT add it
        view.told(uids)          the client has just been given the present flags of these:
                                 a pending FETCH for them is dropped
        view.count, view.gone    messages the client counts; UIDs it was not yet told are gone
    session.read_only   EXAMINE: refuse with MailError(READ_ONLY); never set \\Seen
    session.store       store.api.MailStore
    session.pause()     await it every few milliseconds of work that writes nothing: others have their turn
    session.limits      imap.values.ImapLimits
    session.token       pass as `source=` to set_flags: the Change then comes back with it, and the
                        view leaves it out, because STORE answers its own FETCH (or is .SILENT)
- APPEND streams: `parse` ends with `cur.literal_size()`; `begin(cmd, session) -> Staged` runs before
  the literal is asked for (raise MailError to refuse it: the client never sends it, or it is skipped);
  the session writes the chunks; `handle` runs when all is there, with `session.messages` finished: more
  than one where the row has `further`.
  The session discards it afterwards, whatever happened.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mailstack.imap.server.commands import (
    append,
    basics,
    compress,
    context,
    copy,
    enable,
    esearch,
    expunge,
    fetch,
    folders,
    idle,
    list,  # noqa: A004  named for its command
    login,
    metadata,
    move,
    notify,
    quota,
    replace,
    search,
    select,
    sort,
    status,
    store,
    thread,
    uidbatches,
    unauthenticate,
)
from mailstack.imap.values import Row, Seqs

__all__ = ["TABLE", "joined"]


def joined(rows: Iterable[Row]) -> Mapping[bytes, Row]:
    """The table by name; `UID NAME` is made from a row that has a UID form, and may be followed by EXPUNGE."""
    table: dict[bytes, Row] = {}
    for row in rows:
        names = [row, dataclasses.replace(row, name=b"UID " + row.name, seqs=Seqs.BREAKS)] if row.uid_form else [row]
        for each in names:
            assert each.name not in table, each.name
            table[each.name] = each
    return MappingProxyType(table)


TABLE = joined(
    (
        *basics.ROWS,
        *enable.ROWS,
        *compress.ROWS,
        *login.ROWS,
        *select.ROWS,
        *list.ROWS,
        *status.ROWS,
        *folders.ROWS,
        *idle.ROWS,
        *append.ROWS,
        *fetch.ROWS,
        *search.ROWS,
        *esearch.ROWS,
        *sort.ROWS,
        *thread.ROWS,
        *context.ROWS,
        *uidbatches.ROWS,
        *store.ROWS,
        *copy.ROWS,
        *move.ROWS,
        *replace.ROWS,
        *notify.ROWS,
        *quota.ROWS,
        *metadata.ROWS,
        *unauthenticate.ROWS,
        *expunge.ROWS,
    )
)
