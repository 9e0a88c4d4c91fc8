"""TLS reports in mail to the address that our domains name for them."""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence

from mailstack.base.errors import MailError, ParseFault
from mailstack.base.events import Event, log
from mailstack.message import mime
from mailstack.reports.tlsrpt import Received, read_report

__all__ = ["SIZE_MAX", "find_report", "may_be_report", "take_note"]

SIZE_MAX = 2 << 20  # octets of a mail that is looked into
_KINDS = {b"application/tlsrpt+gzip", b"application/tlsrpt+json"}


async def take_note(mid: str, octets: bytes, keep: Callable[[Sequence[Received]], Awaitable[None]]) -> None:
    """Keep the report in a mail, if there is one.  Raises nothing that is expected: the mail is delivered anyway."""
    try:
        packed = find_report(octets)
        if packed is None:
            return
        received = read_report(packed)
        await keep(received)
    except (ParseFault, MailError) as failure:
        log(Event.TLS_REPORT_FAILED, domain="ours", reason=f"{mid}: {failure}")
        return
    for each in received:
        log(
            Event.TLS_REPORT_RECEIVED,
            mid=mid,
            organization=each.organization,
            domain=each.domain,
            successes=each.successes,
            failures=each.failed,
        )


def find_report(octets: bytes) -> bytes | None:
    """The content of the part that is a report; None without one.  ParseFault for a broken encoding."""
    part = _report_part(mime.parse(mime.Whole(octets)))
    if part is None:
        return None
    if part.encoding != b"base64":
        return part.content()
    try:
        return b64decode(part.content())
    except ValueError as fault:
        raise ParseFault(f"not base64: {fault}") from fault


def _report_part(part: mime.Part) -> mime.Part | None:
    if part.content_type.value in _KINDS:
        return part
    return next((found for each in part.children if (found := _report_part(each)) is not None), None)


def may_be_report(head: bytes) -> bool:
    """Whether a mail with this header is worth a look."""
    return b"tlsrpt" in head.lower()
