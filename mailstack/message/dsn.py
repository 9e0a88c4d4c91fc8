"""Delivery status notifications: what the sender is told when mail cannot be delivered, or not yet.

multipart/report (RFC 6522) of three parts: words for a person, the same for a
program (RFC 3464), and the message or its header.  The reverse path of a report
is empty; that, and putting it on its way, is the caller's (RFC 5321 §4.5.5).
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailstack.message.compose import Mailbox, Part, encoded_part, field, message, multipart, text_part
from mailstack.message.date import format_date
from mailstack.message.header import scan
from mailstack.message.known_replies import explain
from mailstack.message.words import decode_words
from mailstack.queue.api import Envelope, Recipient, RemoteReply, Tls

__all__ = [
    "FULL_LIMIT",
    "Failure",
    "Success",
    "compose_delay",
    "compose_failure",
    "compose_success",
    "returns_whole",
    "wants_delay_report",
    "wants_report",
]

FULL_LIMIT = 64 * 1024  # octets; what is longer comes back as its header only (RFC 3461 §6.2 allows it)
_WIDTH = 72

Failure = tuple[Recipient, RemoteReply]

_NO_REPLY = RemoteReply("", 0, "", "")

_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")

# (beginning of the status, what the sender can do), the first that fits; RFC 3463 §3
_ADVICE = (
    ("5.1.1", "Nobody there has this address. Check it for typing errors, or ask the recipient for the right one."),
    ("5.1.2", "The domain behind the @ does not take mail. Check it for typing errors."),
    ("5.1.8", "The other server does not accept your own address as a sender. Ask your postmaster."),
    ("5.1.10", "The domain behind the @ says that it takes no mail at all. Check it for typing errors."),
    ("5.1", "Check the address for typing errors, or ask the recipient for the right one."),
    ("5.2.1", "The recipient's mailbox is closed. Reach them in another way."),
    ("5.2.2", "The recipient's mailbox is full. Reach them in another way, and send again later."),
    ("5.2.3", "The message is too big for this recipient. Make it smaller, or send a link to the file."),
    ("5.3.4", "The message is too big for the other server. Make it smaller, or send a link to the file."),
    ("5.4.6", "The message runs in a circle between servers. Send this report to your postmaster."),
    ("5.4", "The other server cannot be found or reached. Check the part behind the @ for typing errors."),
    ("5.6.7", "The other server cannot take an address with letters beyond ASCII. Ask for another address."),
    ("5.7", "The other server refuses it by a rule of its own. Your postmaster can ask the other side about it."),
    (
        "4.4.7",
        "It was tried again and again. Reach the recipient in another way, and send it again if it still matters.",
    ),
    ("", "Send this report to your postmaster if you need help."),
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the report is about.  `status`: in place of the replies' own; `until`: tried again up to then."""

    action: str  # RFC 3464 §2.3.3
    subject: str
    opening: str  # for the person; `{those}`: this or these recipients
    verb: str  # what the other server did
    closing: str
    status: str = ""
    until: datetime | None = None

    @property
    def good(self) -> bool:
        return self.status.startswith("2")


_FAILED = _Kind(
    "failed",
    "Undelivered mail returned to sender",
    "Your message could not be delivered to {those}, and will not be tried again.",
    "refused it and said",
    "The message, or its header, is attached. Recipients not named above are not concerned.",
)
_EXPIRED = replace(_FAILED, verb="said at the last try", status="4.4.7")
_TOO_LATE = replace(
    _EXPIRED,
    opening="Your message could not be delivered to {those} within the time that you had set, and is not sent now.",
    status="5.4.7",
)
_DELAYED = _Kind(
    "delayed",
    "Your mail is delayed",
    "Your message could not yet be delivered to {those}. You need not send it again: it is tried on and on until "
    "{until}, and you hear of it if that comes to nothing.",
    "said at the last try",
    "The header of the message is attached. Recipients not named above are not concerned.",
)


_ASKED = "As you asked, you are told that your message"
_ATTACHED = "The header of the message is attached. Recipients not named above are not concerned."
_SUCCESS = {
    kind.action: kind
    for kind in (
        _Kind(
            "delivered", "Your mail was delivered", f"{_ASKED} is in the mailbox of {{those}}.", "", _ATTACHED, "2.0.0"
        ),
        _Kind(
            "relayed",
            "Your mail was passed on",
            f"{_ASKED} was handed to the server of {{those}}, which sends no such reports: no more will be heard.",
            "took it and said",
            _ATTACHED,
            "2.0.0",
        ),
        _Kind(
            "expanded",
            "Your mail was passed on to several people",
            f"{_ASKED} is on its way to those for whom the address of {{those}} stands.",
            "",
            _ATTACHED,
            "2.0.0",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Success:
    """`action` is delivered, expanded, or relayed to a server that reports nothing itself.  RFC 3464 §2.3.3"""

    recipient: Recipient
    action: str
    reply: RemoteReply = _NO_REPLY


def wants_delay_report(recipient: Recipient) -> bool:
    """Whether a delay for this recipient is reported: without NOTIFY it may be.  RFC 3461 §4.1"""
    return not recipient.notify or "DELAY" in recipient.notify


def wants_report(recipient: Recipient) -> bool:
    """Whether a failure for this recipient is reported: unless NOTIFY says otherwise.  RFC 3461 §4.1"""
    return not recipient.notify or "FAILURE" in recipient.notify


def returns_whole(envelope: Envelope) -> bool:
    """Whether the whole message goes back: not with RET=HDRS or REQUIRETLS (RFC 8689 §5), and not when it is long."""
    return envelope.ret != "HDRS" and envelope.wishes.tls is not Tls.REQUIRED and envelope.size <= FULL_LIMIT


def compose_failure(
    *,
    reporting_mta: str,
    mid: str,
    message_id: str,
    envelope: Envelope,
    failed: Sequence[Failure],
    header_block: bytes,
    now: datetime,
    expired: bool = False,
    original: bytes | None = None,
    postmaster: str = "",
) -> bytes:
    """The report, whole, with CRLF.

    `mid` is the report's id in the log; `message_id` its Message-ID without
    brackets.  `header_block` is the head of the failed message; `original` all of
    it, when `returns_whole` says so (the report is then 8BITMIME unless
    `isascii()`).  `expired`: given up after too many tries, so that the replies are
    temporary ones.  `postmaster` is the author, `postmaster@reporting_mta` when not given.
    """
    kind = _EXPIRED if expired else _FAILED
    if expired and envelope.wishes.by_mode.startswith("R"):
        kind = _TOO_LATE
    return _compose(kind, reporting_mta, mid, message_id, envelope, failed, header_block, now, original, postmaster)


def compose_delay(
    *,
    reporting_mta: str,
    mid: str,
    message_id: str,
    envelope: Envelope,
    delayed: Sequence[Failure],
    header_block: bytes,
    now: datetime,
    until: datetime,
    postmaster: str = "",
) -> bytes:
    """As `compose_failure`, for mail that is tried again `until` then; only the header goes back.  RFC 3461 §6.2"""
    kind = replace(_DELAYED, until=until)
    return _compose(kind, reporting_mta, mid, message_id, envelope, delayed, header_block, now, None, postmaster)


def compose_success(
    *,
    reporting_mta: str,
    mid: str,
    message_id: str,
    envelope: Envelope,
    action: str,
    told: Sequence[Failure],
    header_block: bytes,
    now: datetime,
    postmaster: str = "",
) -> bytes:
    """What a sender has asked for by NOTIFY=SUCCESS; `action` as in `Success`.  RFC 3461 §6.2"""
    kind = _SUCCESS[action]
    return _compose(kind, reporting_mta, mid, message_id, envelope, told, header_block, now, None, postmaster)


def _compose(
    kind: _Kind,
    reporting_mta: str,
    mid: str,
    message_id: str,
    envelope: Envelope,
    those: Sequence[Failure],
    header_block: bytes,
    now: datetime,
    original: bytes | None,
    postmaster: str,
) -> bytes:
    head = scan(header_block)
    unitext = envelope.smtputf8  # who sent beyond ASCII reads beyond ASCII
    parts = [
        text_part(_explanation(kind, reporting_mta, envelope, those, header_block)),
        _delivery_status(kind, reporting_mta, mid, envelope, those, now),
        _returned(header_block[: head.end], original, unitext=unitext),
    ]
    status = "global-delivery-status" if unitext else "delivery-status"
    return message(
        sender=Mailbox(postmaster or f"postmaster@{reporting_mta}", "Mail Delivery System"),
        to=[Mailbox(envelope.reverse_path)],
        subject=kind.subject,
        moment=now,
        message_id=message_id,
        content=multipart("report", parts, message_id, f" report-type={status};"),
        extra=[("Auto-Submitted", "auto-replied"), *_references(head.first(b"message-id"))],
    )


def _references(original_id: bytes | None) -> list[tuple[str, str]]:
    """Threads the report under the failed message.  RFC 3834 §3.1.5"""
    if original_id and re.fullmatch(rb"<[!-;=?-~]+>", original_id) and len(original_id) < 900:
        return [(name, original_id.decode("ascii")) for name in ("In-Reply-To", "References")]
    return []


# --- for the person ---------------------------------------------------------------------------------------


def _explanation(
    kind: _Kind, reporting_mta: str, envelope: Envelope, failed: Sequence[Failure], header_block: bytes
) -> str:
    those = "these recipients" if len(failed) > 1 else "this recipient"
    until = format_date(kind.until) if kind.until else ""
    blocks = (
        _wrapped(f"This is the mail server {reporting_mta}."),
        _wrapped(kind.opening.format(those=those, until=until)),
        _about(envelope, header_block),
        *(_block(kind, recipient, reply) for recipient, reply in failed),
        _wrapped(kind.closing),
    )
    return "\n\n".join(blocks) + "\n"


def _about(envelope: Envelope, header_block: bytes) -> str:
    """Which message it was."""
    subject = decode_words(scan(header_block).first(b"subject") or b"")
    lines = [f"    Sent:    {format_date(envelope.arrived)}"]
    if subject:
        shown = "".join(c if c.isprintable() else "?" for c in subject[:200])
        lines.insert(0, f"    Subject: {shown}")
    return "\n".join(lines)


def _block(kind: _Kind, recipient: Recipient, reply: RemoteReply) -> str:
    """One recipient: the address, what happened, the other server's words, what can be done."""
    lines = [f"<{recipient.address}>"]
    if reply.code:
        server = reply.host or "of the recipient"
        lines += [_wrapped(f"The server {server} {kind.verb}:", 4), _wrapped(_said(reply), 8)]
        if reply.command:
            lines.append(_wrapped(f"(in answer to: {_printable(reply.command)})", 8))
    elif not kind.good:
        lines += [_wrapped("The message could not be handed on:", 4), _wrapped(reply.text or "no reason known", 8)]
    if not kind.good:
        means = explain(reply)
        lines += [_wrapped(means, 4)] if means else []
        if kind.until is None and (kind.status or not means):
            lines.append(_wrapped(_advice(_status(kind, reply)), 4))
    return "\n".join(lines)


def _advice(status: str) -> str:
    return next(advice for start, advice in _ADVICE if not start or f"{status}.".startswith(f"{start}."))


def _wrapped(text: str, indent: int = 0) -> str:
    """Broken between words only; a long word (a link) stays whole."""
    blanks = " " * indent
    return textwrap.fill(
        text, _WIDTH, initial_indent=blanks, subsequent_indent=blanks, break_long_words=False, break_on_hyphens=False
    )


def _words_of(text: str) -> str:
    return " ".join(text.split())


def _said(reply: RemoteReply) -> str:
    """The reply word for word; its status is not repeated when the text begins with it."""
    text = _words_of(reply.text)
    status = "" if not reply.status or text.startswith(reply.status) else f"{reply.status} "
    return f"{reply.code} {status}{text}".rstrip()


# --- for the program --------------------------------------------------------------------------------------


def _delivery_status(
    kind: _Kind, reporting_mta: str, mid: str, envelope: Envelope, failed: Sequence[Failure], now: datetime
) -> Part:
    """delivery-status-content = per-message-fields 1*( CRLF per-recipient-fields )     RFC 3464 §2.1"""
    fields = [("Reporting-MTA", f"dns; {reporting_mta}"), ("X-Mailstack-Report-Id", mid)]
    if envelope.id:
        fields.append(("X-Mailstack-Message-Id", envelope.id))
    if envelope.envid:
        fields.insert(0, ("Original-Envelope-Id", _from_xtext(envelope.envid)))
    fields.append(("Arrival-Date", format_date(envelope.arrived)))
    wishes = envelope.wishes
    if wishes.hold:
        fields.append(("Future-Release-Request", wishes.hold))  # RFC 4865 §6
    if wishes.deliver_by is not None:
        fields.append(("Deliver-By-Date", format_date(wishes.deliver_by)))  # RFC 2852 §5
    unitext = envelope.smtputf8
    groups = [fields, *(_recipient_fields(kind, each, reply, now, unitext=unitext) for each, reply in failed)]
    line = _one_line if unitext else _printable
    text = b"\r\n".join(b"".join(field(name, line(value)) for name, value in group) for group in groups)
    if not unitext:
        return Part((("Content-Type", "message/delivery-status"),), text)
    encoding = "7bit" if text.isascii() else "8bit"
    return Part((("Content-Type", "message/global-delivery-status"), ("Content-Transfer-Encoding", encoding)), text)


def _recipient_fields(
    kind: _Kind, recipient: Recipient, reply: RemoteReply, now: datetime, *, unitext: bool
) -> list[tuple[str, str]]:
    """per-recipient-fields     RFC 3464 §2.3, RFC 6533 §4"""
    fields = []
    if recipient.orcpt:
        address_type, _, address = recipient.orcpt.partition(";")
        fields.append(("Original-Recipient", f"{address_type}; {_from_xtext(address)}"))
    fields += [
        ("Final-Recipient", _typed(recipient.address, unitext=unitext)),
        ("Action", kind.action),
        ("Status", _status(kind, reply)),
    ]
    if reply.host:
        fields.append(("Remote-MTA", f"dns; {reply.host}"))
    if reply.code:
        fields.append(("Diagnostic-Code", f"smtp; {_said(reply)}"))
    elif reply.text:
        fields.append(("Diagnostic-Code", f"X-Mailstack; {_words_of(reply.text)}"))
    fields.append(("Last-Attempt-Date", format_date(now)))
    if kind.until is not None:
        fields.append(("Will-Retry-Until", format_date(kind.until)))
    return fields


def _status(kind: _Kind, reply: RemoteReply) -> str:
    """status-code; 4.4.7 is "delivery time expired", and a final failure is never 2.x.x.  RFC 3463 §3.5"""
    if kind.status:
        return kind.status
    if _STATUS.fullmatch(reply.status) and reply.status[0] != "2":
        return reply.status
    return "4.0.0" if kind.until else "5.0.0"


def _typed(address: str, *, unitext: bool) -> str:
    """address-type and address; beyond ASCII as utf-8-addr-unitext or -xtext.  RFC 3464 §2.3.2, RFC 6533 §3"""
    if address.isascii():
        return f"rfc822; {address}"
    if unitext:
        return f"utf-8; {address}"
    return "utf-8; " + "".join(c if "!" <= c <= "~" and c not in "+=\\" else f"\\x{{{ord(c):02X}}}" for c in address)


def _from_xtext(text: str) -> str:
    """xtext = *( xchar / hexchar )     RFC 3461 §4"""
    return _XTEXT.sub(lambda match: chr(int(match[1], 16)), text)


def _printable(text: str) -> str:
    """One line of printable ASCII: everything else becomes `?`."""
    return _NOT_PRINTABLE.sub("?", text)


def _one_line(text: str) -> str:
    """What a field's value may be where UTF-8 may stand."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _returned(header_block: bytes, original: bytes | None, *, unitext: bool) -> Part:
    """message/rfc822 of the whole, or text/rfc822-headers; or their likes for UTF-8.  RFC 6522 §3, §4, RFC 6533 §5"""
    if original is not None:
        encoding = "7bit" if original.isascii() else "8bit"
        kind = "message/global" if unitext else "message/rfc822"
        return Part((("Content-Type", kind), ("Content-Transfer-Encoding", encoding)), original)
    if unitext:
        encoding = "7bit" if header_block.isascii() else "8bit"
        fields = (("Content-Type", "message/global-headers"), ("Content-Transfer-Encoding", encoding))
        return Part(fields, header_block.rstrip(b"\r\n") + b"\r\n")
    charset = "" if header_block.isascii() else "; charset=utf-8"
    return encoded_part(f"text/rfc822-headers{charset}", header_block.rstrip(b"\r\n") + b"\r\n")
