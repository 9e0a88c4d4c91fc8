"""Whether a failure is reported, to whom, and with what: RFC 3461 §6, RFC 5321 §6.1.  The words are `message.dsn`'s."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.base.ids import message_id
from mailstack.message.dsn import (
    FULL_LIMIT,
    Success,
    compose_delay,
    compose_failure,
    compose_success,
    returns_whole,
    wants_report,
)
from mailstack.queue.api import Envelope, Recipient, RemoteReply, Tls, Wishes

__all__ = ["Bounces", "Submit", "Undelivered", "owed"]

_OURS = "report by this server"
Submit = Callable[[Envelope, bytes], Awaitable[None]]  # puts a whole message on its way; durable when it ends


class Content(Protocol):
    """The message, in the queue or on its way in."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A recipient that will not get the message; `gave_up` when nobody refused for good, but time ran out."""

    recipient: Recipient
    reply: RemoteReply
    gave_up: bool = False


def owed(envelope: Envelope, undelivered: Sequence[Undelivered]) -> list[Undelivered]:
    """What the sender must hear of: nothing about mail without a sender, nothing that NOTIFY forbids."""
    if not envelope.reverse_path:
        return []
    return [each for each in undelivered if wants_report(each.recipient)]


class Bounces:
    """Writes reports and hands them to `submit`, which takes them to a mailbox here or to the queue.

    `reporting_mta` is this server's name; `now` tells UNIX seconds.
    """

    def __init__(self, reporting_mta: str, submit: Submit, now: Callable[[], float]) -> None:
        self._reporting_mta, self._submit, self._now = reporting_mta, submit, now

    async def __call__(self, envelope: Envelope, undelivered: Sequence[Undelivered], content: Content) -> None:
        """Durable when it ends.  MailError when a report cannot be kept now.

        What was refused and what was given up on are two reports: they say different things.
        """
        reported = owed(envelope, undelivered)
        for expired in (False, True):
            those = [each for each in reported if each.gave_up is expired]
            if those:
                await self._report(envelope, those, content, expired=expired)
        if envelope.client == _OURS and undelivered:
            await self._double(envelope, undelivered, content)
            return
        for each in undelivered:
            if each not in reported:
                reason = f"no report of <{each.recipient.address}>: {_why_not(envelope)}"
                log(Event.MAIL_DROPPED, mid=envelope.id, reason=reason)

    async def _double(self, envelope: Envelope, undelivered: Sequence[Undelivered], content: Content) -> None:
        """A report of ours that nobody took: our postmaster should know, for the original sender does not.

        RFC 5321 §6.1 forbids a report to its sender, who is nobody.  One that the postmaster does not get is dropped.
        """
        about = replace(envelope, reverse_path=f"postmaster@{self._reporting_mta}")
        mid, now = message_id(), datetime.fromtimestamp(self._now(), UTC)
        message = compose_failure(
            reporting_mta=self._reporting_mta,
            mid=mid,
            message_id=f"{mid}@{self._reporting_mta}",
            envelope=about,
            failed=[(each.recipient, each.reply) for each in undelivered],
            header_block=_header_block(content),
            now=now,
            original=content.read(0, content.size) if returns_whole(about) else None,
        )
        outer = _report_envelope(replace(about, reverse_path="postmaster"), mid, message, now)
        await self._submit(replace(outer, client="double bounce of this server"), message)
        _log_report("double bounce", about, mid)

    async def delayed(
        self, envelope: Envelope, those: Sequence[Undelivered], content: Content, until: datetime
    ) -> None:
        """Tell of recipients that have waited for long.  Durable when it ends; MailError.

        The caller has seen to it that the sender is one, and wants to hear of it.
        """
        mid, now = message_id(), datetime.fromtimestamp(self._now(), UTC)
        message = compose_delay(
            reporting_mta=self._reporting_mta,
            mid=mid,
            message_id=f"{mid}@{self._reporting_mta}",
            envelope=envelope,
            delayed=[(each.recipient, each.reply) for each in those],
            header_block=_header_block(content),
            now=now,
            until=until,
        )
        await self._submit(_report_envelope(envelope, mid, message, now), message)
        _log_report("delay", envelope, mid)

    async def arrived(self, envelope: Envelope, told: Sequence[Success], content: Content) -> None:
        """What has gone well, where the sender wants to know and nobody else will tell.  Raises nothing."""
        await self.succeeded(envelope, told, _header_block(content))

    async def succeeded(self, envelope: Envelope, told: Sequence[Success], header_block: bytes) -> None:
        """The sender asked for it; raises nothing, for the mail is delivered whatever becomes of the report."""
        for action in dict.fromkeys(each.action for each in told):
            if envelope.reverse_path:
                await self._success(envelope, action, [each for each in told if each.action == action], header_block)

    async def _success(self, envelope: Envelope, action: str, told: Sequence[Success], header_block: bytes) -> None:
        mid, now = message_id(), datetime.fromtimestamp(self._now(), UTC)
        message = compose_success(
            reporting_mta=self._reporting_mta,
            mid=mid,
            message_id=f"{mid}@{self._reporting_mta}",
            envelope=envelope,
            action=action,
            told=[(each.recipient, each.reply) for each in told],
            header_block=header_block,
            now=now,
        )
        try:
            await self._submit(_report_envelope(envelope, mid, message, now), message)
        except (MailError, OSError) as error:
            log(Event.MAIL_DROPPED, mid=mid, reason=f"report of success for {envelope.id} could not be kept: {error}")
        else:
            log(Event.SUCCESS_REPORTED, mid=envelope.id, report_mid=mid, reverse_path=envelope.reverse_path)

    async def _report(
        self, envelope: Envelope, those: Sequence[Undelivered], content: Content, *, expired: bool
    ) -> None:
        mid, now = message_id(), datetime.fromtimestamp(self._now(), UTC)
        message = compose_failure(
            reporting_mta=self._reporting_mta,
            mid=mid,
            message_id=f"{mid}@{self._reporting_mta}",
            envelope=envelope,
            failed=[(each.recipient, each.reply) for each in those],
            header_block=_header_block(content),
            now=now,
            expired=expired,
            original=content.read(0, content.size) if returns_whole(envelope) else None,
        )
        await self._submit(_report_envelope(envelope, mid, message, now), message)
        _log_report("failure", envelope, mid)


def _log_report(report: str, envelope: Envelope, mid: str) -> None:
    log(Event.MAIL_BOUNCED, mid=envelope.id, report=report, report_mid=mid, reverse_path=envelope.reverse_path)


def _report_envelope(about: Envelope, mid: str, message: bytes, now: datetime) -> Envelope:
    """Without a sender, and never itself reported: RFC 5321 §4.5.5, RFC 3461 §6.2

    As safe as the message and as urgent: RFC 8689 §5, RFC 6710 §4.6.
    """
    to, tls = about.reverse_path, about.wishes.tls
    return Envelope(
        id=mid,
        reverse_path="",
        recipients=(Recipient(to, notify=frozenset({"NEVER"})),),
        size=len(message),
        arrived=now,
        body="7BIT" if message.isascii() else "8BITMIME",
        smtputf8=not to.isascii(),
        client=_OURS,
        wishes=Wishes(tls if tls is Tls.REQUIRED else Tls.AS_USUAL, about.wishes.priority),
    )


def _why_not(envelope: Envelope) -> str:
    return "its sender asked for none" if envelope.reverse_path else "it has no sender"


def _header_block(content: Content) -> bytes:
    """Up to and with the empty line; what is longer than any header in use is cut at a line's end."""
    head = content.read(0, min(content.size, FULL_LIMIT))
    end = head.find(b"\r\n\r\n")
    return head[: end + 4] if end >= 0 else head[: head.rfind(b"\r\n") + 2]
