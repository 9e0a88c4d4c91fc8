"""CAPABILITY, NOOP, CHECK, LOGOUT, ID, NAMESPACE: what every session may ask."""

from dataclasses import dataclass

from mailstack.base.engine import After
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Bye, Done, Untagged, string
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State

__all__ = ["ROWS", "no_arguments"]


def no_arguments(cur: Cursor) -> Command:  # noqa: ARG001  the engine checks that nothing is left
    """A name and nothing else."""
    return Command()


async def capability(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 9051 §6.1.1"""
    await out(Untagged(b"CAPABILITY " + session.capabilities))
    return Done("CAPABILITY completed")


async def noop(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """Looks at the disk too: polling clients rely on it, and CHECK is for nothing else here.  RFC 9051 §6.1.2"""
    if session.selected is not None:
        await session.mailbox.refresh()
    return Done("NOOP completed")


async def check(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """Everything that was answered is durable already.  RFC 3501 §6.4.1"""
    await session.mailbox.refresh()
    return Done("CHECK completed")


async def logout(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 9051 §6.1.3"""
    session.deselect()
    await out(Bye("Goodbye"))
    return Done("LOGOUT completed")


# --- ID ---

_ID_FIELDS = 30
_ID_FIELD_OCTETS = 30
_ID_VALUE_OCTETS = 1024


@dataclass(frozen=True, slots=True)
class Id(Command):
    fields: tuple[tuple[bytes, bytes | None], ...]


def parse_id(cur: Cursor) -> Id:
    """id = "ID" SP id-params-list; "(" [string SP nstring *(SP string SP nstring)] ")" / nil   RFC 2971 §4"""
    if cur.took(b"NIL"):
        return Id(())
    return Id(cur.listed(_id_field, empty=True)[:_ID_FIELDS])


def _id_field(cur: Cursor) -> tuple[bytes, bytes | None]:
    name = cur.string()
    cur.space()
    value = cur.nstring()
    return name[:_ID_FIELD_OCTETS], None if value is None else value[:_ID_VALUE_OCTETS]


async def identify(cmd: Id, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """RFC 2971 §3.1.  The version is told to those who have logged in, not to scanners."""
    fields = [(b"name", session.settings.name)]
    if session.principal is not None and session.settings.version:
        fields.append((b"version", session.settings.version))
    told = b" ".join(string(field) + b" " + string(value.encode()) for field, value in fields)
    await out(Untagged(b"ID (%b)" % told))
    return Done("ID completed")


# --- NAMESPACE ---


async def namespace(cmd: Command, session: Session, out: Sink) -> Done:  # noqa: ARG001
    """One personal namespace without prefix.  RFC 2342 §5"""
    await out(Untagged(b'NAMESPACE (("" "/")) NIL NIL'))
    return Done("NAMESPACE completed")


ROWS = (
    Row(b"CAPABILITY", no_arguments, capability, State.ANY),
    Row(b"NOOP", no_arguments, noop, State.ANY),
    Row(b"CHECK", no_arguments, check, State.SELECTED),
    Row(b"LOGOUT", no_arguments, logout, State.ANY, then=State.LOGOUT, after=After.CLOSE),
    Row(b"ID", parse_id, identify, State.ANY, capability=b"ID"),
    Row(b"NAMESPACE", no_arguments, namespace, State.LOGGED_IN, capability=b"NAMESPACE"),
)
