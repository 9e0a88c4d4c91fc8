"""ENABLE: the client can take what older ones could not.  RFC 5161, RFC 9051 §6.3.1"""

from dataclasses import dataclass

from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State

__all__ = ["ROWS"]


@dataclass(frozen=True, slots=True)
class Enable(Command):
    names: tuple[bytes, ...]


def parse(cur: Cursor) -> Enable:
    """enable = "ENABLE" 1*(SP capability)   RFC 9051 §6.3.1"""
    names = [cur.word()]
    while cur.spaced():
        names.append(cur.word())
    return Enable(tuple(dict.fromkeys(names)))


async def handle(cmd: Enable, session: Session, out: Sink) -> Done:
    """ENABLED lists what this command has enabled; what a server does not know is passed over.  RFC 5161 §3.1, §3.2

    ENABLE QRESYNC is ENABLE QRESYNC CONDSTORE: RFC 7162 §3.2.3.
    """
    enabled = session.enabled
    asked_before = {b"CONDSTORE": enabled.condstore, b"QRESYNC": enabled.qresync}
    fresh = [name for name in cmd.names if asked_before.get(name) is False]
    await out(Untagged(b" ".join([b"ENABLED", *fresh])))
    enabled.qresync = enabled.qresync or b"QRESYNC" in fresh
    if fresh:
        await session.know_modseqs(out)
    return Done("ENABLE completed")


ROWS = (Row(b"ENABLE", parse, handle, State.LOGGED_IN, capability=b"ENABLE"),)
