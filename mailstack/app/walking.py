"""`mailstack test`: a walk put together from the configuration, in a process of its own."""

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from mailstack.accounts.api import Forward, Local, NotOurs, Resolution
from mailstack.app.ways import name_servers, rules_of, server_of, transport_server
from mailstack.config.model import Config
from mailstack.dns.cache import CacheLimits
from mailstack.dns.client import DnsClient, DnsTimes
from mailstack.relay.courier import MxCourier
from mailstack.relay.demands import Demands
from mailstack.relay.dial import TcpDialler
from mailstack.relay.pool import Pool
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings
from mailstack.relay.stsfetch import HttpsFetch
from mailstack.relay.stspolicies import StsPolicies
from mailstack.relay.transports import first_fit
from mailstack.relay.walk import Mark, Probe, Step, Tell, Walk
from mailstack.smtp.conversation import ClientLimits
from mailstack.store.scratch import ScratchLedger
from mailstack.tls.contexts import ClientContexts

__all__ = ["Broken", "run", "walk_to"]

_SECONDS = 30.0  # somebody sits and waits


class Broken(Exception):
    """A fault of ours; its traceback is on the error output."""


def run(address: str, config: Config, resolution: Resolution, tell: Tell, *, sender: str, ask: bool) -> bool:
    """The whole walk, in a process that does nothing else.  Broken."""
    arrived: list[bool] = []

    async def walk(reactor: Any) -> None:
        arrived.append(await walk_to(address, config, resolution, reactor, tell, sender=sender, ask=ask))

    try:
        react(lambda reactor: Deferred.fromCoroutine(walk(reactor)))
    except SystemExit as ended:
        if ended.code:
            raise Broken from ended
    return bool(arrived and arrived[0])


async def walk_to(
    address: str, config: Config, resolution: Resolution, reactor: Any, tell: Tell, *, sender: str, ask: bool
) -> bool:
    """Whether mail to `address` would get there; `ask`: MAIL and RCPT too."""
    here = _here(address, resolution, tell)
    if here is not None:
        return here
    domain = address.rpartition("@")[2].lower()
    probe = Probe(sender, address) if ask else None
    walk = _walk(config, reactor, tell)
    rules = rules_of(config)
    rule = first_fit(rules, sender, address)
    if rule is not None:
        transport = config.relay.transports[rules.index(rule)]
        tell(Step("route", Mark.OK, f"rule {rules.index(rule) + 1} of relay.transports: via {transport.via}"))
        if transport.via == "discard":
            return True
        if transport.via == "fail":
            tell(Step("route", Mark.FAULT, f"refused: {transport.text}", "Your own configuration says so."))
            return False
        if transport.via != "mx":
            return await walk.by_server(transport_server(transport), probe)
    elif config.relay.smarthost.host:
        return await walk.by_server(server_of(config, reactor), probe)
    else:
        tell(Step("route", Mark.OK, f"by the MX of {domain}"))
    return await walk.by_mx(domain, probe)


def _here(address: str, resolution: Resolution, tell: Tell) -> bool | None:
    """None when it is to go out."""
    match resolution:
        case NotOurs():
            return None
        case Local(account):
            tell(Step("route", Mark.OK, f"{address} is the mailbox of {account} on this server"))
            return True
        case Forward(targets):
            tell(Step("route", Mark.OK, f"{address} is an alias here, for {', '.join(targets)}"))
            return True
    tell(
        Step(
            "route",
            Mark.FAULT,
            f"the domain of {address} is this server's, and the address is nobody's",
            "mailstack account list and mailstack alias list show whom there is.",
        )
    )
    return False


def _walk(config: Config, reactor: Any, tell: Tell) -> Walk:
    settings = RelaySettings(config.hostname, frozenset({config.hostname.lower()}), config.relay.mx_port)
    resolver = DnsClient(name_servers(config), reactor, times=DnsTimes(), cache=CacheLimits())
    limits = ClientLimits(greeting_seconds=_SECONDS, command_seconds=_SECONDS)
    dialler = TcpDialler(reactor, timeout_seconds=min(settings.connect_seconds, _SECONDS))
    visits = Visits(settings.name, dialler, reactor, ClientContexts(), limits, Pool(reactor, settings.reuse))
    fetch = HttpsFetch(reactor, resolver, dialler, visits.tls)
    policies = StsPolicies(resolver, fetch, ScratchLedger(), reactor.seconds) if config.relay.mta_sts else None
    demands = Demands(resolver, policies, settings.port, dane=config.relay.dane)
    courier = MxCourier(settings, resolver, visits, random.SystemRandom(), demands)
    return Walk(settings, resolver, visits, demands, courier, tell)
