"""Each night the reports of the day before: looked up who wants them, composed, sent.  RFC 8460 §4.1"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.base.ids import message_id
from mailstack.dns.api import DnsFailure, Resolver
from mailstack.queue.api import Envelope, Recipient, Tls, Wishes
from mailstack.reports.tlscounts import TlsCounts
from mailstack.reports.tlsrpt import Report, address_of, compose_mail, encode, read_destinations

__all__ = ["Post", "PostFailed", "TlsReporting"]

Submit = Callable[[Envelope, bytes], Awaitable[None]]  # puts a whole message on its way; durable when it ends
Post = Callable[[str, str, bytes], Awaitable[None]]  # URL, content type, octets; PostFailed

_SPREAD = timedelta(hours=4)
_GIVE_UP = timedelta(days=2)  # a report is for a program that watches: late it is worth nothing


class PostFailed(Exception):
    """`str()` is one line for the log."""


class TlsReporting:
    """`organization` is this server's name; `contact` is whom people may ask, and the reports' sender.

    `tick` is called about once a minute.
    """

    def __init__(
        self,
        counts: TlsCounts,
        resolver: Resolver,
        submit: Submit,
        post: Post,
        now: Callable[[], float],
        *,
        organization: str,
        contact: str,
    ) -> None:
        self._counts, self._resolver, self._submit, self._post, self._now = counts, resolver, submit, post, now
        self._organization, self._contact = organization, contact
        self._again: dict[tuple[date, str], datetime] = {}  # what could not be sent, and when to try

    async def tick(self) -> None:
        """Keep what was counted, and send what it is time for.  Raises nothing that is expected."""
        await self._counts.flush()
        now = datetime.fromtimestamp(self._now(), UTC)
        for day, domain in self._counts.waiting():
            if now < self._time_for(day, domain):
                continue
            if now - self._midnight_after(day) > _GIVE_UP or await self._report(day, domain, now):
                self._again.pop((day, domain), None)
                await self._counts.forget(day, domain)
            else:
                self._again[day, domain] = now + timedelta(hours=1)

    def _time_for(self, day: date, domain: str) -> datetime:
        """The same for a domain after every restart of that night."""
        dice = Random(f"{domain} {day} {self._organization}")  # noqa: S311  nobody must not guess it
        return self._again.get((day, domain), self._midnight_after(day) + _SPREAD * dice.random())

    @staticmethod
    def _midnight_after(day: date) -> datetime:
        return datetime.combine(day + timedelta(days=1), time(), UTC)

    async def _report(self, day: date, domain: str, now: datetime) -> bool:
        """Whether that is done with."""
        try:
            uris = read_destinations((await self._resolver.texts(f"_smtp._tls.{domain}")).texts)
        except DnsFailure as failure:
            log(Event.TLS_REPORT_FAILED, domain=domain, reason=str(failure))
            return False
        if not uris:
            return True
        identity = message_id()
        report = Report(identity, self._organization, self._contact, domain, day, self._counts.of(day, domain))
        sent = [await self._send(report, uri, now) for uri in uris[:5]]
        return any(sent)

    async def _send(self, report: Report, uri: str, now: datetime) -> bool:
        try:
            if address := address_of(uri):
                mail = compose_mail(report, address, now)
                await self._submit(self._envelope(report.id, address, mail, now), mail)
            else:
                await self._post(uri, "application/tlsrpt+gzip", encode(report))
        except (MailError, OSError, PostFailed) as failure:
            log(Event.TLS_REPORT_FAILED, domain=report.domain, reason=f"{uri}: {failure}")
            return False
        log(Event.TLS_REPORT_SENT, report=report.id, domain=report.domain, to=uri)
        return True

    def _envelope(self, mid: str, to: str, mail: bytes, now: datetime) -> Envelope:
        """From a real sender, who is told of no failure: a report of a report would be no use."""
        return Envelope(
            id=mid,
            reverse_path=self._contact,
            recipients=(Recipient(to, notify=frozenset({"NEVER"})),),
            size=len(mail),
            arrived=now,
            client="TLS report by this server",
            wishes=Wishes(tls=Tls.OPTIONAL),
        )
