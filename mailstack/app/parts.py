"""The composition root: every long-lived object is built here, once, lowest floor first, and nowhere else."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailstack.accounts.directory import AccountDirectory
from mailstack.accounts.guard import Guard
from mailstack.accounts.guardfile import GuardFile
from mailstack.accounts.login import PasswordLogin
from mailstack.accounts.sending import Sending
from mailstack.accounts.store import AccountStore
from mailstack.app.aside import aside_of
from mailstack.app.forwarding import make_srs
from mailstack.app.newnetworks import NewNetworkMail
from mailstack.app.people import guard_rules, issuer, sending_limits
from mailstack.app.quotas import default_quota
from mailstack.app.reports import ReportMail
from mailstack.app.signing import read_keys
from mailstack.app.tlswatch import TlsWatch
from mailstack.app.ways import way_out
from mailstack.base.aside import Aside
from mailstack.config.model import Config
from mailstack.flow.later import LocalCourier
from mailstack.history.recorder import Recorder
from mailstack.history.segments import Limits as HistoryLimits
from mailstack.history.segments import Segments
from mailstack.message.srs import Srs
from mailstack.metrics.counts import Counts
from mailstack.pop3.server.session import People
from mailstack.queue.api import Courier
from mailstack.queue.bounce import Bounces
from mailstack.queue.pick import Agenda, Lane
from mailstack.queue.pick import Limits as AgendaLimits
from mailstack.queue.runner import QueueRunner, QueueTimes
from mailstack.queue.spool import Spool
from mailstack.queue.sweep import Sweep, remove_file
from mailstack.relay.dial import TcpDialler
from mailstack.relay.pool import Pool
from mailstack.relay.session import Visits
from mailstack.relay.settings import Carrying, RelaySettings
from mailstack.relay.signing import Signer, SigningCourier
from mailstack.relay.suppression import Suppressed, SuppressingCourier
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
    new_networks: NewNetworkMail
    guard: Guard
    sending: Sending
    spool: Spool
    runner: QueueRunner
    reports: Bounces
    connections: Pool
    imap_sessions: dict[str, int]
    pop3_people: People
    recorder: Recorder
    aside: Aside
    signer: Signer
    tls_watch: TlsWatch
    counts: Counts
    srs: Srs | None
    suppressed: Suppressed

    def reconfigure(self, config: Config) -> None:
        """Bring the live settings of a reload to those who hold them."""
        self.directory.separator = config.accounts.subaddress
        self.directory.default_domain = config.accounts.default_domain
        self.directory.default_quota = default_quota(config)
        self.guard.reconfigure(guard_rules(config))
        self.new_networks.wanted = config.accounts.mail_about_new_networks
        self.login.least_strength = config.accounts.password_strength
        self.store.keep_expunged = config.store.keep_expunged.total_seconds()
        self.sending.limits = sending_limits(config)
        self.spool.agenda.limits = _agenda_limits(config)
        self.runner.times = _queue_times(config)
        self.recorder.limits = _history_limits(config)
        self.signer.keys = read_keys(config)


def build(config: Config, reactor: Any, *, inline: bool = False, tls_clients: Any = None) -> Parts:
    """The parts, not yet started: the store's own start tells whether it can be had (MailError).

    `inline` (tests): no threads, no syncs; `reactor` may then be a mere clock.
    """
    Path(config.state).mkdir(mode=0o700, parents=True, exist_ok=True)
    account_store = AccountStore(config.accounts_file, look_every=0.0 if inline else 0.1)
    directory = AccountDirectory(
        account_store, config.accounts.subaddress, config.accounts.default_domain, default_quota(config)
    )
    store = Store(
        config.state,
        reactor=None if inline else reactor,
        durability="none" if inline else config.store.durability,
        mail=config.mail_folder,
        reserve=config.store.reserve,
        memory=config.store.memory,
        quota_of=directory.quota_of,
        keep_expunged=config.store.keep_expunged.total_seconds(),
        **({"now": reactor.seconds} if inline else {}),
    )
    guard_file = GuardFile(config.guard_file)
    guard = Guard(guard_file, reactor.seconds, guard_rules(config))
    sending = Sending(guard_file, sending_limits(config), directory.limits, reactor.seconds)
    login = PasswordLogin(
        account_store,
        directory,
        reactor,
        inline=inline,
        scram=config.scram_algorithms,
        issuer=issuer(config, reactor),
        guard=guard,
    )
    login.least_strength = config.accounts.password_strength
    clients = ClientContexts() if tls_clients is None else tls_clients
    settings = RelaySettings(config.hostname, frozenset({config.hostname.lower()}), config.relay.mx_port)
    dialler = TcpDialler(reactor, timeout_seconds=settings.connect_seconds)
    connections = Pool(reactor, settings.reuse)
    tls_watch = TlsWatch(config, store.ledger, directory, reactor)
    aside = aside_of(reactor, inline=inline)
    carrying = Carrying(config.relay.chunking, converts=config.relay.without_8bitmime == "convert")
    visits = Visits(
        settings.name, dialler, reactor, clients, settings.limits, connections, aside, carrying, watch=tls_watch
    )
    route, lane_of, courier = way_out(config, settings, reactor, visits, store.ledger)
    spool = Spool(
        Path(config.state, "queue"),
        store.ledger,
        Agenda(_agenda_limits(config)),
        lane_of=lambda domain: _HERE if directory.is_own_domain(domain) else lane_of(domain),
        now=reactor.seconds,
        remove=remove_file if inline else Sweep(reactor.callInThread),
    )
    srs = make_srs(config)
    if srs is not None:
        directory.unwrap = lambda address: srs.reverse(address, reactor.seconds())
    suppressed = Suppressed(store.ledger, reactor.seconds, config.relay.suppress_for)
    signer = Signer(read_keys(config), reactor.seconds, aside)
    report_mail = ReportMail(store, directory, spool)
    tls_watch.report_to(report_mail)
    new_networks = NewNetworkMail(report_mail, config.hostname, reactor.seconds)
    new_networks.wanted = config.accounts.mail_about_new_networks
    login.tell_of_new_network = new_networks
    report = Bounces(config.hostname, report_mail, reactor.seconds)
    couriers: dict[str, Courier] = {
        route: SuppressingCourier(suppressed, SigningCourier(signer, courier)),
        _HERE.route: LocalCourier(store, directory, spool),
    }
    runner = QueueRunner(spool, couriers, report, reactor, times=_queue_times(config), jitter=random.random)
    recorder = _recorder(config, reactor, inline=inline)
    return Parts(
        store=store,
        account_store=account_store,
        directory=directory,
        login=login,
        new_networks=new_networks,
        guard=guard,
        sending=sending,
        spool=spool,
        runner=runner,
        reports=report,
        connections=connections,
        imap_sessions={},
        pop3_people=People(),
        recorder=recorder,
        aside=aside,
        signer=signer,
        tls_watch=tls_watch,
        counts=Counts(),
        srs=srs,
        suppressed=suppressed,
    )


def _recorder(config: Config, reactor: Any, *, inline: bool) -> Recorder:
    """The history of what happens; whoever starts the server adds it to the sinks of events."""
    segments = Segments(config.history_folder, _history_limits(config))
    if inline:
        return Recorder(segments, reactor, lambda work: work(), lambda work: work())
    return Recorder(segments, reactor, reactor.callInThread, reactor.callFromThread)


def _history_limits(config: Config) -> HistoryLimits:
    history = config.history
    return HistoryLimits(history.size, history.age.total_seconds())


def _agenda_limits(config: Config) -> AgendaLimits:
    return AgendaLimits(running=config.relay.concurrency, running_a_lane=config.relay.concurrency_per_domain)


def _queue_times(config: Config) -> QueueTimes:
    return QueueTimes(
        stop_limit_seconds=config.limits.stop.total_seconds(),
        give_up_after=config.relay.give_up_after,
        delay_notice_after=config.relay.delay_notice_after,
    )
