"""Mail for people here that was held until a time (RFC 4865): from the queue into their mailboxes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailstack.accounts.api import Directory
from mailstack.base.errors import MailError
from mailstack.base.ids import message_id
from mailstack.flow.local import deliver_here, with_lines_on_top
from mailstack.flow.route import Route, find_route
from mailstack.message import trace
from mailstack.queue.api import Deferred, Delivered, Envelope, Failed, MailQueue, Outcome, Recipient, RemoteReply
from mailstack.store.api import Content, MailStore
from mailstack.store.values import Staged

__all__ = ["LocalCourier"]

_FILED = Delivered(RemoteReply("", 250, "2.1.5", "in the mailbox", ""), reports=False, here=True)
_NOBODY = Failed(RemoteReply("", 0, "5.1.1", "No such mailbox here"))


class LocalCourier:
    """Implements `queue.api.Courier` for own domains.

    Where an address leads may have changed since it was accepted: what leads elsewhere by
    now goes to `queue` as a message of its own.
    """

    def __init__(self, store: MailStore, directory: Directory, queue: MailQueue) -> None:
        self._store, self._directory, self._queue = store, directory, queue

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Mapping[Recipient, Outcome]:
        staged = with_lines_on_top(self._store, trace.return_path(envelope.reverse_path), content)
        try:
            return {recipient: await self._one(envelope, recipient, staged, content) for recipient in recipients}
        finally:
            staged.discard()

    async def _one(self, envelope: Envelope, recipient: Recipient, staged: Staged, content: Content) -> Outcome:
        pairs = [(recipient, self._directory.resolve(recipient.address))]
        route = find_route(pairs, self._directory, tag_is_folder=False)
        if not route.local and not route.remote:
            return _NOBODY
        try:
            await self._take(envelope, route, staged, content)
        except MailError as error:
            reply = RemoteReply("", 0, "4.2.0" if error.condition.temporary else "5.2.0", error.public)
            return Deferred(reply) if error.condition.temporary else Failed(reply)
        except OSError as error:
            return Deferred(RemoteReply("", 0, "4.3.1", f"out of storage: {error.strerror}"))
        return _FILED

    async def _take(self, envelope: Envelope, route: Route, staged: Staged, content: Content) -> None:
        if route.remote:
            copy = with_lines_on_top(self._store, b"", content)
            try:
                onward = replace(envelope, id=message_id(), recipients=route.remote)
                await self._queue.enqueue(onward, copy)
            finally:
                copy.discard()
        if route.local:
            await deliver_here(self._store, envelope.id, staged, route.local)
