"""GETMETADATA and SETMETADATA: notes that clients keep at mailboxes and at the account.  RFC 5464

Nobody shares a mailbox with others yet, so /private and /shared differ by name alone.  At the server (the mailbox ""),
/private entries are the account's own; the /shared ones are the operator's to set (`[imap]`) and to be read.
`/private/specialuse` of a mailbox tells its special use.  RFC 6154 §4
"""

from collections.abc import Mapping
from typing import Final

from mailstack.base.errors import Condition, MailError
from mailstack.imap.metadata import Asked, Get, Set, found, parse_get, parse_set, told
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.server.session import Session
from mailstack.imap.values import Row, Sink, State
from mailstack.store.values import MAX_ANNOTATION_OCTETS

__all__ = ["ROWS", "answer"]

_SPECIAL_USE: Final = "/private/specialuse"


async def get(cmd: Get, session: Session, out: Sink) -> Done:
    """RFC 5464 §4.2"""
    await session.account.refresh()
    values = found(cmd.asked, _values(cmd.mailbox, session))
    most = cmd.asked.most
    long = [len(value) for value in values.values() if value is not None and most is not None and len(value) > most]
    fitting = {name: value for name, value in values.items() if value is None or most is None or len(value) <= most}
    if fitting:
        await out(Untagged(told(cmd.mailbox, fitting, utf8=session.enabled.utf8)))
    return Done("GETMETADATA completed", b"METADATA LONGENTRIES %d" % max(long) if long else b"")


def answer(mailbox: str, names: tuple[str, ...], session: Session) -> Untagged:
    """The same for LIST.  MailError(NO_SUCH_MAILBOX).  RFC 9590 §3"""
    return Untagged(told(mailbox, found(Asked(names), _values(mailbox, session)), utf8=session.enabled.utf8))


def _values(mailbox: str | None, session: Session) -> Mapping[str, bytes]:
    """All there are.  MailError(NO_SUCH_MAILBOX)"""
    kept = session.account.annotations(mailbox)
    if mailbox is None:
        return {**kept, **_of_server(session)}
    use = session.account.folder(mailbox).special_use
    return {**kept, _SPECIAL_USE: use.value.encode("ascii")} if use else kept


def _of_server(session: Session) -> dict[str, bytes]:
    """RFC 5464 §6.2"""
    told = {"/shared/admin": session.settings.admin, "/shared/comment": session.settings.comment}
    return {name: text.encode("utf-8") for name, text in told.items() if text}


async def put(cmd: Set, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """All or nothing.  RFC 5464 §4.3"""
    if any(_is_fixed(cmd.mailbox, name) for name in cmd.values):
        raise MailError(Condition.NOT_ALLOWED, "Some of these can only be read")
    if any(value is not None and len(value) > MAX_ANNOTATION_OCTETS for value in cmd.values.values()):
        return Done.no("An annotation is too long", b"METADATA MAXSIZE %d" % MAX_ANNOTATION_OCTETS)
    await session.account.refresh()
    try:
        await session.account.annotate(cmd.mailbox, cmd.values, source=session.token)
    except MailError as fault:
        if fault.condition is Condition.LIMIT:
            return Done.no(fault.public, b"METADATA TOOMANY")
        raise
    return Done("SETMETADATA completed")


def _is_fixed(mailbox: str | None, name: str) -> bool:
    return name.startswith("/shared/") if mailbox is None else name == _SPECIAL_USE


ROWS = (
    Row(b"GETMETADATA", parse_get, get, State.LOGGED_IN, capability=b"METADATA"),
    Row(b"SETMETADATA", parse_set, put, State.LOGGED_IN),
)
