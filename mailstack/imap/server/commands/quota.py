"""GETQUOTA, GETQUOTAROOT, SETQUOTA: what the account keeps and may keep.  RFC 9208

One quota root, of all the account's mailboxes.  Limits are the operator's to set (`mailstack account quota`),
so SETQUOTA is refused and QUOTASET not offered.
"""

from dataclasses import dataclass
from typing import Final

from mailstack.base.errors import Condition, MailError
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done, Untagged, astring, mailbox
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State

__all__ = ["ROWS"]

ROOT: Final = b"User quota"


@dataclass(frozen=True, slots=True)
class OfRoot(Command):
    root: bytes


@dataclass(frozen=True, slots=True)
class OfMailbox(Command):
    mailbox: str


def parse_root(cur: Cursor) -> OfRoot:
    """getquota = "GETQUOTA" SP quota-root-name   RFC 9208 §7"""
    return OfRoot(cur.astring())


def parse_mailbox(cur: Cursor) -> OfMailbox:
    """getquotaroot = "GETQUOTAROOT" SP mailbox   RFC 9208 §7"""
    return OfMailbox(cur.mailbox())


def parse_set(cur: Cursor) -> OfRoot:
    """setquota = "SETQUOTA" SP quota-root-name SP setquota-list   RFC 9208 §7"""
    root = cur.astring()
    cur.space()
    cur.listed(_resource, empty=True)
    return OfRoot(root)


def _resource(cur: Cursor) -> None:
    cur.atom()
    cur.space()
    cur.number64()


async def of_root(cmd: OfRoot, session: Session, out: Sink) -> Done:
    """RFC 9208 §4.1.1"""
    _expect(cmd.root)
    await out(_quota(session))
    return Done("GETQUOTA completed")


async def of_mailbox(cmd: OfMailbox, session: Session, out: Sink) -> Done:
    """Also of a mailbox that does not exist yet: RFC 9208 §4.1.2"""
    await out(Untagged(b"QUOTAROOT %b %b" % (mailbox(cmd.mailbox), astring(ROOT))))
    await out(_quota(session))
    return Done("GETQUOTAROOT completed")


async def put(cmd: OfRoot, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 9208 §4.1.3"""
    _expect(cmd.root)
    raise MailError(Condition.NOT_ALLOWED, "The operator sets quotas")


def _expect(root: bytes) -> None:
    if root != ROOT:
        raise MailError(Condition.NO_SUCH_MAILBOX, "No such quota root")


def _quota(session: Session) -> Untagged:
    """Only what is limited is named: RFC 9208 §4.2.1"""
    limits, used = session.account.quota(), session.account.usage()
    named = []
    if limits.octets:
        named.append(b"STORAGE %d %d" % (_kibioctets(used.octets), _kibioctets(limits.octets)))
    if limits.messages:
        named.append(b"MESSAGE %d %d" % (used.messages, limits.messages))
    return Untagged(b"QUOTA %b (%b)" % (astring(ROOT), b" ".join(named)))


def _kibioctets(octets: int) -> int:
    """Units of 1024, rounded up: RFC 9208 §5.1"""
    return -(-octets // 1024)


ROWS = (
    Row(b"GETQUOTA", parse_root, of_root, State.LOGGED_IN, capability=b"QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"),
    Row(b"GETQUOTAROOT", parse_mailbox, of_mailbox, State.LOGGED_IN),
    Row(b"SETQUOTA", parse_set, put, State.LOGGED_IN),
)
