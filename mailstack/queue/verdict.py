"""From a courier's outcomes to what is recorded, reported and tried again.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailstack.queue.api import Deferred, Delivered, Failed, Outcome, Recipient, RemoteReply
from mailstack.queue.bounce import Undelivered
from mailstack.queue.schedule import next_attempt
from mailstack.queue.table import Job, Row, Waits

__all__ = ["Verdict", "judge", "spell"]

_NO_WORD = Deferred(RemoteReply("", 0, "4.3.0", "the courier said nothing of this recipient"))


@dataclass(slots=True)
class Verdict:
    """What one parcel's outcomes come to; each row of the job is in exactly one of the three."""

    delivered: list[tuple[Row, Delivered]]
    undelivered: list[tuple[Row, Undelivered]]
    waiting: list[tuple[Row, Waits]]

    @property
    def delivered_rows(self) -> tuple[int, ...]:
        return tuple(row.id for row, _ in self.delivered)

    @property
    def undelivered_rows(self) -> tuple[int, ...]:
        return tuple(row.id for row, _ in self.undelivered)

    @property
    def waits(self) -> tuple[Waits, ...]:
        return tuple(waits for _, waits in self.waiting)


def judge(
    job: Job, outcomes: Mapping[Recipient, Outcome], now: float, jitter: float, give_up_after: timedelta
) -> Verdict:
    """One jitter for the whole job, so that its recipients stay together."""
    verdict = Verdict([], [], [])
    age = datetime.fromtimestamp(now, UTC) - job.envelope.arrived
    for row in job.rows:
        outcome = outcomes.get(row.recipient, _NO_WORD)
        if isinstance(outcome, Delivered):
            verdict.delivered.append((row, outcome))
            continue
        wait = next_attempt(age, row.tries + 1, jitter, give_up_after=give_up_after)
        if isinstance(outcome, Failed) or wait is None:
            gave_up = not isinstance(outcome, Failed)
            verdict.undelivered.append((row, Undelivered(row.recipient, outcome.reply, gave_up=gave_up)))
        else:
            waits = Waits(row.id, row.tries + 1, now + wait.total_seconds(), outcome.reply)
            verdict.waiting.append((row, waits))
    return verdict


def spell(seconds: float) -> str:
    """`45 s`, `5 min`, `4 h`: for people, rounded."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
