"""The composition root: every long-lived object is built here, once, lowest floor first, and nowhere else."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.login import PasswordLogin
from mailstack.accounts.store import AccountStore
from mailstack.accounts.tokens import TokenIssuer, TokenSettings
from mailstack.app.quotas import default_quota
from mailstack.app.reports import ReportMail
from mailstack.app.ways import first_line, way_out
from mailstack.config.model import Config
from mailstack.flow.later import LocalCourier
from mailstack.history.recorder import Recorder
from mailstack.history.segments import Limits as HistoryLimits
from mailstack.history.segments import Segments
from mailstack.queue.bounce import Bounces
from mailstack.queue.pick import Agenda, Lane
from mailstack.queue.pick import Limits as AgendaLimits
from mailstack.queue.runner import QueueRunner, QueueTimes
from mailstack.queue.spool import Spool
from mailstack.queue.sweep import Sweep, remove_file
from mailstack.relay.dial import TcpDialler
from mailstack.relay.pool import Pool
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings
from mailstack.store.service import Store
from mailstack.tls.contexts import ClientContexts

__all__ = ["Parts", "build"]


_HERE = Lane("here")  # held mail for people here


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that lives as long as the process, listeners aside.  `imap_sessions`: how many an account has."""

    store: Store
    account_store: AccountStore
    directory: AccountDirectory
    login: PasswordLogin
    spool: Spool
    runner: QueueRunner
    reports: Bounces
    connections: Pool
    imap_sessions: dict[str, int]
    recorder: Recorder

    def reconfigure(self, config: Config) -> None:
        """Bring the live settings of a reload to those who hold them."""
        self.directory.separator = config.accounts.subaddress
        self.directory.default_domain = config.accounts.default_domain
        self.directory.default_quota = default_quota(config)
        self.spool.agenda.limits = _agenda_limits(config)
        self.runner.times = _queue_times(config)
        self.recorder.limits = _history_limits(config)


def build(config: Config, reactor: Any, *, inline: bool = False, tls_clients: Any = None) -> Parts:
    """The parts, not yet started: the store's own start tells whether it can be had (MailError).

    `inline` (tests): no threads, no syncs; `reactor` may then be a mere clock.
    """
    Path(config.state).mkdir(mode=0o700, parents=True, exist_ok=True)
    account_store = AccountStore(config.accounts_file)
    directory = AccountDirectory(
        account_store, config.accounts.subaddress, config.accounts.default_domain, default_quota(config)
    )
    store = Store(
        config.state,
        reactor=None if inline else reactor,
        durability="none" if inline else config.store.durability,
        mail=config.mail_folder,
        reserve=config.store.reserve,
        quota_of=directory.quota_of,
        **({"now": reactor.seconds} if inline else {}),
    )
    login = PasswordLogin(
        account_store, directory, reactor, inline=inline, scram=config.scram_algorithms, issuer=_issuer(config, reactor)
    )
    clients = ClientContexts() if tls_clients is None else tls_clients
    settings = RelaySettings(config.hostname, frozenset({config.hostname.lower()}), config.relay.mx_port)
    dialler = TcpDialler(reactor, timeout_seconds=settings.connect_seconds)
    connections = Pool(reactor, settings.reuse)
    visits = Visits(settings.name, dialler, reactor, clients, settings.limits, connections)
    route, lane_of, courier = way_out(config, settings, reactor, visits, store.ledger)
    spool = Spool(
        Path(config.state, "queue"),
        store.ledger,
        Agenda(_agenda_limits(config)),
        lane_of=lambda domain: _HERE if directory.is_own_domain(domain) else lane_of(domain),
        now=reactor.seconds,
        remove=remove_file if inline else Sweep(reactor.callInThread),
    )
    report = Bounces(config.hostname, ReportMail(store, directory, spool), reactor.seconds)
    couriers = {route: courier, _HERE.route: LocalCourier(store, directory, spool)}
    runner = QueueRunner(spool, couriers, report, reactor, times=_queue_times(config), jitter=random.random)
    recorder = _recorder(config, reactor, inline=inline)
    return Parts(store, account_store, directory, login, spool, runner, report, connections, {}, recorder)


def _recorder(config: Config, reactor: Any, *, inline: bool) -> Recorder:
    """The history of what happens; whoever starts the server adds it to the sinks of events."""
    segments = Segments(config.history_folder, _history_limits(config))
    if inline:
        return Recorder(segments, reactor, lambda work: work(), lambda work: work())
    return Recorder(segments, reactor, reactor.callInThread, reactor.callFromThread)


def _history_limits(config: Config) -> HistoryLimits:
    history = config.history
    return HistoryLimits(history.size, history.age.total_seconds())


def _issuer(config: Config, reactor: Any) -> TokenIssuer | None:
    """OSError when the CA or the secret cannot be read."""
    oauth = config.oauth
    if not (oauth.issuer or oauth.introspection):
        return None
    from mailstack.net.https import Https  # with its libraries: most servers never need it

    settings = TokenSettings(
        issuer=oauth.issuer,
        jwks=oauth.jwks,
        introspection=oauth.introspection,
        client_id=oauth.client_id,
        client_secret=first_line(oauth.client_secret_file),
        audience=oauth.audience,
        scope=oauth.scope,
        claim=oauth.claim,
    )
    return TokenIssuer(settings, Https(reactor, oauth.ca), reactor.seconds)


def _agenda_limits(config: Config) -> AgendaLimits:
    return AgendaLimits(running=config.relay.concurrency, running_a_lane=config.relay.concurrency_per_domain)


def _queue_times(config: Config) -> QueueTimes:
    return QueueTimes(
        stop_limit_seconds=config.limits.stop.total_seconds(),
        give_up_after=config.relay.give_up_after,
        delay_notice_after=config.relay.delay_notice_after,
    )
