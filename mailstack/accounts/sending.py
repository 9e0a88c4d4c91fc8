"""How much each account may send: a stolen password does little harm, and somebody hears of it.

Five limits: messages and recipients within an hour and within a day, and recipients within a day to
whom the account has never written before, which is what tells a spammer from a busy person.  Counted in pieces of five
minutes, kept over a restart; what is asked for and refused does not count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b

from mailstack.accounts.guardfile import GuardFile
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log

__all__ = ["LIMITS", "Sending", "SendingLimits"]

_PIECE = 300  # seconds
_DAY = 86400
_HOUR = 3600
_MET_FOR = 2 * 365 * 86400  # seconds that an address stays known which nobody writes to
_WARN_AGAIN = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingLimits:
    """0: no such limit."""

    messages_per_hour: int = 0
    messages_per_day: int = 0
    recipients_per_hour: int = 0
    recipients_per_day: int = 0
    new_recipients_per_day: int = 0


# name → (which count, seconds, words for people)
_MEASURES: Mapping[str, tuple[int, int, str]] = {
    "messages_per_hour": (0, _HOUR, "messages an hour"),
    "messages_per_day": (0, _DAY, "messages a day"),
    "recipients_per_hour": (1, _HOUR, "recipients an hour"),
    "recipients_per_day": (1, _DAY, "recipients a day"),
    "new_recipients_per_day": (2, _DAY, "new recipients a day"),
}
LIMITS = tuple(limit.name for limit in fields(SendingLimits))

Counts = list[int]  # messages, recipients, recipients who are new


class Sending:
    """Implements `accounts.api.Allowance`.

    `own_limits` gives what is set for one account only; `now` tells UNIX seconds.
    """

    def __init__(
        self,
        file: GuardFile,
        limits: SendingLimits,
        own_limits: Callable[[str], Mapping[str, int]],
        now: Callable[[], float],
    ) -> None:
        self.limits = limits
        self._file, self._own, self._now = file, own_limits, now
        self._pieces: dict[str, dict[int, Counts]] = {}  # account → piece → counts
        self._warned: dict[tuple[str, str], float] = {}
        file.forget_sent(int(now()) - _DAY, int(now()) - _MET_FOR)
        for account, piece, *counts in file.sent():
            self._pieces.setdefault(account, {})[piece] = counts

    def expect(self, account: str, recipients: int) -> None:
        self._expect(account, [1, recipients, 0])

    def take(self, account: str, recipients: Sequence[str]) -> None:
        digests = {blake2b(address.lower().encode(), digest_size=10).digest() for address in recipients}
        new = digests - self._file.met(account, digests)
        counts = [1, len(recipients), len(new)]
        self._expect(account, counts)
        piece = self._pieces.setdefault(account, {}).setdefault(int(self._now()) // _PIECE * _PIECE, [0, 0, 0])
        for index, number in enumerate(counts):
            piece[index] += number
        self._file.note_sent(account, int(self._now()) // _PIECE * _PIECE, piece, digests, int(self._now()))

    def used(self, account: str) -> dict[str, tuple[int, int]]:
        """How much of each limit is used: (used, limit)."""
        return {name: (self._used(account, name), self._limit(account, name)) for name in LIMITS}

    def _limit(self, account: str, name: str) -> int:
        own = self._own(account).get(name)
        return int(getattr(self.limits, name)) if own is None else own

    def _used(self, account: str, name: str) -> int:
        which, seconds, _ = _MEASURES[name]
        since = self._now() - seconds
        return sum(counts[which] for piece, counts in self._pieces.get(account, {}).items() if piece > since)

    def _expect(self, account: str, more: Counts) -> None:
        self._drop_old(account)
        for name, (which, _, words) in _MEASURES.items():
            limit = self._limit(account, name)
            if limit and more[which] and self._used(account, name) + more[which] > limit:
                self._warn(account, name, f"{limit} {words}")
                raise MailError(
                    Condition.RATE_LIMITED,
                    f"This account may send to {limit} {words}; try again later"
                    if which
                    else f"This account may send {limit} {words}; try again later",
                    detail=name,
                )

    def _drop_old(self, account: str) -> None:
        pieces = self._pieces.get(account, {})
        since = self._now() - _DAY
        for piece in [piece for piece in pieces if piece <= since]:
            del pieces[piece]

    def _warn(self, account: str, name: str, limit: str) -> None:
        """Once an hour: the program tries again and again."""
        last = self._warned.get((account, name))
        if last is None or self._now() - last >= _WARN_AGAIN:
            self._warned[account, name] = self._now()
            log(Event.SENDING_LIMIT, account=account, limit=limit)
