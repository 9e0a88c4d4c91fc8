"""One mail: MAIL, RCPT, the data; and what each service extension's parameters mean for it."""

from typing import Protocol

from mailstack.base.engine import BodyAborted, BodyChunk
from mailstack.base.errors import Condition, MailError
from mailstack.flow.api import Arriving, Flow
from mailstack.queue.api import Recipient
from mailstack.smtp import replies
from mailstack.smtp.extensions.dsn import ENVID, NOTIFY, ORCPT, RET
from mailstack.smtp.extensions.eightbitmime import BODY
from mailstack.smtp.extensions.size import SIZE
from mailstack.smtp.extensions.smtputf8 import SMTPUTF8
from mailstack.smtp.server.faults import reply_for
from mailstack.smtp.values import ChunkEnd, Mail, Rcpt, Reply, SmtpLimits
from mailstack.store.api import Staged

__all__ = ["Refused", "Transaction"]


class Refused(Protocol):
    """Told of each step that fails."""

    def __call__(self, step: str, error: MailError) -> None: ...


class Transaction:
    """From a MAIL that was taken until RSET, the end of the data or the end of the connection."""

    def __init__(self, flow: Flow, limits: SmtpLimits, mail: Arriving, refused: Refused) -> None:
        self._flow, self._limits, self._mail, self._refused = flow, limits, mail, refused
        self._staged: Staged | None = None
        self._failed: MailError | None = None  # while the data came

    async def begin(self, command: Mail) -> Reply:
        """MAIL.  When the reply is not positive, there is no transaction."""
        mail = self._mail
        mail.declared_size = command.params[SIZE]
        mail.body = command.params[BODY]
        mail.ret, mail.envid = command.params[RET], command.params[ENVID]
        mail.smtputf8 = command.params[SMTPUTF8]
        if mail.declared_size > self._limits.message_octets:
            return replies.MESSAGE_TOO_BIG
        try:
            await self._flow.sender(mail, command.reverse_path)
        except MailError as error:
            return self._refuse(f"MAIL FROM:<{command.reverse_path}>", error)
        return replies.SENDER_OK

    async def recipient(self, command: Rcpt) -> Reply:
        limits = self._limits
        most = limits.recipients if self._mail.principal else limits.recipients_unauthenticated
        if len(self._mail.recipients) >= most:
            return replies.TOO_MANY_RECIPIENTS
        recipient = Recipient(command.address, command.params[ORCPT], command.params[NOTIFY])
        try:
            await self._flow.recipient(self._mail, recipient)
        except MailError as error:
            return self._refuse(f"RCPT TO:<{command.address}>", error)
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
            accepted = await self._flow.accept(self._mail, staged)
        except OSError as error:
            return self._refuse("the message", _storage_fault(error))
        except MailError as error:
            return self._refuse("the message", error)
        finally:
            self.discard()
        return Reply(250, "2.0.0", accepted.text)

    def aborted(self, event: BodyAborted) -> None:
        """The engine refuses the data; it answers by itself."""
        self.discard()
        self._refused("the message", MailError(Condition.BAD_CONTENT, event.reason))

    def discard(self) -> None:
        staged, self._staged = self._staged, None
        if staged is not None:
            staged.discard()

    def _staged_message(self) -> Staged:
        """Made by DATA, or by the first octets of BDAT."""
        if self._staged is None:
            self._staged = self._flow.stage(self._mail)
        return self._staged

    def _fail(self, error: MailError) -> None:
        self._failed = error
        self.discard()

    def _refuse(self, step: str, error: MailError) -> Reply:
        self._refused(step, error)
        return reply_for(error)


def _storage_fault(error: OSError) -> MailError:
    """A disk that refuses is full or broken; either way the sender keeps the message and tries again."""
    return MailError(Condition.STORAGE_FULL, replies.OUT_OF_STORAGE.text, detail=str(error))
