"""Where the server's own mail goes: a report to one of our people is filed at once, any other is queued."""

from mailstack.accounts.api import Directory
from mailstack.base.events import Event, log
from mailstack.flow.local import deliver_here
from mailstack.flow.route import find_route
from mailstack.queue.api import Envelope, MailQueue, Recipient
from mailstack.store.api import MailStore
from mailstack.store.values import Staged

__all__ = ["ReportMail"]


class ReportMail:
    """`queue.bounce.Submit`.  A report to an address that is nobody's (any more) is dropped, with a line in the log.

    A full mailbox takes it: there is nobody else who could be told.
    """

    def __init__(self, store: MailStore, directory: Directory, queue: MailQueue) -> None:
        self._store, self._directory, self._queue = store, directory, queue

    async def __call__(self, envelope: Envelope, message: bytes) -> None:
        [recipient] = envelope.recipients
        resolution = self._directory.resolve(recipient.address)
        route = find_route([(recipient, resolution)], self._directory, tag_is_folder=False)
        if route.local:
            await self._file(envelope, recipient, message, route.local)
        if route.remote:
            staged = self._staged(message)
            try:
                await self._queue.enqueue(envelope, staged)
            finally:
                staged.discard()
        if not route.local and not route.remote:
            log(Event.MAIL_DROPPED, mid=envelope.id, reason=f"report for <{recipient.address}>, who is nobody here")

    async def _file(
        self, envelope: Envelope, recipient: Recipient, message: bytes, boxes: tuple[tuple[str, str], ...]
    ) -> None:
        staged = self._staged(b"Return-Path: <>\r\nDelivered-To: " + recipient.address.encode() + b"\r\n" + message)
        try:
            await deliver_here(self._store, envelope.id, staged, boxes, keeps_to_quotas=False)
        finally:
            staged.discard()

    def _staged(self, message: bytes) -> Staged:
        staged = self._store.stage()
        staged.write(message)
        staged.finish()
        return staged
