"""The header block of a submitted message: who wrote it, what it lacks, what must not be seen.  RFC 6409 §8"""

from collections.abc import Callable
from datetime import datetime

from mailstack.base.errors import Condition, MailError
from mailstack.message.address import mailboxes
from mailstack.message.date import format_date
from mailstack.message.header import Header, scan
from mailstack.store.values import Staged

__all__ = ["HeaderRewriter", "complete_header", "written_by"]

_SECRET = frozenset({b"bcc", b"resent-bcc"})  # RFC 5322 §3.6.3


def written_by(head: bytes) -> list[str]:
    """Every address in every From, as `local@domain`; "" for an author without an address."""
    authors: list[str] = []
    for value in scan(head).all(b"from"):
        addresses = [address.spec.decode("utf-8", "replace") if address.domain else "" for address in mailboxes(value)]
        authors += addresses or [""]
    return authors


def complete_header(head: bytes, *, message_id: str, moment: datetime) -> bytes:
    """The block with Message-ID and Date if they were missing, and without Bcc; not an octet else is touched.

    `head` reaches to the blank line (with it), or to the end of a message that has none.
    """
    header = scan(head)
    added = b""
    if b"message-id" not in header:
        added += f"Message-ID: <{message_id}>\r\n".encode()
    if b"date" not in header:
        added += f"Date: {format_date(moment)}\r\n".encode()
    if head.startswith((b" ", b"\t")) or not (header.fields or head.startswith(b"\r\n")):
        added += b"\r\n"  # it has no header at all: what came is body
    return added + _without_bcc(header)


def _without_bcc(header: Header) -> bytes:
    kept, start = bytearray(), 0
    for field in header.fields:
        if field.key in _SECRET:
            kept += header.data[start : field.start]
            start = field.end
    return bytes(kept + header.data[start:])


def _block_end(head: bytearray, searched: int) -> int:
    """Offset behind the blank line, which is not before `searched`; 0 while there is none."""
    if head.startswith(b"\r\n"):
        return 2
    blank = head.find(b"\r\n\r\n", searched)
    return 0 if blank < 0 else blank + 4


class HeaderRewriter:
    """A staged message whose header block is changed as it comes; implements `store.values.Staged`.

    What `rewrite` gets may lack the blank line when the message has no body.
    `write` and `finish` raise what `rewrite` raises, and MailError(BAD_CONTENT)
    for a header block above `limit` octets.
    """

    def __init__(self, staged: Staged, rewrite: Callable[[bytes], bytes], limit: int) -> None:
        self.staged = staged
        self._rewrite, self._limit = rewrite, limit
        self._head: bytearray | None = bytearray()  # None: it is through

    @property
    def size(self) -> int:
        return self.staged.size

    def write(self, data: bytes) -> None:
        if self._head is None:
            self.staged.write(data)
            return
        searched = max(0, len(self._head) - 3)
        self._head += data
        end = _block_end(self._head, searched)
        if end:
            self._pass(end)
        elif len(self._head) > self._limit:
            raise MailError(Condition.BAD_CONTENT, f"The header is longer than {self._limit} octets")

    def _pass(self, end: int) -> None:
        assert self._head is not None
        block, self._head = bytes(self._head), None
        if end > self._limit:
            raise MailError(Condition.BAD_CONTENT, f"The header is longer than {self._limit} octets")
        self.staged.write(self._rewrite(block[:end]) + block[end:])

    def finish(self) -> None:
        if self._head is not None:
            self._pass(len(self._head))
        self.staged.finish()

    def head(self) -> bytes:
        return self.staged.head()

    def read(self, offset: int, length: int) -> bytes:
        return self.staged.read(offset, length)

    def place(self, path: str) -> None:
        self.staged.place(path)

    def park(self) -> None:
        self.staged.park()

    def discard(self) -> None:
        self.staged.discard()
