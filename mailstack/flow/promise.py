"""Taking responsibility for one message: local copies filed, the rest queued, both durable, then the 250."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from mailstack.accounts.api import Directory, Forward
from mailstack.base.aside import Aside, at_once
from mailstack.base.events import Event, log
from mailstack.flow.api import Accepted, Arriving
from mailstack.flow.international import needs_smtputf8
from mailstack.flow.local import with_lines_on_top
from mailstack.flow.overquota import Full, deliver_to_those_with_room, undelivered
from mailstack.flow.receipts import receipts
from mailstack.flow.route import Route, find_route, held_route
from mailstack.flow.settings import FlowSettings
from mailstack.flow.textual import as_text
from mailstack.flow.tracing import final_lines, received_line
from mailstack.message.dsn import Success
from mailstack.message.header import header_end, message_id_of
from mailstack.queue.api import Envelope, MailQueue, Tls, Wishes
from mailstack.queue.bounce import Undelivered
from mailstack.store.api import MailStore
from mailstack.store.values import Staged

__all__ = ["Bounce", "Promise", "Receipt"]

_TLS_REQUIRED_NO = re.compile(rb"(?mi)^tls-required[ \t]*:[ \t]*(?:\r\n[ \t]+)?no[ \t]*\r$")

Receipt = Callable[[Envelope, Sequence[Success], bytes], Awaitable[None]]  # raises nothing
Seen = Callable[[Arriving, Staged], Awaitable[None]]  # raises nothing
Bounce = Callable[[Envelope, Sequence[Undelivered], Staged], Awaitable[None]]


class Promise:
    """What inbound and submission have in common.  `now` gives aware UTC."""

    def __init__(
        self,
        store: MailStore,
        queue: MailQueue,
        directory: Directory,
        settings: FlowSettings,
        now: Callable[[], datetime],
        receipt: Receipt,
        bounce: Bounce,
        aside: Aside = at_once,
        seen: Seen | None = None,
    ) -> None:
        """`receipt` tells a sender who asked for it that mail has arrived, `bounce` that some of it has not; `seen`
        looks at all that was accepted."""
        self._store, self._queue, self._directory = store, queue, directory
        self._settings, self._now, self._receipt = settings, now, receipt
        self._bounce, self._aside, self._seen = bounce, aside, seen
        self.expect_room = store.expect_room

    def route(self, mail: Arriving) -> Route:
        pairs = zip(mail.recipients, mail.resolutions, strict=True)
        if mail.wishes.hold_until is not None:
            return held_route(pairs, self._directory)
        return find_route(pairs, self._directory, tag_is_folder=self._settings.tag_is_folder)

    def stage(self, mail: Arriving) -> Staged:
        """A staged message with our lines on top; Return-Path only when nothing of it goes on to another server."""
        lines = received_line(mail, self._settings, self._now())
        if not self.route(mail).remote:
            lines = final_lines(mail) + lines
        staged = self._store.stage()
        try:
            staged.write(lines)
        except BaseException:
            staged.discard()
            raise
        return staged

    async def keep(self, mail: Arriving, staged: Staged) -> Accepted:
        """As below; a binary message as text, for nobody here could read it (`message.recode`)."""
        if mail.body != "BINARYMIME":
            return await self._keep(mail, staged)
        text = await self._aside(lambda: as_text(self._store, staged))
        try:
            return await self._keep(replace(mail, body="8BITMIME"), text)
        finally:
            text.discard()

    async def _keep(self, mail: Arriving, staged: Staged) -> Accepted:
        """Local first, then the queue: see the package's decision.  MailError, OSError: nothing is promised."""
        route = self.route(mail)
        full = await self._file(mail, route, staged) if route.local else {}
        if route.remote:
            envelope = self._envelope(mail, route, staged)
            await self._queue.enqueue(replace(envelope, reverse_path=self._return_path(mail)), staged)
        log(
            Event.MAIL_ACCEPTED,
            mid=mail.mid,
            cid=mail.cid,
            reverse_path=mail.reverse_path,
            listener=mail.peer.listener,
            ip=mail.peer.ip,
            helo=mail.helo,
            account=mail.principal.account if mail.principal else "",
            message_id=message_id_of(staged.head()),
            size=staged.size,
            recipients=[recipient.address for recipient in mail.recipients],
        )
        if self._seen is not None:
            await self._seen(mail, staged)
        if full:
            refused = undelivered(mail, full, self._directory, self._settings.hostname)
            await self._bounce(self._envelope(mail, route, staged), refused, staged)
        pairs = zip(mail.recipients, mail.resolutions, strict=True)
        told = receipts(pairs, self._directory)
        if mail.wishes.hold_until is not None:
            told = [each for each in told if each.action == "expanded"]  # nothing else has happened yet
        if told:
            await self._receipt(self._envelope(mail, route, staged), told, staged.head())
        return Accepted(mail.mid, f"Accepted as {mail.mid}")

    def _return_path(self, mail: Arriving) -> str:
        """Of what goes on to other servers: of strangers' mail, which aliases pass on, one in the alias's domain.

        Their SPF records do not name us; a bounce comes back through us (`accounts.directory`).
        """
        sender, srs = mail.reverse_path, self._settings.srs
        if srs is None or not sender or mail.principal or self._directory.is_own_domain(sender.rpartition("@")[2]):
            return sender
        pairs = zip(mail.recipients, mail.resolutions, strict=True)
        by = (recipient.domain for recipient, resolution in pairs if isinstance(resolution, Forward))
        domain = next(by, "")
        return srs.forward(sender, domain, self._now().timestamp()) if domain else sender

    async def _file(self, mail: Arriving, route: Route, staged: Staged) -> Full:
        """The accounts that had no room for it, while somebody else gets it."""
        if not route.remote:
            return await deliver_to_those_with_room(self._store, mail, staged, route)
        copy = with_lines_on_top(self._store, final_lines(mail), staged)
        try:
            return await deliver_to_those_with_room(self._store, mail, copy, route)
        finally:
            copy.discard()

    def _envelope(self, mail: Arriving, route: Route, staged: Staged) -> Envelope:
        addresses = (mail.reverse_path, *(recipient.address for recipient in route.remote))
        return Envelope(
            id=mail.mid,
            reverse_path=mail.reverse_path,
            recipients=route.remote,
            size=staged.size,
            arrived=self._now(),
            account=mail.principal.account if mail.principal else "",
            body=mail.body,
            smtputf8=mail.smtputf8 and needs_smtputf8(addresses, staged),
            ret=mail.ret,
            envid=mail.envid,
            client=f"[{mail.peer.ip}] by {mail.peer.listener}",
            wishes=_with_header(mail.wishes, staged.head()),
        )


def _with_header(wishes: Wishes, head: bytes) -> Wishes:
    """requiretls-field = "TLS-Required:" [FWS] "No" CRLF, which REQUIRETLS makes void     RFC 8689 §3, §4.1"""
    if wishes.tls is Tls.AS_USUAL and _TLS_REQUIRED_NO.search(head, 0, header_end(head)):
        return replace(wishes, tls=Tls.OPTIONAL)
    return wishes
