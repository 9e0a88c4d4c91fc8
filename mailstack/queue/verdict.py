"""From a courier's outcomes to what is recorded, reported and tried again.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailstack.message.dsn import Success, wants_delay_report
from mailstack.queue.api import Deferred, Delivered, Envelope, Failed, Outcome, Recipient, RemoteReply
from mailstack.queue.bounce import Undelivered
from mailstack.queue.schedule import next_attempt
from mailstack.queue.table import Job, Row, Waits

__all__ = ["Verdict", "expired", "judge", "lost", "spell", "successes", "too_late"]

_NO_WORD = Deferred(RemoteReply("", 0, "4.3.0", "the courier said nothing of this recipient"))


@dataclass(slots=True)
class Verdict:
    """What one parcel's outcomes come to; each row of the job is in exactly one of the first three.

    `delayed` are those of `waiting` whose sender is to hear of it now.
    """

    delivered: list[tuple[Row, Delivered]]
    undelivered: list[tuple[Row, Undelivered]]
    waiting: list[tuple[Row, Waits]]
    delayed: list[tuple[Row, Undelivered]]

    @property
    def delivered_rows(self) -> tuple[int, ...]:
        return tuple(row.id for row, _ in self.delivered)

    @property
    def undelivered_rows(self) -> tuple[int, ...]:
        return tuple(row.id for row, _ in self.undelivered)

    @property
    def delayed_rows(self) -> tuple[int, ...]:
        return tuple(row.id for row, _ in self.delayed)

    @property
    def waits(self) -> tuple[Waits, ...]:
        return tuple(waits for _, waits in self.waiting)


def judge(
    job: Job,
    outcomes: Mapping[Recipient, Outcome],
    now: float,
    jitter: float,
    give_up_after: timedelta,
    delay_notice_after: timedelta = timedelta(0),
) -> Verdict:
    """One jitter for the whole job, so that its recipients stay together.  No delay notices after no time at all."""
    verdict = Verdict([], [], [], [])
    age = datetime.fromtimestamp(now, UTC) - job.envelope.set_out
    give_up_after, delay_notice_after = _limits(job.envelope, give_up_after, delay_notice_after)
    for row in job.rows:
        outcome = outcomes.get(row.recipient, _NO_WORD)
        if isinstance(outcome, Delivered):
            verdict.delivered.append((row, outcome))
            continue
        wait = next_attempt(
            age, row.tries + 1, jitter, give_up_after=give_up_after, delay_notice_after=delay_notice_after
        )
        if isinstance(outcome, Failed) or wait is None:
            gave_up = not isinstance(outcome, Failed)
            verdict.undelivered.append((row, Undelivered(row.recipient, outcome.reply, gave_up=gave_up)))
        else:
            waits = Waits(row.id, row.tries + 1, now + wait.total_seconds(), outcome.reply)
            verdict.waiting.append((row, waits))
            if timedelta(0) < delay_notice_after <= age and _delay_is_news(job, row):
                verdict.delayed.append((row, Undelivered(row.recipient, outcome.reply)))
    return verdict


def _limits(envelope: Envelope, give_up_after: timedelta, delay_notice_after: timedelta) -> tuple[timedelta, timedelta]:
    """With the sender's own time: mode R gives up then, mode N tells of the delay then.  RFC 2852 §4.1"""
    by = envelope.wishes.deliver_by
    if by is None:
        return give_up_after, delay_notice_after
    left = max(by - envelope.set_out, timedelta(microseconds=1))
    if envelope.wishes.by_mode.startswith("R"):
        return min(left, give_up_after), delay_notice_after
    return give_up_after, left


def too_late(envelope: Envelope, now: float) -> bool:
    """Whether the sender would rather have the message back than delivered now.  RFC 2852 §4.1"""
    by = envelope.wishes.deliver_by
    return by is not None and envelope.wishes.by_mode.startswith("R") and now >= by.timestamp()


def expired(job: Job) -> Verdict:
    """Not even tried: the time that the sender has set is over."""
    reply = RemoteReply("", 0, "5.4.7", "the time that the sender had set for it is over")
    rows = [(row, Undelivered(row.recipient, row.last_reply or reply, gave_up=True)) for row in job.rows]
    return Verdict([], rows, [], [])


def successes(job: Job, verdict: Verdict) -> list[Success]:
    """Of what the sender is to hear although all is well; what the next server reports itself is left to it."""
    return [
        Success(row.recipient, "delivered" if said.here else "relayed", said.reply)
        for row, said in verdict.delivered
        if _is_told(job.envelope, row.recipient, said)
    ]


def _is_told(envelope: Envelope, recipient: Recipient, said: Delivered) -> bool:
    """NOTIFY=SUCCESS; and what goes out of sight of DELIVERBY's clock, or is traced: RFC 2852 §4.1"""
    if "SUCCESS" in recipient.notify and not said.reports:
        return True
    wishes = envelope.wishes
    if wishes.deliver_by is None or said.here or "NEVER" in recipient.notify:
        return False
    return not said.keeps_time or wishes.by_mode.endswith("T")


def lost(job: Job) -> Verdict:
    """Nothing can be sent any more; at least its sender hears of it."""
    reply = RemoteReply("", 0, "5.3.0", "this server has lost the message: its file is gone from the queue")
    return Verdict([], [(row, Undelivered(row.recipient, reply)) for row in job.rows], [], [])


def _delay_is_news(job: Job, row: Row) -> bool:
    return bool(job.envelope.reverse_path) and not row.delay_told and wants_delay_report(row.recipient)


def spell(seconds: float) -> str:
    """`45 s`, `5 min`, `4 h`: for people, rounded."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
