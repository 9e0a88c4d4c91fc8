"""Port 25: mail from anybody, for own domains and nobody else."""

from mailstack.accounts.api import Directory
from mailstack.base.errors import Condition, MailError
from mailstack.flow.api import Accepted, Arriving
from mailstack.flow.promise import Promise
from mailstack.flow.recipients import add_recipient
from mailstack.flow.settings import FlowSettings
from mailstack.flow.tracing import refuse_loop
from mailstack.queue.api import Recipient
from mailstack.store.values import Staged

__all__ = ["Inbound"]


class Inbound:
    """Implements `flow.api.Flow`."""

    def __init__(self, promise: Promise, directory: Directory, settings: FlowSettings) -> None:
        self._promise, self._directory, self._settings = promise, directory, settings

    async def sender(self, mail: Arriving, reverse_path: str) -> None:
        """Anybody, the null sender too: reports must arrive (RFC 5321 §4.5.5)."""
        mail.reverse_path = reverse_path

    async def recipient(self, mail: Arriving, recipient: Recipient) -> None:
        if mail.reverse_path and self._directory.takes_bounces_only(recipient.address):
            # else whoever got mail through an alias could send anything to its author, in our name
            raise MailError(Condition.NOT_ALLOWED, "This address takes reports only: the sender must be <>")
        add_recipient(mail, recipient, self._directory, self._promise.expect_room, relay=False)

    def stage(self, mail: Arriving) -> Staged:
        return self._promise.stage(mail)

    async def accept(self, mail: Arriving, staged: Staged) -> Accepted:
        refuse_loop(mail, staged.head(), self._settings.max_hops)
        return await self._promise.keep(mail, staged)
