"""The ways out, as the configuration draws them: by MX, through servers, by the table of transports."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from mailstack.base.secret import Secret
from mailstack.config.model import Config
from mailstack.config.transports import Transport
from mailstack.dns.cache import CacheLimits
from mailstack.dns.client import DnsClient, DnsTimes
from mailstack.dns.resolvconf import Servers, read_resolv_conf, trusted
from mailstack.queue.api import Courier
from mailstack.queue.pick import Lane, LaneOf, by_domain, together
from mailstack.relay.courier import MxCourier, SmarthostCourier
from mailstack.relay.demands import Demands
from mailstack.relay.routing import DiscardCourier, RefusingCourier, RoutingCourier
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings, Smarthost, SmarthostTls
from mailstack.relay.stsfetch import HttpsFetch
from mailstack.relay.stspolicies import StsPolicies
from mailstack.relay.tokens import ClientCredentials
from mailstack.relay.transports import Rule, lane_name
from mailstack.store.api import Ledger

__all__ = ["first_line", "name_servers", "rules_of", "server_of", "transport_server", "way_out"]

RESOLV_CONF = Path("/etc/resolv.conf")
_ROUTE = "relay"


def way_out(
    config: Config, settings: RelaySettings, reactor: Any, visits: Visits, ledger: Ledger
) -> tuple[str, LaneOf, Courier]:
    """(route, lanes, courier).  OSError when a password file cannot be read."""
    resolver = DnsClient(name_servers(config), reactor, times=DnsTimes(), cache=CacheLimits())
    fetch = HttpsFetch(reactor, resolver, visits.dialler, visits.tls)
    policies = StsPolicies(resolver, fetch, ledger, reactor.seconds, visits.watch) if config.relay.mta_sts else None
    demands = Demands(resolver, policies, settings.port, dane=config.relay.dane)
    by_mx = MxCourier(settings, resolver, visits, random.SystemRandom(), demands)
    one_server = bool(config.relay.smarthost.host)
    otherwise: Courier = (
        SmarthostCourier(settings, server_of(config, reactor), resolver, visits) if one_server else by_mx
    )
    if not config.relay.transports:
        return _ROUTE, together(_ROUTE) if one_server else by_domain(_ROUTE), otherwise
    rules = rules_of(config)
    couriers: dict[str, Courier] = {
        rule.route: by_mx if transport.via == "mx" else _courier(transport, settings, resolver, visits)
        for rule, transport in zip(rules, config.relay.transports, strict=True)
    }

    def lane_of(domain: str) -> Lane:
        return Lane(_ROUTE, lane_name(rules, domain, "" if one_server else domain.lower()))

    return _ROUTE, lane_of, RoutingCourier(rules, couriers, otherwise)


def rules_of(config: Config) -> list[Rule]:
    """One for each of `relay.transports`, in their order."""
    return [
        Rule(transport.to, transport.sender, f"{number} {transport.host}", transport.via != "mx")
        for number, transport in enumerate(config.relay.transports, 1)
    ]


def server_of(config: Config, reactor: Any) -> Smarthost:
    """The one that takes everything.  OSError."""
    given = config.relay.smarthost
    secret = first_line(given.password_file)
    server = Smarthost(given.host, given.port, SmarthostTls(given.tls), user=given.user, password=secret)
    if not given.token_url:
        return server
    from mailstack.net.https import Https  # with its libraries: most servers never need it

    scope, fetch = given.token_scope, Https(reactor)
    tokens = ClientCredentials(given.token_url, given.client_id, secret, scope, fetch, reactor.seconds)
    return replace(server, password=Secret(""), tokens=tokens)


def transport_server(transport: Transport) -> Smarthost:
    """OSError."""
    password = first_line(transport.password_file)
    tls = SmarthostTls(transport.tls)
    return Smarthost(transport.host, transport.port, tls, user=transport.user, password=password)


def _courier(transport: Transport, settings: RelaySettings, resolver: DnsClient, visits: Visits) -> Courier:
    if transport.via == "discard":
        return DiscardCourier()
    if transport.via == "fail":
        return RefusingCourier(transport.text)
    return SmarthostCourier(settings, transport_server(transport), resolver, visits)


def name_servers(config: Config) -> Servers:
    """The configured ones, or the system's."""
    if not config.dns.servers:
        return read_resolv_conf(RESOLV_CONF.read_text(encoding="utf-8") if RESOLV_CONF.exists() else "")
    addresses = tuple((server.host, server.port) for server in config.dns.servers)
    return Servers(addresses, trusted(addresses))


def first_line(path: str) -> Secret:
    """Of a file with a secret; "" without a file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines() if path else []
    return Secret(lines[0] if lines else "")
