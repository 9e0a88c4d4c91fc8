"""What a MAIL asks of the message's way, measured by what its sender may ask for.  Pure"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mailstack.queue.api import NO_WISHES, Tls, Wishes
from mailstack.smtp import replies
from mailstack.smtp.extensions.deliverby import BY
from mailstack.smtp.extensions.futurerelease import HOLDFOR, HOLDUNTIL
from mailstack.smtp.extensions.mtpriority import MT_PRIORITY
from mailstack.smtp.extensions.requiretls import REQUIRETLS
from mailstack.smtp.grammar import CommandFault
from mailstack.smtp.values import Params

__all__ = ["hold_line", "wishes_of"]

_ASKING = frozenset({"REQUIRETLS", "MT-PRIORITY", "HOLDFOR", "HOLDUNTIL", "BY"})


def wishes_of(params: Params, clock: Callable[[], datetime], *, hold_seconds: int, may_raise: bool) -> Wishes:
    """CommandFault for a time that cannot be kept.  A priority that is not granted is 0."""
    if _ASKING.isdisjoint(params):
        return NO_WISHES
    now = clock()
    until, hold = _held(params, now, hold_seconds)
    by = params[BY]
    priority = params[MT_PRIORITY]
    return Wishes(
        tls=Tls.REQUIRED if params[REQUIRETLS] else Tls.AS_USUAL,
        priority=priority if may_raise else min(priority, 0),
        hold_until=until,
        hold=hold,
        deliver_by=(until or now) + timedelta(seconds=by.seconds) if by else None,
        by_mode=by.mode if by else "",
    )


def _held(params: Params, now: datetime, most: int) -> tuple[datetime | None, str]:
    """Until when, and how that was said.  RFC 4865 §4"""
    seconds, until = params[HOLDFOR], params[HOLDUNTIL]
    if HOLDFOR in params and HOLDUNTIL in params:
        raise CommandFault(replies.BAD_PARAMETER)
    if HOLDFOR in params:
        until, hold = now + timedelta(seconds=seconds), f"for;{seconds}"
    elif until is not None:
        hold = f"until;{_stamp(until)}"
    else:
        return None, ""
    if not now < until <= now + timedelta(seconds=most):
        raise CommandFault(replies.BAD_HOLD)
    return until, hold


def hold_line(now: datetime, most: int) -> str:
    """What EHLO says behind FUTURERELEASE."""
    return f"{most} {_stamp(now + timedelta(seconds=most))}"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
