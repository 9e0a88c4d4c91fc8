"""ESEARCH: one search over many mailboxes.  RFC 7377"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.notify import Source, parse_source
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.search import search
from mailstack.imap.search_grammar import Search
from mailstack.imap.search_grammar import parse as parse_search
from mailstack.imap.search_kept import Searched
from mailstack.imap.search_return import Returned
from mailstack.imap.server.commands.search import found_by, returned, searched
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Sink, State
from mailstack.imap.view import View
from mailstack.store.values import INBOX, SEPARATOR, Folder

__all__ = ["ROWS", "is_below", "is_of"]

_ALL: Final = Returned(frozenset({b"ALL"}))
_NAMES: Final = 1000  # in the sources of one command


@dataclass(frozen=True, slots=True)
class MultiSearch(Search):
    sources: tuple[Source, ...] = ()


def parse(cur: Cursor) -> MultiSearch:
    """esearch = "ESEARCH" [SP "IN" SP "(" source-mbox ")"] [SP search-return-opts] SP search-program   RFC 7377 §4"""
    sources: tuple[Source, ...] = (Source(b"SELECTED"),)
    if cur.took(b"IN ("):
        sources = _sources(cur)
        cur.space()
    found = parse_search(cur)
    return MultiSearch(found.key, True, found.returned or _ALL, found.by_modseq, sources=sources)


def _sources(cur: Cursor) -> tuple[Source, ...]:
    """source-mbox = filter-mailboxes *(SP filter-mailboxes); no scope options are known   RFC 7377 §4"""
    own = frozenset({b"SELECTED"})
    found = [parse_source(cur, selected=own)]
    while cur.spaced():
        found.append(parse_source(cur, selected=own))
    cur.take(b")")
    if sum(len(source.names) + 1 for source in found) > _NAMES:
        raise ParseFault("too many mailboxes")
    return tuple(found)


async def handle(cmd: MultiSearch, session: Session, out: Sink) -> Done:
    """An ESEARCH with UIDs for each mailbox in which something is found.  RFC 7377 §2.1"""
    own = Source(b"SELECTED") in cmd.sources
    assert cmd.returned is not None
    if cmd.returned.updates:
        return Done.bad("UPDATE goes with SEARCH and SORT")
    if own and session.selected is None:
        return Done.bad("Select a mailbox first")
    if cmd.returned.saves and cmd.sources != (Source(b"SELECTED"),):
        return Done.bad("SAVE goes with the selected mailbox alone")
    if cmd.key is None:
        await found_by(cmd, session, out)
        return Done.no("Charset not known here", b"BADCHARSET (US-ASCII UTF-8)")
    if cmd.by_modseq:
        await session.know_modseqs(out)
    for folder in _folders(cmd, session):
        await _search(cmd, folder, session, out)
    return Done("ESEARCH completed")


def _folders(cmd: MultiSearch, session: Session) -> list[Folder]:
    """Each once, in the order of LIST."""
    folders = session.account.folders()
    wanted = {folder.id for source in cmd.sources for folder in folders if is_of(source, folder)}
    if Source(b"SELECTED") in cmd.sources:
        wanted.add(session.mailbox.folder.id)
    return [folder for folder in folders if folder.id in wanted]


async def _search(cmd: MultiSearch, folder: Folder, session: Session, out: Sink) -> None:
    """A mailbox that goes away meanwhile has nothing to be found."""
    if session.selected is not None and session.mailbox.folder.id == folder.id:
        await _answer(cmd, folder, searched(session), session, out)
        return
    try:
        opened = await session.account.open(folder.name)
    except MailError as failure:
        if failure.condition is Condition.NO_SUCH_MAILBOX:
            return
        raise
    try:
        view = View(opened.columns.uids, opened.uidnext)
        await _answer(cmd, folder, Searched(view, opened, now=session.now, pause=session.pause), session, out)
    finally:
        opened.release()


async def _answer(cmd: MultiSearch, folder: Folder, mail: Searched, session: Session, out: Sink) -> None:
    assert cmd.key is not None
    assert cmd.returned is not None
    indices = await search(cmd.key, mail)
    if cmd.returned.saves:
        session.view.save(mail.view.uids[index] for index in cmd.returned.saved(indices))
    if indices and cmd.returned.answers:
        name, validity = session.wire_name(folder.name), folder.uidvalidity
        correlators = b'(TAG "%b" MAILBOX %b UIDVALIDITY %d)' % (session.tag, name, validity)
        await out(Untagged(b"ESEARCH %b%b" % (correlators, returned(cmd, cmd.returned, indices, mail))))


# --- which mailboxes ---


def is_of(source: Source, folder: Folder) -> bool:
    unnamed = _UNNAMED.get(source.selector)
    if unnamed is not None:
        return unnamed(folder)
    named = _NAMED.get(source.selector)
    return named is not None and any(named(name, folder.name) for name in source.names)


def is_below(name: str, other: str) -> bool:
    return other == name or other.startswith(name + SEPARATOR)


def _is_child(name: str, other: str) -> bool:
    return is_below(name, other) and SEPARATOR not in other[len(name) + 1 :]


_UNNAMED: Final[Mapping[bytes, Callable[[Folder], bool]]] = {
    b"INBOXES": lambda folder: folder.name == INBOX,
    b"PERSONAL": lambda _: True,
    b"SUBSCRIBED": lambda folder: folder.subscribed,
}
_NAMED: Final[Mapping[bytes, Callable[[str, str], bool]]] = {
    b"MAILBOXES": lambda name, other: name == other,
    b"SUBTREE": is_below,
    b"SUBTREE-ONE": _is_child,
}

ROWS = (Row(b"ESEARCH", parse, handle, State.LOGGED_IN, capability=b"MULTISEARCH"),)
