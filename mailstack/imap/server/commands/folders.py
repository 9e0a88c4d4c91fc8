"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: an account's mailboxes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailstack.base.errors import Condition, MailError
from mailstack.imap.cursor import Cursor
from mailstack.imap.names import checked, parents
from mailstack.imap.objectid import mailbox_id
from mailstack.imap.responses import Done
from mailstack.imap.server.commands.list import tell_name
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State
from mailstack.store.api import MailAccount
from mailstack.store.values import INBOX, SEPARATOR, SpecialUse

__all__ = ["ROWS"]


@dataclass(frozen=True, slots=True)
class Named(Command):
    """`given`: the name before it was normalised.  RFC 9051 §6.3.9.7"""

    mailbox: str
    given: str = field(default="", compare=False)


def parse_named(cur: Cursor) -> Named:
    """mailbox, and nothing else   RFC 9051 §9"""
    return Named(*cur.mailbox_given())


# --- CREATE ---


@dataclass(frozen=True, slots=True)
class Create(Command):
    """`uses` as written; empty when USE was not given.  `given` as in `Named`."""

    mailbox: str
    uses: tuple[bytes, ...] = ()
    given: str = field(default="", compare=False)


def parse_create(cur: Cursor) -> Create:
    """create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]   RFC 6154 §6"""
    name, given = cur.mailbox_given()
    if not cur.spaced():
        return Create(name, given=given)
    cur.take(b"(")
    cur.take(b"USE")
    cur.space()
    uses = cur.listed(Cursor.flag, empty=True)
    cur.take(b")")
    return Create(name, uses, given)


async def create(cmd: Create, session: Session, out: Sink) -> Done:
    """The levels above come into being too.  RFC 9051 §6.3.4

    quirk: Outlook files mail into parents that are only names, and loses it; so there are none.
    """
    name = checked(cmd.mailbox.removesuffix(SEPARATOR))
    account = session.account
    if name in {folder.name for folder in account.folders()}:
        raise MailError(Condition.MAILBOX_EXISTS, "Mailbox exists already")
    use = _special_use(cmd.uses, account)
    if cmd.uses and use is None:
        return Done.no("One special use of Archive, Drafts, Junk, Sent, Trash that is free", b"USEATTR")
    session.works_on(name)
    await _create_parents(account, name)
    folder = await account.create(name, use)
    await tell_name(name, cmd.given.removesuffix(SEPARATOR), session, out)
    return Done("CREATE completed", b"MAILBOXID (%b)" % mailbox_id(folder.id))  # RFC 8474 §4.1


def _special_use(uses: Sequence[bytes], account: MailAccount) -> SpecialUse | None:
    """One use of ours that no other mailbox has: two Trash folders are what clients cannot live with."""
    free = {use.value.lower(): use for use in SpecialUse}
    for folder in account.folders():
        if folder.special_use is not None:
            free.pop(folder.special_use.value.lower(), None)
    return free.get(uses[0].decode("ascii").lower()) if len(uses) == 1 else None


async def _create_parents(account: MailAccount, name: str) -> None:
    existing = {folder.name for folder in account.folders()}
    for parent in parents(name):
        if parent not in existing:
            await account.create(parent)


# --- DELETE, RENAME ---


async def delete(cmd: Named, session: Session, out: Sink) -> Done:
    """What is below stays.  RFC 9051 §6.3.5.  A mailbox that is open here is left."""
    name, account = cmd.mailbox, session.account
    if name == INBOX:
        raise MailError(Condition.BAD_MAILBOX_NAME, "The INBOX cannot be deleted")
    names = {folder.name for folder in account.folders()}
    if name not in names and any(other.startswith(name + SEPARATOR) for other in names):
        return Done.no("This is only a name with mailboxes below it", b"HASCHILDREN")
    open_here = session.selected is not None and session.mailbox.folder.id == account.folder(name).id
    session.works_on(name)
    await account.delete(name)
    await tell_name(name, cmd.given, session, out)
    if open_here:
        session.deselect()
    return Done("DELETE completed", deselected=open_here)


@dataclass(frozen=True, slots=True)
class Rename(Command):
    old: str
    new: str
    old_given: str = field(default="", compare=False)
    new_given: str = field(default="", compare=False)


def parse_rename(cur: Cursor) -> Rename:
    """rename = "RENAME" SP mailbox SP mailbox   RFC 9051 §9"""
    old, old_given = cur.mailbox_given()
    cur.space()
    new, new_given = cur.mailbox_given()
    return Rename(old, new, old_given, new_given)


async def rename(cmd: Rename, session: Session, out: Sink) -> Done:
    """RFC 9051 §6.3.6"""
    old, new, account = cmd.old, checked(cmd.new.removesuffix(SEPARATOR)), session.account
    if new == INBOX or new in {folder.name for folder in account.folders()}:
        raise MailError(Condition.MAILBOX_EXISTS, "Mailbox exists already")
    if new.startswith(old + SEPARATOR) and old != INBOX:
        raise MailError(Condition.BAD_MAILBOX_NAME, "A mailbox cannot go below itself")
    moving = _topmost(old, account)
    session.works_on(old, new)
    await _create_parents(account, new)
    for name in moving:
        await account.rename(name, new + name.removeprefix(old))
    if (cmd.old_given, cmd.new_given.removesuffix(SEPARATOR)) != (old, new):
        await tell_name(new, cmd.old_given, session, out)
    return Done("RENAME completed")


def _topmost(old: str, account: MailAccount) -> list[str]:
    """The mailbox itself, or the highest ones below when it is only a name.  MailError(NO_SUCH_MAILBOX)."""
    names = {folder.name for folder in account.folders()}
    if old in names:
        return [old]
    below = [name for name in names if name.startswith(old + SEPARATOR)]
    if not below:
        account.folder(old)
    return sorted(name for name in below if not names.intersection(parents(name)))


# --- SUBSCRIBE, UNSUBSCRIBE ---


async def subscribe(cmd: Named, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """A name that does not exist may be subscribed (its mailbox may come back).  RFC 9051 §6.3.7"""
    session.works_on(cmd.mailbox)
    await session.account.subscribe(checked(cmd.mailbox))
    return Done("SUBSCRIBE completed")


async def unsubscribe(cmd: Named, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 9051 §6.3.8"""
    session.works_on(cmd.mailbox)
    await session.account.unsubscribe(cmd.mailbox)
    return Done("UNSUBSCRIBE completed")


ROWS = (
    Row(b"CREATE", parse_create, create, State.LOGGED_IN, capability=b"CREATE-SPECIAL-USE"),
    Row(b"DELETE", parse_named, delete, State.LOGGED_IN),
    Row(b"RENAME", parse_rename, rename, State.LOGGED_IN),
    Row(b"SUBSCRIBE", parse_named, subscribe, State.LOGGED_IN),
    Row(b"UNSUBSCRIBE", parse_named, unsubscribe, State.LOGGED_IN),
)
