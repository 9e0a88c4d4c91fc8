"""IDLE: the client is told at once, until it says DONE."""

import re
from typing import Final

from mailstack.imap.responses import Continue, Done
from mailstack.imap.server.commands.basics import no_arguments
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State

__all__ = ["ROWS"]

_COMMAND: Final = re.compile(rb"[A-Za-z0-9.]+ [A-Za-z]")


async def idle(cmd: Command, session: Session, out: Sink) -> Continue:  # noqa: ARG001
    """RFC 2177 §3.  News that waits is told before the "+", all other as the store has it."""
    if session.selected is not None:
        await session.mailbox.refresh()
    session.idling = True
    return Continue(b"idling")


async def done(line: bytes, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """idle = "IDLE" CRLF "DONE"   RFC 2177 §4

    quirk: a command in its place (iOS 18) ends IDLE and is done, for its client would wait for the answer for ever.
    """
    session.idling = False
    if line.strip().upper() == b"DONE":
        return Done("IDLE completed")
    if _COMMAND.match(line):
        return Done("IDLE ended by a command", again=True)
    return Done.bad("IDLE ends with DONE")


ROWS = (Row(b"IDLE", no_arguments, idle, State.LOGGED_IN, capability=b"IDLE", resume=done),)
