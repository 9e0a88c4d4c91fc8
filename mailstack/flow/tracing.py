"""The lines that this server writes on top of a message, and what it reads off those of others."""

from datetime import datetime

from mailstack.accounts.api import Forward, Local
from mailstack.base.errors import Condition, MailError
from mailstack.flow.api import Arriving
from mailstack.flow.settings import FlowSettings
from mailstack.message import trace
from mailstack.message.header import scan

__all__ = ["final_lines", "received_line", "refuse_loop"]


def final_lines(mail: Arriving) -> bytes:
    """What only a copy that is finally delivered begins with.  RFC 5321 §4.4"""
    return trace.return_path(mail.reverse_path)


def received_line(mail: Arriving, settings: FlowSettings, moment: datetime) -> bytes:
    """Received, with Delivered-To above it where that tells nobody anything new."""
    hidden = mail.principal is not None and not settings.show_client_ip
    only = mail.recipients[0] if len(mail.recipients) == 1 else None
    received = trace.received(
        helo=_home(mail) if hidden else mail.helo,
        client_ip="" if hidden else mail.peer.ip,
        by=settings.hostname,
        protocol=mail.protocol,
        mid=mail.mid,
        moment=moment,
        recipient=only.address if only else "",
        priority=mail.wishes.priority,
        tls=f"{mail.peer.tls_version} {mail.peer.tls_cipher}" if mail.peer.tls else "",
    )
    if only and isinstance(mail.resolutions[0], (Local, Forward)):
        return trace.delivered_to(only.address) + received
    return received


def _home(mail: Arriving) -> str:
    """The author's domain, in place of where the author sits."""
    address = mail.reverse_path or (mail.principal.account if mail.principal else "")
    return address.rpartition("@")[2]


def refuse_loop(mail: Arriving, head: bytes, max_hops: int) -> None:
    """MailError(LOOP) when the message has passed too many servers, or one of our aliases before."""
    if trace.count_received(head) - 1 > max_hops:
        raise MailError(Condition.LOOP, f"Too many hops: more than {max_hops} Received lines")
    aliases = {
        recipient.address.lower()
        for recipient, resolution in zip(mail.recipients, mail.resolutions, strict=True)
        if isinstance(resolution, Forward)
    }
    if aliases and not aliases.isdisjoint(trace.delivered_to_all(_of_others(head))):
        raise MailError(Condition.LOOP, "Mail loop: this message has been here before")


def _of_others(head: bytes) -> bytes:
    """The header below our own lines, of which Received is the last."""
    received = scan(head).named(b"received")
    return head[received[0].end :] if received else head
