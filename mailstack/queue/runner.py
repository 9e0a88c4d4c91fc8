"""Gives each due parcel to its courier, and keeps what the courier says."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.base.ids import message_id as new_id
from mailstack.message.dsn import Success
from mailstack.queue import api
from mailstack.queue.bounce import Undelivered
from mailstack.queue.pace import sign_of
from mailstack.queue.pick import Lane, Parcel
from mailstack.queue.schedule import DELAY_NOTICE_AFTER, GIVE_UP_AFTER
from mailstack.queue.spool import Nothing, Spool
from mailstack.queue.table import Job, Waits
from mailstack.queue.verdict import Verdict, expired, judge, lost, spell, successes, too_late
from mailstack.store.api import Content

__all__ = ["QueueRunner", "QueueTimes", "Report"]

Outcomes = Mapping[api.Recipient, api.Outcome]


class Report(Protocol):
    """Tells the sender (`queue.bounce.Bounces`).  Durable when it ends; MailError when it cannot be kept now."""

    def __call__(
        self, envelope: api.Envelope, undelivered: Sequence[Undelivered], content: Content
    ) -> Awaitable[None]: ...

    def arrived(self, envelope: api.Envelope, told: Sequence[Success], content: Content) -> Awaitable[None]:
        """What has gone well, where the sender wants to know and nobody else will tell.  Raises nothing."""

    def delayed(
        self, envelope: api.Envelope, those: Sequence[Undelivered], content: Content, until: datetime
    ) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class QueueTimes:
    """Times of the runner that are not the retry schedule."""

    stop_limit_seconds: float = 20.0  # deliveries under way may take that long when the server stops
    lane_rest_seconds: float = 60.0  # when no server of a lane could be reached
    again_seconds: float = 10.0  # when an outcome could not be made durable, or a report not be kept
    give_up_after: timedelta = GIVE_UP_AFTER
    delay_notice_after: timedelta = DELAY_NOTICE_AFTER  # 0: never


class QueueRunner(Service):
    """One a process.  `couriers` is by route; the clock's seconds are UNIX time; `jitter` gives [0, 1).

    The spool is open before the service starts.
    """

    name = "queue"

    def __init__(
        self,
        spool: Spool,
        couriers: Mapping[str, api.Courier],
        report: Report,
        clock: IReactorTime,
        *,
        times: QueueTimes,
        jitter: Callable[[], float],
    ) -> None:
        self._spool, self._couriers, self._report = spool, couriers, report
        self._clock, self._jitter = clock, jitter
        self.times = times  # may be replaced while it runs
        self._deliveries: set[Deferred[None]] = set()
        self._timer: IDelayedCall | None = None

    # --- Twisted's IService ----------------------------------------------------------------------------

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._spool.on_change(self._look_soon)
        self._look_soon()

    def stopService(self) -> Deferred[None]:
        """Start nothing more; fires when what runs has ended, or was cut off after the limit and stays queued."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._set_timer(None)
        if not self._deliveries:
            return succeed(None)
        cut = self._clock.callLater(self.times.stop_limit_seconds, self._cut_off)
        return DeferredList(list(self._deliveries)).addCallback(lambda _: cut.cancel() if cut.active() else None)

    def _cut_off(self) -> None:
        for delivery in list(self._deliveries):
            delivery.cancel()

    # --- picking ---------------------------------------------------------------------------------------

    def _look_soon(self) -> None:
        """From the reactor, not from here: whoever has just queued a message need not wait for its first octets."""
        if self.running:
            self._set_timer(0)

    def _set_timer(self, delay: float | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if delay is None else self._clock.callLater(delay, self._look)

    def _look(self) -> None:
        agenda, window, now = self._spool.agenda, self._spool.window, self._clock.seconds()
        window.look(now)
        while (parcel := agenda.take(now)) is not None:
            self._start(parcel)
        due = min((at for at in (agenda.next_due(), window.next_look(now)) if at is not None), default=None)
        self._set_timer(None if due is None else max(due - now, 0.0))

    def _start(self, parcel: Parcel) -> None:
        delivery: Deferred[None] = Deferred.fromCoroutine(self._deliver(parcel))
        self._deliveries.add(delivery)
        delivery.addErrback(self._broke, parcel)
        delivery.addBoth(self._ended, delivery)

    def _broke(self, failure: Failure, parcel: Parcel) -> None:
        """Cut off by the stop: all is as before.  Else a fault of ours: look at the rows again later."""
        if failure.check(CancelledError) and not self.running:
            return
        log(Event.INTERNAL_ERROR, error_id=new_id(), where=f"queue, {parcel.message_id}", failure=_trace(failure))
        again = self._clock.seconds() + self.times.lane_rest_seconds
        self._spool.agenda.add(replace(parcel, due=again))

    def _ended(self, _: object, delivery: Deferred[None]) -> None:
        self._deliveries.discard(delivery)
        self._look_soon()

    # --- one parcel ------------------------------------------------------------------------------------

    async def _deliver(self, parcel: Parcel) -> None:
        agenda = self._spool.agenda
        try:
            job = self._spool.load(parcel)
            waiting = await self._attempt(job, parcel.lane) if job is not None else ()
        finally:
            agenda.done(parcel)
        self._spool.ended(parcel, job, waiting)

    async def _attempt(self, job: Job, lane: Lane) -> Sequence[Waits]:
        """Deliver, record, report; the recipients that go on waiting."""
        late = too_late(job.envelope, self._clock.seconds())
        try:
            content = self._spool.content(job.envelope.id)
        except FileNotFoundError:
            return await self._settle(job, lost(job), Nothing())
        try:
            if late:
                return await self._settle(job, expired(job), content)
            outcomes = await self._carry(job, lane, content)
            self._note_reached(lane, outcomes.values())
            times, now = self.times, self._clock.seconds()
            verdict = judge(job, outcomes, now, self._jitter(), times.give_up_after, times.delay_notice_after)
            return await self._settle(job, verdict, content)
        finally:
            content.close()

    def _carry(self, job: Job, lane: Lane, content: Content) -> Deferred[Outcomes]:
        """The courier's outcomes; a courier that breaks has deferred everything."""
        recipients = job.envelope.recipients

        async def deliver() -> Outcomes:
            return await self._couriers[lane.route].deliver(job.envelope, recipients, content)

        def broke(failure: Failure) -> Outcomes:
            if failure.check(CancelledError):
                failure.raiseException()
            error_id = new_id()
            log(Event.INTERNAL_ERROR, error_id=error_id, where=f"courier {lane.route}", failure=_trace(failure))
            reply = api.RemoteReply("", 0, "4.3.0", f"internal error {error_id}")
            return dict.fromkeys(recipients, api.Deferred(reply))

        return Deferred.fromCoroutine(deliver()).addErrback(broke)

    def _note_reached(self, lane: Lane, outcomes: Collection[api.Outcome]) -> None:
        """A lane whose servers cannot be reached rests: the others in it need not find out one by one."""
        if all(isinstance(outcome, api.Deferred) and not outcome.reply.host for outcome in outcomes):
            self._spool.agenda.rest(lane, self._clock.seconds() + self.times.lane_rest_seconds)
        else:
            self._spool.agenda.awake(lane)
        self._spool.agenda.heard(lane, sign_of(outcomes))

    async def _settle(self, job: Job, verdict: Verdict, content: Content) -> Sequence[Waits]:
        """First what was delivered becomes durable, then the reports, then what was reported is forgotten."""
        mid, waits = job.envelope.id, verdict.waits
        if verdict.delivered or waits:
            await self._record(mid, verdict.delivered_rows, waits)
        self._tell(job.envelope, verdict)
        if told := successes(job, verdict):
            await self._report.arrived(job.envelope, told, content)
        if verdict.undelivered:
            try:
                await self._report(job.envelope, [each for _, each in verdict.undelivered], content)
            except MailError as error:
                waits += self._put_off(mid, verdict, error)
            else:
                await self._record(mid, verdict.undelivered_rows, ())
        if verdict.delayed:
            await self._tell_delay(job, verdict, content)
        return waits

    async def _tell_delay(self, job: Job, verdict: Verdict, content: Content) -> None:
        """When it cannot be kept now, the next try is the next occasion."""
        until = job.envelope.arrived + self.times.give_up_after
        try:
            await self._report.delayed(job.envelope, [each for _, each in verdict.delayed], content, until)
            await self._spool.note_delay_told(verdict.delayed_rows)
        except MailError as error:
            reason = f"notice of delay: {error}"
            log(Event.QUEUE_NOT_RECORDED, mid=job.envelope.id, reason=reason, wait="the time of the next try")

    def _put_off(self, mid: str, verdict: Verdict, error: MailError) -> tuple[Waits, ...]:
        """The report could not be kept now: the rows stay as they are, and are looked at again."""
        again = self.times.again_seconds
        log(Event.QUEUE_NOT_RECORDED, mid=mid, reason=f"report: {error}", wait=spell(again))
        due = self._clock.seconds() + again
        return tuple(Waits(row.id, row.tries, due, each.reply) for row, each in verdict.undelivered)

    async def _record(self, mid: str, gone: Sequence[int], waiting: Sequence[Waits]) -> None:
        """Until it is durable: what has been delivered must not be delivered again because the disk was full."""
        while True:
            try:
                return await self._spool.record(mid, gone, waiting)
            except MailError as error:
                again = self.times.again_seconds
                log(Event.QUEUE_NOT_RECORDED, mid=mid, reason=str(error), wait=spell(again))
            await deferLater(self._clock, again)

    def _tell(self, envelope: api.Envelope, verdict: Verdict) -> None:
        mid, now = envelope.id, self._clock.seconds()
        for row, outcome in verdict.delivered:
            reply = outcome.reply
            log(
                Event.MAIL_RELAYED,
                mid=mid,
                recipient=row.recipient.address,
                host=reply.host,
                tls=outcome.tls or "no TLS",
                text=reply.spoken,
                seconds=round(now - envelope.arrived.timestamp(), 3),
            )
        for row, waits in verdict.waiting:
            wait, reply = spell(waits.next_try - now), waits.reply
            to, said = row.recipient.address, _said(reply)
            log(Event.MAIL_DEFERRED, mid=mid, recipient=to, text=reply.spoken, wait=wait, said=said)
        for row, undelivered in verdict.undelivered:
            text = ("given up after " if undelivered.gave_up else "") + undelivered.reply.spoken
            said = _said(undelivered.reply)
            log(Event.MAIL_FAILED, mid=mid, recipient=row.recipient.address, text=text, said=said)


def _said(reply: api.RemoteReply) -> list[str | int]:
    """The parts, for the history: what is well known is explained there."""
    return [reply.host, reply.code, reply.status, reply.text]


def _trace(failure: Failure) -> str:
    return str(failure.getTraceback())
