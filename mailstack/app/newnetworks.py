"""Mail to an account that has logged in from a network it never came from before."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailstack.base.engine import Peer
from mailstack.base.events import Event, log
from mailstack.base.ids import message_id
from mailstack.message.compose import Mailbox, message, text_part
from mailstack.queue.api import Envelope, Recipient

__all__ = ["NewNetworkMail"]

_TEXT = """Your account {account} was used from a network that it never came from before:

    when    {when}
    from    {ip}
    what    {what}, {mechanism}

If that was you, at home, travelling or with a new telephone, there is nothing to do.

If it was not, somebody knows your password. Ask for a new one at once: postmaster@{domain}. Whoever is logged in
with the old one is logged out when it changes.
"""
_WHAT = {"imap": "reading mail (IMAP)", "pop3": "fetching mail (POP3)", "submission": "sending mail (SMTP)"}


class NewNetworkMail:
    """`submit` is as `queue.bounce.Submit`; `now` tells UNIX seconds.  Off until `wanted` is set."""

    def __init__(
        self, submit: Callable[[Envelope, bytes], Awaitable[None]], hostname: str, now: Callable[[], float]
    ) -> None:
        self._submit, self._hostname, self._now = submit, hostname, now
        self.wanted = False

    def __call__(self, account: str, mechanism: str, peer: Peer) -> None:
        """Never in the way of the login: it waits for nothing, and raises nothing."""
        if self.wanted:
            Deferred.fromCoroutine(self._tell(account, mechanism, peer)).addErrback(self._failed, account)

    async def _tell(self, account: str, mechanism: str, peer: Peer) -> None:
        mid, moment = message_id(), datetime.fromtimestamp(self._now(), UTC)
        domain = account.rpartition("@")[2]
        text = _TEXT.format(
            account=account,
            domain=domain,
            ip=peer.ip,
            mechanism=mechanism,
            when=f"{moment:%Y-%m-%d %H:%M} UTC",
            what=_WHAT.get(peer.protocol, peer.listener),
        )
        octets = message(
            sender=Mailbox(f"postmaster@{domain}", "Mail server"),
            to=[Mailbox(account)],
            subject=f"Login from a new network: {peer.ip}",
            moment=moment,
            message_id=f"{mid}@{self._hostname}",
            content=text_part(text),
            extra=(("Auto-Submitted", "auto-generated"),),
        )
        await self._submit(Envelope(mid, "", (Recipient(account),), len(octets), moment), octets)

    def _failed(self, failure: Failure, account: str) -> None:
        log(Event.MAIL_DROPPED, mid="-", reason=f"news of a login for {account}: {failure.getErrorMessage()}")
