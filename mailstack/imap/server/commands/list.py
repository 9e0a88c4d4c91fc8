"""LIST and LSUB: which mailboxes there are.  RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 3348, RFC 9590"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mailstack.base.errors import MailError, ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.metadata import entries as metadata_entries
from mailstack.imap.names import matcher, parents
from mailstack.imap.responses import Done, Raw, Untagged, mailbox
from mailstack.imap.server.commands import metadata, status
from mailstack.imap.server.session import Session
from mailstack.imap.values import Command, Row, Sink, State
from mailstack.store.api import MailAccount
from mailstack.store.values import INBOX, Folder

__all__ = ["ROWS", "tell_name"]

_SELECTION: Final = frozenset({b"SUBSCRIBED", b"REMOTE", b"RECURSIVEMATCH", b"SPECIAL-USE"})
_RETURN: Final = frozenset({b"SUBSCRIBED", b"CHILDREN", b"SPECIAL-USE"})
_ROOT: Final = b'(\\NoSelect) "/" ""'


@dataclass(frozen=True, slots=True)
class List(Command):
    """`extended`: any of the forms that RFC 5258 added."""

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[bytes] = frozenset()
    returned: frozenset[bytes] = frozenset()
    status: tuple[bytes, ...] = ()
    metadata: tuple[str, ...] = ()
    extended: bool = False


PATTERNS_MOST = 16  # each is tried on every name


def parse(cur: Cursor) -> List:
    """list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]   RFC 5258 §6"""
    selection: frozenset[bytes] = frozenset()
    extended = cur.peek() == b"("
    if extended:
        selection = frozenset(cur.listed(_selection_option, empty=True))
        if b"RECURSIVEMATCH" in selection and b"SUBSCRIBED" not in selection:
            raise ParseFault("RECURSIVEMATCH needs SUBSCRIBED")
        cur.space()
    reference = cur.list_mailbox()
    cur.space()
    if cur.peek() == b"(":
        extended, patterns = True, cur.listed(Cursor.list_mailbox, at_most=PATTERNS_MOST)
    else:
        patterns = (cur.list_mailbox(),)
    if not cur.spaced():
        return List(reference, patterns, selection, extended=extended)
    returned, items, names = _return_options(cur)
    return List(reference, patterns, selection, returned, items, names, extended=True)


def _selection_option(cur: Cursor) -> bytes:
    option = cur.word()
    if option not in _SELECTION:
        raise ParseFault("no such LIST selection option")
    return option


def _return_options(cur: Cursor) -> tuple[frozenset[bytes], tuple[bytes, ...], tuple[str, ...]]:
    """list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"

    RFC 5258 §6, RFC 5819 §4, RFC 9590 §5
    """
    cur.take(b"RETURN")
    cur.space()
    items: list[bytes] = []
    names: list[str] = []

    def option(cur: Cursor) -> bytes:
        name = cur.word()
        if name == b"STATUS":
            cur.space()
            items.extend(status.items(cur))
        elif name == b"METADATA":
            cur.space()
            names.extend(metadata_entries(cur))
        elif name not in _RETURN:
            raise ParseFault("no such LIST return option")
        return name

    return frozenset(cur.listed(option, empty=True)), tuple(items), tuple(names)


def parse_lsub(cur: Cursor) -> List:
    """lsub = "LSUB" SP mailbox SP list-mailbox   RFC 3501 §9"""
    reference = cur.list_mailbox()
    cur.space()
    return List(reference, (cur.list_mailbox(),))


# --- the tree of names ---


@dataclass(frozen=True, slots=True)
class Entry:
    """One name that LIST answers; `folder` None: only a name.  `child_info`: RFC 5258 §3.5"""

    name: str
    folder: Folder | None
    attributes: tuple[bytes, ...]
    child_info: bool = False

    def encode(self, *, utf8: bool, old_name: str = "") -> bytes:
        """`old_name`: the name it was asked for by, or had.  RFC 9051 §6.3.9.7"""
        info = b' ("CHILDINFO" ("SUBSCRIBED"))' if self.child_info else b""
        if old_name:
            info = b' ("OLDNAME" (%b))' % mailbox(old_name, utf8=utf8)
        return b'* LIST (%b) "/" %b%b\r\n' % (b" ".join(self.attributes), mailbox(self.name, utf8=utf8), info)


@dataclass(slots=True)
class Names:
    """An account's names as they are now: mailboxes, the levels above them, subscriptions."""

    folders: dict[str, Folder]
    subscribed: frozenset[str]
    above: set[str] = field(init=False)  # names that have a mailbox below

    def __post_init__(self) -> None:
        self.above = _above(self.folders)

    @classmethod
    def of(cls, account: MailAccount) -> "Names":
        return cls({folder.name: folder for folder in account.folders()}, frozenset(account.subscriptions()))

    def chosen(self, cmd: List) -> Callable[[str], bool]:
        """The selection criteria, without the patterns.  RFC 5258 §3.1"""
        uses = {name for name, folder in self.folders.items() if folder.special_use is not None}
        wanted = self.folders.keys() | self.above
        if b"SUBSCRIBED" in cmd.selection:
            wanted = set(self.subscribed)
        if b"SPECIAL-USE" in cmd.selection:
            wanted = wanted & uses
        return wanted.__contains__

    def entries(self, cmd: List) -> Iterator[Entry]:
        """What LIST answers, sorted, INBOX first."""
        matches, chosen = _matches(cmd), self.chosen(cmd)
        everything = self.folders.keys() | self.above | self.subscribed
        picked = [name for name in everything if chosen(name)]
        recursive = b"RECURSIVEMATCH" in cmd.selection
        above = _above(picked) if recursive else set()
        hidden = _above(name for name in picked if not matches(name)) if recursive else set()
        for name in sorted(everything | above, key=_order):
            if (chosen(name) or name in hidden) and matches(name):
                yield Entry(name, self.folders.get(name), self._attributes(name, cmd), name in above)

    def entry(self, name: str) -> Entry:
        """One name with all that LIST can say of it."""
        return Entry(name, self.folders.get(name), self._attributes(name, _EVERYTHING))

    def _attributes(self, name: str, cmd: List) -> tuple[bytes, ...]:
        folder = self.folders.get(name)
        attributes: list[bytes] = []
        if folder is None:
            attributes.append(b"\\NonExistent" if cmd.extended else b"\\NoSelect")
        if name in self.above:
            attributes.append(b"\\HasChildren")
        elif folder is not None:
            attributes.append(b"\\HasNoChildren")
        if folder is not None and folder.special_use is not None:
            attributes.append(folder.special_use.value.encode("ascii"))
        if name in self.subscribed and b"SUBSCRIBED" in cmd.selection | cmd.returned:
            attributes.append(b"\\Subscribed")
        return tuple(attributes)


_EVERYTHING: Final = List("", (), returned=_RETURN, extended=True)


def _matches(cmd: List) -> Callable[[str], bool]:
    """Any of the patterns; the empty one matches nothing.  RFC 5258 §3"""
    matchers = [matcher(cmd.reference, pattern) for pattern in cmd.patterns if pattern]
    return lambda name: any(matches(name) for matches in matchers)


def _above(names: Iterable[str]) -> set[str]:
    return {parent for name in names for parent in parents(name)}


def _order(name: str) -> tuple[bool, str]:
    return name != INBOX, name


# --- the commands ---


async def handle(cmd: List, session: Session, out: Sink) -> Done:
    await session.account.refresh()
    if not cmd.extended and cmd.patterns == ("",):
        await out(Untagged(b"LIST " + _ROOT))
        return Done("LIST completed")
    if b"HIGHESTMODSEQ" in cmd.status:
        await session.know_modseqs(out)
    for entry in list(Names.of(session.account).entries(cmd)):
        await out(Raw(entry.encode(utf8=session.enabled.utf8)))
        if cmd.status and entry.folder is not None:
            await _tell_status(entry.name, cmd.status, session, out)
        if cmd.metadata and entry.folder is not None:
            await _tell_metadata(entry.name, cmd.metadata, session, out)
    return Done("LIST completed")


async def _tell_status(name: str, items: tuple[bytes, ...], session: Session, out: Sink) -> None:
    """RFC 5819 §2: no STATUS for a mailbox that cannot be asked, which may have gone just now."""
    try:
        answer = await status.answer(name, items, session)
    except MailError:
        return
    await out(answer)


async def _tell_metadata(name: str, names: tuple[str, ...], session: Session, out: Sink) -> None:
    """RFC 9590 §3"""
    try:
        answer = metadata.answer(name, names, session)
    except MailError:
        return
    await out(answer)


async def tell_name(name: str, given: str, session: Session, out: Sink) -> None:
    """In IMAP4rev2, an untagged LIST when the name that was given is not the normal one.  RFC 9051 §6.3.9.7"""
    if session.enabled.rev2 and name != given:
        await out(Raw(Names.of(session.account).entry(name).encode(utf8=True, old_name=given)))


async def lsub(cmd: List, session: Session, out: Sink) -> Done:
    r"""With `%`, a level above subscribed names is told as \NoSelect.  RFC 3501 §6.3.9"""
    await session.account.refresh()
    if cmd.patterns == ("",):
        await out(Untagged(b"LSUB " + _ROOT))
        return Done("LSUB completed")
    subscribed = frozenset(session.account.subscriptions())
    matches = _matches(cmd)
    hidden = _above(name for name in subscribed if not matches(name)) if "%" in cmd.patterns[0] else set()
    for name in sorted(subscribed | hidden, key=_order):
        if matches(name):
            attributes = b"" if name in subscribed else b"\\NoSelect"
            await out(Untagged(b'LSUB (%b) "/" %b' % (attributes, session.wire_name(name))))
    return Done("LSUB completed")


ROWS = (
    Row(
        b"LIST",
        parse,
        handle,
        State.LOGGED_IN,
        capability=b"CHILDREN SPECIAL-USE LIST-EXTENDED LIST-STATUS LIST-METADATA",
    ),
    Row(b"LSUB", parse_lsub, lsub, State.LOGGED_IN),
)
