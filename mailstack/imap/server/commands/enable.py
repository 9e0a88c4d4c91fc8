"""ENABLE: the client can take what older ones could not.  RFC 5161, RFC 9051 §6.3.1"""

from dataclasses import dataclass

from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.server.enabled import NAMES
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
    fresh = [NAMES[name] for name in cmd.names if name in NAMES and not getattr(enabled, NAMES[name][1])]
    await out(Untagged(b" ".join([b"ENABLED", *(answered for answered, _ in fresh)])))
    for _, attribute in fresh:
        if attribute != "condstore":
            setattr(enabled, attribute, True)
    if {"condstore", "qresync"}.intersection(attribute for _, attribute in fresh):
        await session.know_modseqs(out)
    if session.selected is not None:
        session.selected.changed_dialect()
    return Done("ENABLE completed", utf8=enabled.utf8)


ROWS = (Row(b"ENABLE", parse, handle, State.LOGGED_IN, capability=b"ENABLE IMAP4rev2 UIDONLY"),)
