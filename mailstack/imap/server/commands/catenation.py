"""APPEND's messages, put together of the pieces that came and of those that are here.  RFC 4469"""

from typing import Protocol

from mailstack.base.errors import Condition, MailError
from mailstack.imap.catenate import Message, PartUrl, parse_url
from mailstack.imap.responses import Done, string
from mailstack.imap.sections import Message as Sections
from mailstack.imap.server.session import Session
from mailstack.store.api import Mailbox
from mailstack.store.values import Staged

__all__ = ["Catenation"]

_BLOCK = 64 * 1024


class BadUrl(Exception):
    """A part that is not there: (url)"""


class Growing(Protocol):
    """What a message is written into."""

    @property
    def size(self) -> int: ...

    def write(self, data: bytes) -> None: ...


class Catenation:
    """One message in the making.  Parts of own messages are copied octet by octet, in blocks."""

    def __init__(self, session: Session, into: Growing) -> None:
        self._session = session
        self._into = into

    async def add(self, said: Message, text: Staged | None) -> Done | None:
        """The URLs, then the text; what refuses the command, else None."""
        for url in said.urls:
            try:
                await self._add_url(url)
            except BadUrl:
                return Done.no("No such part", b"BADURL " + string(url))
            if self._into.size > self._session.limits.message_bytes:
                return Done.no("Message too big", b"TOOBIG")
        if text is not None:
            for offset in range(0, text.size, _BLOCK):
                self._into.write(text.read(offset, _BLOCK))
        if self._into.size > self._session.limits.message_bytes:
            return Done.no("Message too big", b"TOOBIG")
        return None

    async def _add_url(self, url: bytes) -> None:
        part = parse_url(url)
        if part is None:
            raise BadUrl
        mailbox, opened = await self._mailbox(part)
        try:
            if part.uidvalidity not in {0, mailbox.folder.uidvalidity}:
                raise BadUrl
            await self._copy(mailbox, part)
        finally:
            if opened:
                mailbox.release()

    async def _mailbox(self, part: PartUrl) -> tuple[Mailbox, bool]:
        """And whether it was opened for this."""
        if part.mailbox is None:
            if self._session.selected is None:
                raise BadUrl
            return self._session.mailbox, False
        try:
            return await self._session.account.open(part.mailbox), True
        except MailError as failure:
            if failure.condition is Condition.NO_SUCH_MAILBOX:
                raise BadUrl from None
            raise

    async def _copy(self, mailbox: Mailbox, part: PartUrl) -> None:
        try:
            content = mailbox.content(part.uid)
        except (MailError, KeyError):
            raise BadUrl from None
        try:
            found = Sections(content).find(part.piece.section)
            if found is None:
                raise BadUrl
            if part.piece.partial:
                found = found.partial(*part.piece.partial)
            if found.size + self._into.size > self._session.limits.message_bytes:
                raise MailError(Condition.MESSAGE_TOO_BIG, "Message too big")
            for offset in range(0, found.size, _BLOCK):
                self._into.write(found.read(content, offset, _BLOCK))
                await self._session.pause()
        finally:
            content.close()
