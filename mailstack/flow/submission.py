"""Ports 587 and 465: mail from people who have logged in, for anywhere.  RFC 6409"""

from collections.abc import Callable
from datetime import datetime

from mailstack.accounts.api import Allowance, Directory, Local, Principal
from mailstack.base.errors import Condition, MailError
from mailstack.flow.api import Accepted, Arriving
from mailstack.flow.authorship import HeaderRewriter, complete_header, written_by
from mailstack.flow.promise import Promise
from mailstack.flow.recipients import add_recipient
from mailstack.flow.settings import FlowSettings
from mailstack.flow.tracing import refuse_loop
from mailstack.queue.api import Recipient
from mailstack.store.values import Staged

__all__ = ["Submission"]


class Submission:
    """Implements `flow.api.Flow`."""

    def __init__(
        self,
        promise: Promise,
        directory: Directory,
        settings: FlowSettings,
        now: Callable[[], datetime],
        allowance: Allowance,
    ) -> None:
        self._promise, self._directory, self._settings, self._now = promise, directory, settings, now
        self._allowance = allowance

    async def sender(self, mail: Arriving, reverse_path: str) -> None:
        """MailError(NOT_ALLOWED) without a login, MailError(SENDER_NOT_ALLOWED) for another's address.

        The null sender is everybody's: RFC 8098 §3 wants it for the read receipts that mail programs send.
        """
        principal = _principal(mail)
        if reverse_path and not self._owns(principal, reverse_path):
            raise MailError(
                Condition.SENDER_NOT_ALLOWED,
                "The sender address does not belong to this account",
                detail=f"<{reverse_path}> by {principal.account}",
            )
        rights = self._directory.rights(principal.account)
        if rights is None or not rights.may_send:
            raise MailError(Condition.NOT_ALLOWED, "This account may not send mail", detail=principal.account)
        self._allowance.expect(principal.account, 1)
        mail.reverse_path = reverse_path

    async def recipient(self, mail: Arriving, recipient: Recipient) -> None:
        self._allowance.expect(_principal(mail).account, len(mail.recipients) + 1)
        add_recipient(mail, recipient, self._directory, self._promise.expect_room, relay=True)

    def stage(self, mail: Arriving) -> Staged:
        staged = self._promise.stage(mail)
        return HeaderRewriter(staged, lambda head: self._rewritten(mail, head), self._settings.header_octets)

    async def accept(self, mail: Arriving, staged: Staged) -> Accepted:
        if isinstance(staged, HeaderRewriter):
            staged = staged.staged
        refuse_loop(mail, staged.head(), self._settings.max_hops)
        self._allowance.take(_principal(mail).account, [recipient.address for recipient in mail.recipients])
        return await self._promise.keep(mail, staged)

    def _rewritten(self, mail: Arriving, head: bytes) -> bytes:
        """What is stored in place of the header block.  MailError(SENDER_NOT_ALLOWED) for another's From."""
        principal = _principal(mail)
        if self._settings.check_header_from:
            for author in written_by(head):
                if not self._owns(principal, author):
                    raise MailError(
                        Condition.SENDER_NOT_ALLOWED,
                        "The address in From does not belong to this account",
                        detail=f"From <{author}> by {principal.account}",
                    )
        return complete_header(head, message_id=f"{mail.mid}@{self._settings.hostname}", moment=self._now())

    def _owns(self, principal: Principal, address: str) -> bool:
        """One of the account's addresses, or one of them with a `+detail`."""
        address = address.lower()
        if address in principal.addresses:
            return True
        if "@" not in address:
            return False
        end = self._directory.resolve(address)
        return isinstance(end, Local) and end.account == principal.account


def _principal(mail: Arriving) -> Principal:
    if mail.principal is None:
        raise MailError(Condition.NOT_ALLOWED, "Log in first")
    return mail.principal
