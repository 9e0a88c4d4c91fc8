"""UNAUTHENTICATE: the connection is as it was before the login, but for TLS.  RFC 8437"""

from mailstack.imap.responses import Bye, Done
from mailstack.imap.server.commands.basics import no_arguments
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State

__all__ = ["ROWS"]


async def handle(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """No EXPUNGE, no CLOSED is told of the mailbox that was open; never NO.  RFC 8437 §3

    Where a compressed stream ends within what was received cannot be told: such a connection ends (as §3 allows).
    """
    if session.compressed:
        await out(Bye("A compressed connection is not used again"))
    session.log_out()
    return Done("UNAUTHENTICATE completed")


ROWS = (
    Row(
        b"UNAUTHENTICATE",
        no_arguments,
        handle,
        State.LOGGED_IN,
        capability=b"UNAUTHENTICATE",
        then=State.NOT_AUTHENTICATED,
    ),
)
