"""COMPRESS DEFLATE: from its OK on both sides deflate what they send.  RFC 4978; the layer is `imap.deflate`"""

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Seqs, Sink, State

__all__ = ["ROWS"]


def parse(cur: Cursor) -> Command:
    """compress = "COMPRESS" SP "DEFLATE"   RFC 4978 §5"""
    if cur.word() != b"DEFLATE":
        raise ParseFault("the only mechanism is DEFLATE")
    return Command()


async def handle(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 4978 §3.  The engine begins behind the OK."""
    if session.compressed:
        return Done.bad("DEFLATE is active already", b"COMPRESSIONACTIVE")
    session.compressed = True
    return Done("DEFLATE active")


ROWS = (
    Row(
        b"COMPRESS",
        parse,
        handle,
        State.LOGGED_IN,
        Seqs.BREAKS,
        capability=b"COMPRESS=DEFLATE",
        compresses=True,
    ),
)
