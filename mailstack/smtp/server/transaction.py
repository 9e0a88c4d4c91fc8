"""One mail: MAIL, RCPT, the data; and what each service extension's parameters mean for it."""

from dataclasses import replace
from typing import Protocol

from mailstack.base.engine import BodyAborted, BodyChunk
from mailstack.base.errors import Condition, MailError
from mailstack.base.ids import message_id
from mailstack.flow.api import Arriving, Flow
from mailstack.queue.api import Recipient, Wishes
from mailstack.smtp import replies
from mailstack.smtp.extensions.dsn import ENVID, NOTIFY, ORCPT, RET
from mailstack.smtp.extensions.eightbitmime import BODY
from mailstack.smtp.extensions.mtpriority import MT_PRIORITY
from mailstack.smtp.extensions.size import SIZE
from mailstack.smtp.extensions.smtputf8 import SMTPUTF8
from mailstack.smtp.server.faults import reply_for
from mailstack.smtp.values import Answer, ChunkEnd, Mail, Rcpt, Replies, Reply, SmtpLimits
from mailstack.store.values import Staged

__all__ = ["Refused", "Transaction"]


class Refused(Protocol):
    """Told of each step that fails; `error` is more than the reply says, when there is more."""

    def __call__(self, step: str, reply: Reply, mail: Arriving, error: MailError | None = None) -> None: ...


class Transaction:
    """From a MAIL that was taken until RSET, the end of the data or the end of the connection."""

    def __init__(self, flow: Flow, limits: SmtpLimits, mail: Arriving, refused: Refused, *, lmtp: bool = False) -> None:
        self._flow, self._limits, self.mail, self._refused = flow, limits, mail, refused
        self._lmtp = lmtp
        self._places: list[int] = []  # for each RCPT that was taken, whom of the message's recipients it names
        self._staged: Staged | None = None
        self._failed: MailError | None = None  # while the data came

    async def begin(self, command: Mail, wishes: Wishes) -> Reply:
        """MAIL.  When the reply is not positive, there is no transaction."""
        mail = self.mail
        mail.declared_size = command.params[SIZE]
        mail.body = command.params[BODY]
        mail.ret, mail.envid = command.params[RET], command.params[ENVID]
        mail.smtputf8 = command.params[SMTPUTF8]
        mail.wishes = wishes
        if mail.declared_size > self._limits.message_octets:
            step = f"MAIL FROM:<{command.reverse_path}> SIZE={mail.declared_size}"
            return self._answer(step, replies.MESSAGE_TOO_BIG)
        try:
            await self._flow.sender(mail, command.reverse_path)
        except MailError as error:
            return self._refuse(f"MAIL FROM:<{command.reverse_path}>", error)
        granted = wishes.priority
        return replies.SENDER_OK if granted == command.params[MT_PRIORITY] else replies.priority_lowered(granted)

    async def recipient(self, command: Rcpt) -> Reply:
        limits = self._limits
        most = limits.recipients if self.mail.principal or self._lmtp else limits.recipients_unauthenticated
        if len(self.mail.recipients) >= most:
            return self._answer(f"RCPT TO:<{command.address}>", replies.TOO_MANY_RECIPIENTS)
        recipient = Recipient(command.address, command.params[ORCPT], command.params[NOTIFY])
        before = len(self.mail.recipients)
        try:
            await self._flow.recipient(self.mail, recipient)
        except MailError as error:
            return self._refuse(f"RCPT TO:<{command.address}>", error)
        self._places.append(_place(self.mail, recipient, before))
        return replies.RECIPIENT_OK

    def data(self) -> Reply:
        """DATA: a place for the message."""
        try:
            self._staged_message()
        except OSError as error:
            return self._refuse("DATA", _storage_fault(error))
        except MailError as error:
            return self._refuse("DATA", error)
        return replies.START_DATA

    def chunk(self, event: BodyChunk) -> None:
        """Some octets.  A failure is kept for the end of the data, where the reply may stand."""
        if self._failed is not None:
            return
        try:
            self._staged_message().write(event.data)
        except OSError as error:
            self._fail(_storage_fault(error))
        except MailError as error:
            self._fail(error)

    def chunk_end(self, event: ChunkEnd) -> Reply:
        """One BDAT, and not the last.  When the reply is not positive, this transaction is over."""
        if self._failed is not None:
            return self._refuse("the message", self._failed)
        return replies.chunk_taken(event.octets)

    async def end(self) -> Reply:
        """The data are whole: whatever the reply is, this transaction is over."""
        try:
            if self._failed is not None:
                raise self._failed
            staged = self._staged_message()
            staged.finish()
            accepted = await self._flow.accept(self.mail, staged)
        except OSError as error:
            return self._refuse("the message", _storage_fault(error))
        except MailError as error:
            return self._refuse("the message", error)
        finally:
            self.discard()
        return Reply(250, "2.0.0", accepted.text)

    async def end_for_each(self) -> Answer:
        """As `end`, with a reply for each recipient: RFC 2033 §4.2

        All together first, which is one delivery; only when that fails each by itself.
        """
        staged = self._staged if self._failed is None else None
        if staged is None or len(self.mail.recipients) == 1:
            return await self.end()
        self.mail.replies_each = True
        try:
            staged.finish()
            return Reply(250, "2.0.0", (await self._flow.accept(self.mail, staged)).text)
        except (OSError, MailError):
            each = [await self._accept_one(place, staged) for place in range(len(self.mail.recipients))]
            return Replies(tuple(each[place] for place in self._places))
        finally:
            self.discard()

    async def _accept_one(self, place: int, staged: Staged) -> Reply:
        mail = self.mail
        one = replace(
            mail,
            mid=message_id(),
            recipients=mail.recipients[place : place + 1],
            resolutions=mail.resolutions[place : place + 1],
        )
        try:
            accepted = await self._flow.accept(one, staged)
        except OSError as error:
            return self._refuse("the message", _storage_fault(error))
        except MailError as error:
            return self._refuse(f"the message for <{one.recipients[0].address}>", error)
        return Reply(250, "2.0.0", accepted.text)

    def aborted(self, event: BodyAborted) -> None:
        """The engine refuses the data; it answers by itself."""
        self.discard()
        error = MailError(Condition.BAD_CONTENT, event.reason)
        self._refused("the message", reply_for(error), self.mail, error)

    def discard(self) -> None:
        staged, self._staged = self._staged, None
        if staged is not None:
            staged.discard()

    def _staged_message(self) -> Staged:
        """Made by DATA, or by the first octets of BDAT."""
        if self._staged is None:
            self._staged = self._flow.stage(self.mail)
        return self._staged

    def _fail(self, error: MailError) -> None:
        self._failed = error
        self.discard()

    def _refuse(self, step: str, error: MailError) -> Reply:
        return self._answer(step, reply_for(error), error)

    def _answer(self, step: str, reply: Reply, error: MailError | None = None) -> Reply:
        self._refused(step, reply, self.mail, error)
        return reply


def _place(mail: Arriving, recipient: Recipient, before: int) -> int:
    """Whom the flow has added, or who was there already."""
    if len(mail.recipients) > before:
        return before
    same = (place for place, each in enumerate(mail.recipients) if each.address.startswith(recipient.address))
    return next(same, 0)


def _storage_fault(error: OSError) -> MailError:
    """A disk that refuses is full or broken; either way the sender keeps the message and tries again."""
    return MailError(Condition.STORAGE_FULL, replies.OUT_OF_STORAGE.text, detail=str(error))
