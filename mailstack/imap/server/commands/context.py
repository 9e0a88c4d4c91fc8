"""Searches that go on, RETURN (UPDATE), and their end, CANCELUPDATE.  RFC 5267 §4.3"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mailstack.base.errors import ParseFault
from mailstack.imap.context import CONTEXTS_MOST, SORTED_MOST, Context, frozen
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done, No
from mailstack.imap.search_grammar import Search
from mailstack.imap.server.commands.fetch import answers
from mailstack.imap.server.session import Session
from mailstack.imap.sort import Criterion
from mailstack.imap.values import Command, Row, Sink, State

__all__ = ["ROWS", "begin_context", "fill_context"]


async def begin_context(cmd: Search, session: Session, out: Sink, by: tuple[Criterion, ...] = ()) -> Context | None:
    """Before the search, so that nothing that changes during it is missed.  ParseFault when the tag is in use."""
    if cmd.key is None or cmd.returned is None or not cmd.returned.updates:
        return None
    assert session.selected is not None
    contexts = session.selected.contexts
    if any(context.tag == session.tag for context in contexts):
        raise ParseFault("Tag reuse")
    if len(contexts) >= CONTEXTS_MOST:
        await out(No("Too many contexts", b'NOUPDATE "%b"' % session.tag))
        return None
    key = frozen(cmd.key, session.view)
    context = Context(session.tag, cmd.by_uid, key, array("Q"), by, cmd.returned.fetched)
    contexts.append(context)
    if context.fetched and session.selected.answers is None:
        session.selected.answers = partial(answers, session)
    return context


async def fill_context(context: Context | None, indices: Sequence[int], session: Session, out: Sink) -> None:
    """What was found, in its order."""
    if context is None or session.selected is None:
        return
    if context.by and len(indices) > SORTED_MOST:
        session.selected.contexts.remove(context)
        await out(No("Too many messages to keep in order", b'NOUPDATE "%b"' % context.tag))
        return
    uids = session.view.uids
    context.members = array("Q", (uids[index] for index in indices))


@dataclass(frozen=True, slots=True)
class CancelUpdate(Command):
    tags: tuple[bytes, ...]


def parse(cur: Cursor) -> CancelUpdate:
    """cancelupdate = "CANCELUPDATE" 1*(SP quoted)   RFC 5267 §5"""
    tags = [cur.string()]
    while cur.spaced():
        tags.append(cur.string())
    return CancelUpdate(tuple(tags))


async def handle(cmd: CancelUpdate, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 5267 §4.3.5"""
    assert session.selected is not None
    contexts = session.selected.contexts
    if not set(cmd.tags) <= {context.tag for context in contexts}:
        return Done.bad("No such context")
    contexts[:] = [context for context in contexts if context.tag not in cmd.tags]
    return Done("CANCELUPDATE completed")


ROWS = (Row(b"CANCELUPDATE", parse, handle, State.SELECTED, capability=b"CONTEXT=SEARCH CONTEXT=SORT"),)
