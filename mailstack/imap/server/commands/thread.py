"""THREAD: SEARCH, its results by who answers whom."""

from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mailstack.base.errors import ParseFault
from mailstack.imap.cursor import Cursor
from mailstack.imap.responses import Done, Untagged
from mailstack.imap.search_grammar import Search, parse_charset, parse_keys
from mailstack.imap.search_kept import Searched
from mailstack.imap.server.commands.search import found_by, searched
from mailstack.imap.server.session import Session
from mailstack.imap.sort import column
from mailstack.imap.thread import Forest, Threaded, by_references, by_references_only, by_subject, rendered
from mailstack.imap.values import Row, Seqs, Sink, State

__all__ = ["ROWS"]

Algorithm = Callable[[Threaded, Callable[[], Awaitable[None]]], Awaitable[Forest]]

_ALGORITHMS: Final[Mapping[bytes, Algorithm]] = {
    b"ORDEREDSUBJECT": by_subject,
    b"REFERENCES": by_references,
    b"REFS": by_references_only,
}


@dataclass(frozen=True, slots=True)
class Thread(Search):
    algorithm: bytes = b""


def parse(cur: Cursor) -> Thread:
    """thread = "THREAD" SP thread-alg SP charset 1*(SP search-key)   RFC 5256 §5"""
    algorithm = cur.word()
    if algorithm not in _ALGORITHMS:
        raise ParseFault("unknown threading algorithm")
    cur.space()
    key, by_modseq = parse_keys(cur, parse_charset(cur))
    return Thread(key, cur.by_uid, None, by_modseq, algorithm=algorithm)


async def handle(cmd: Thread, session: Session, out: Sink) -> Done:
    """* THREAD, always one.  RFC 5256 §4"""
    indices = await found_by(cmd, session, out)
    if indices is None:
        return Done.no("Charset not known here", b"BADCHARSET (US-ASCII UTF-8)")
    uids = session.view.uids
    numbers = [uids[index] for index in indices] if cmd.by_uid else [index + 1 for index in indices]
    asked = cmd.algorithm, array("Q", numbers).tobytes(), array("Q", map(uids.__getitem__, indices)).tobytes()
    last = session.view.threads
    if last is not None and last[0] == asked:  # the messages are the same: so are their threads
        threads = last[1]
    else:
        threads = await _threads(cmd.algorithm, searched(session), indices, numbers)
        session.view.threads = asked, threads
    await out(Untagged(b"THREAD " + threads if threads else b"THREAD"))
    return Done("THREAD completed")


async def _threads(algorithm: bytes, mail: Searched, indices: Sequence[int], numbers: Sequence[int]) -> bytes:
    messages = Threaded(
        *[
            await column(mail, name, indices)
            for name in ("message_id", "references", "subject", "reply", "sent", "seconds")
        ]
    )
    forest = await _ALGORITHMS[algorithm](messages, mail.pause)
    return rendered(forest, numbers)


_CAPABILITIES: Final = b"THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS I18NLEVEL=1"

ROWS = (Row(b"THREAD", parse, handle, State.SELECTED, Seqs.USES, capability=_CAPABILITIES, uid_form=True),)
