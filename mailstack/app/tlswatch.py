"""Who watches TLS with other servers: the memory of levels, and the reports of RFC 8460, put together."""

from collections.abc import Awaitable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from mailstack.accounts.api import Directory, IssuerUnreachable
from mailstack.app.ways import name_servers
from mailstack.base.events import Event, log
from mailstack.base.ids import message_id
from mailstack.config.model import Config
from mailstack.dns.cache import CacheLimits
from mailstack.dns.client import DnsClient, DnsTimes
from mailstack.flow.api import Arriving
from mailstack.queue.bounce import Submit
from mailstack.relay.levels import TlsLevels
from mailstack.relay.tlsresult import TlsResult
from mailstack.reports.tlscounts import TlsCounts
from mailstack.reports.tlsdaily import PostFailed, TlsReporting
from mailstack.reports.tlsreceived import SIZE_MAX, may_be_report, take_note
from mailstack.store.api import Ledger
from mailstack.store.values import Staged

__all__ = ["TlsWatch"]

_EVERY = 60.0  # seconds


class TlsWatch(Service):
    """`relay.tlsresult.Watch` and `flow.promise.Seen`; as a service it keeps the counts and sends the reports."""

    name = "tls-reports"

    def __init__(self, config: Config, ledger: Ledger, directory: Directory, reactor: Any) -> None:
        self._config, self._directory, self._reactor = config, directory, reactor
        self._levels = TlsLevels(ledger, reactor.seconds, self._later)
        self._counts = TlsCounts(ledger, reactor.seconds)
        self._reporting: TlsReporting | None = None
        self._timer: IDelayedCall | None = None

    def report_to(self, submit: Submit) -> None:
        """From now on reports are sent, too."""
        config = self._config
        if not config.relay.tls_reports:
            return
        resolver = DnsClient(name_servers(config), self._reactor, times=DnsTimes(), cache=CacheLimits())
        self._reporting = TlsReporting(
            self._counts,
            resolver,
            submit,
            self._post,
            self._reactor.seconds,
            organization=config.hostname,
            contact=f"postmaster@{config.hostname}",
        )

    def __call__(self, result: TlsResult) -> None:
        self._levels(result)
        if self._reporting is not None:
            self._counts(result)

    async def seen(self, mail: Arriving, staged: Staged) -> None:
        """Reports to our domains' postmasters, which is where the records of `mailstack dns` send them."""
        if staged.size > SIZE_MAX or not may_be_report(staged.head()):
            return
        addresses = [recipient.address.lower() for recipient in mail.recipients]
        wanted = self._config.relay.tls_reports_to.lower()
        if any(address == wanted or self._is_postmaster(address) for address in addresses):
            await take_note(mail.mid, staged.read(0, staged.size), self._counts.keep_received)

    def _is_postmaster(self, address: str) -> bool:
        local, _, domain = address.rpartition("@")
        return local == "postmaster" and self._directory.is_own_domain(domain)

    # --- Twisted's IService ----------------------------------------------------------------------------

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._timer = self._reactor.callLater(_EVERY, self._tick)

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return Deferred.fromCoroutine(self._counts.flush())

    def _tick(self) -> None:
        """The next one a minute after this one has ended."""
        ticking = self._later(self._reporting.tick() if self._reporting is not None else self._counts.flush())
        ticking.addBoth(lambda _: self._again())

    def _again(self) -> None:
        if self.running:
            self._timer = self._reactor.callLater(_EVERY, self._tick)

    def _later(self, work: Awaitable[None]) -> Deferred[None]:
        """Nobody waits for it; a fault of ours is in the log."""

        async def run() -> None:
            await work

        def broke(failure: Any) -> None:
            log(Event.INTERNAL_ERROR, error_id=message_id(), where="TLS reports", failure=failure.getTraceback())

        return Deferred.fromCoroutine(run()).addErrback(broke)

    async def _post(self, url: str, content_type: str, octets: bytes) -> None:
        from mailstack.net.https import Https  # seldom, and it costs a quarter of a second to import

        try:
            await Https(self._reactor).post(url, content_type, octets)
        except IssuerUnreachable as failure:
            raise PostFailed(str(failure)) from failure
