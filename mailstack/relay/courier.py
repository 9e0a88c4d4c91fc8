"""The two ways out: by MX, and through a smarthost.  Both are `queue.api.Courier`s."""

import ipaddress
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from random import Random

from mailstack.accounts.api import IssuerUnreachable
from mailstack.base.events import Event, log
from mailstack.dns.api import DnsFailure, NoSuchDomain, Resolver
from mailstack.queue.api import Deferred, Envelope, Failed, Outcome, Recipient, RemoteReply, Tls
from mailstack.relay.addresses import NotForTheWire, on_the_wire
from mailstack.relay.demands import Asked
from mailstack.relay.hosts import NoHosts, address_literal, interleave, order_hosts
from mailstack.relay.line import Errand, NotReady, Target, outcome_of
from mailstack.relay.mtasts import StsPolicy
from mailstack.relay.policy import RefusedHost, TlsPolicy, for_mx, for_requiretls, for_smarthost, regardless
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings, Smarthost
from mailstack.relay.tlsresult import TlsResult
from mailstack.smtp.conversation import LogIn
from mailstack.store.api import Content

__all__ = ["MxCourier", "SmarthostCourier"]

Outcomes = dict[Recipient, Outcome]
Targets = AsyncGenerator[Target | RemoteReply, None]  # a RemoteReply is a host that was not found, and why


class _Round:
    """One attempt: asks one host after the other until every recipient has an outcome."""

    def __init__(self, visits: Visits, login: LogIn | None) -> None:
        self._visits, self._login = visits, login
        self._troubles: list[RemoteReply] = []

    async def run(
        self, targets: Targets, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Outcomes:
        """Every recipient has an outcome at the end."""
        outcomes, wire = _for_the_wire(envelope, recipients)
        async with aclosing(targets):
            while wire and (target := await anext(targets, None)) is not None:
                if isinstance(target, RemoteReply):
                    self._note(envelope, target)
                    continue
                errand = Errand(envelope, _reverse_path(envelope), tuple(each for _, each in wire), content)
                wire = await self._ask(target, errand, wire, outcomes)
        return outcomes | self._left_over([recipient for recipient, _ in wire])

    async def _ask(
        self, target: Target, errand: Errand, wire: list[tuple[Recipient, Recipient]], outcomes: Outcomes
    ) -> list[tuple[Recipient, Recipient]]:
        """Visit one host; who is still to be decided."""
        try:
            carried = await self._visits.visit(target, self._login, errand)
        except NotReady as trouble:
            self._note(errand.envelope, trouble.reply)
            return wire
        for place, outcome in carried.outcomes.items():
            outcomes[wire[place][0]] = outcome
        if carried.undecided:
            self._troubles.append(carried.outcomes[carried.undecided[0]].reply)
        return [wire[place] for place in carried.undecided]

    def _note(self, envelope: Envelope, trouble: RemoteReply) -> None:
        """One host was of no use; another may be."""
        self._troubles.append(trouble)
        log(Event.RELAY_TROUBLE, mid=envelope.id, text=trouble.spoken)

    def _left_over(self, recipients: Sequence[Recipient]) -> Outcomes:
        """Nobody took or refused them: failed when every host has said no for good, else later."""
        if not self._troubles:
            self._troubles.append(RemoteReply("", 0, "4.4.4", "no host could be tried"))
        temporary = [reply for reply in self._troubles if isinstance(outcome_of(reply), Deferred)]
        # a server that spoke says more than one that could not be reached
        spoke = [reply for reply in temporary if reply.host]
        reply = (spoke or temporary or self._troubles)[-1]
        return {recipient: outcome_of(reply) for recipient in recipients}


def _for_the_wire(
    envelope: Envelope, recipients: Sequence[Recipient]
) -> tuple[Outcomes, list[tuple[Recipient, Recipient]]]:
    """Recipients beside what is said of them; those that cannot be said have failed already."""
    outcomes: Outcomes = {}
    wire = []
    for recipient in recipients:
        try:
            address = on_the_wire(recipient.address, smtputf8=envelope.smtputf8)
            _reverse_path(envelope)
        except NotForTheWire as fault:
            outcomes[recipient] = Failed(RemoteReply("", 0, "5.6.7", str(fault)))
        else:
            wire.append((recipient, replace(recipient, address=address)))
    return outcomes, wire


def _reverse_path(envelope: Envelope) -> str:
    return on_the_wire(envelope.reverse_path, smtputf8=envelope.smtputf8)


def _tls_wish(envelope: Envelope) -> Tls:
    """A report is better sent unsafely than lost.  RFC 8689 §5"""
    wish = envelope.wishes.tls
    return Tls.AS_USUAL if wish is Tls.REQUIRED and not envelope.reverse_path else wish


class MxCourier:
    """To the hosts that the recipients' domain names.  All recipients of a call have the same domain."""

    def __init__(
        self, settings: RelaySettings, resolver: Resolver, visits: Visits, dice: Random, demands: Asked | None = None
    ) -> None:
        self._settings, self._resolver, self._visits, self._dice = settings, resolver, visits, dice
        self._demands = demands
        self._policy = for_mx(opportunistic=settings.opportunistic_tls)

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Mapping[Recipient, Outcome]:
        domain = recipients[0].domain.lower()
        targets = self._targets(domain, _tls_wish(envelope))
        return await _Round(self._visits, None).run(targets, envelope, recipients, content)

    async def _targets(self, domain: str, wish: Tls) -> Targets:
        """Every address of every host, looked up when its turn comes."""
        sts = None
        try:
            literal = address_literal(domain)
            hosts, secure = ((literal,), False) if literal else await self.hosts(domain)
            if self._demands is not None and not literal:
                sts = await self._demands.sts(domain)
        except NoHosts as no:
            yield no.reply
            return
        except ValueError:
            yield RemoteReply("", 0, "5.1.2", f"{domain} is no address literal")
            return
        for host in hosts[: self._settings.hosts_max]:
            try:
                policy = await self.policy_of(host, domain, sts, wish, secure=secure)
            except NoHosts as no:
                yield no.reply
                continue
            kept = self._kept(host, policy)
            if kept is not None:
                yield kept
            for target in await targets_of(host, self._settings.port, policy, self._resolver, self._settings, domain):
                if target != kept:
                    yield target

    async def policy_of(self, host: str, domain: str, sts: StsPolicy | None, wish: Tls, *, secure: bool) -> TlsPolicy:
        """NoHosts when nothing may be sent to that one."""
        if wish is Tls.OPTIONAL:
            return regardless(self._policy)
        required = wish is Tls.REQUIRED
        policy = self._policy
        try:
            if self._demands is not None:
                policy = await self._demands.of_host(policy, host, domain, mx_secure=secure, sts=sts)
            return for_requiretls(policy, host, domain, mx_secure=secure, sts=sts) if required else policy
        except RefusedHost as refused:
            given_up = replace(policy, sts=sts)
            self._visits.watch(TlsResult(domain, host, "", given_up, "validation-failure", refused.reason))
            raise NoHosts(RemoteReply("", 0, "5.7.10" if required else "4.7.5", refused.reason)) from refused
        except DnsFailure as failure:
            self._visits.watch(TlsResult(domain, host, "", None, "dnssec-invalid", str(failure)))
            raise NoHosts(RemoteReply("", 0, "4.4.3", f"TLSA of {host} not known: {failure}")) from failure

    def _kept(self, host: str, policy: TlsPolicy) -> Target | None:
        return self._visits.kept(host, self._settings.port, policy, None)

    async def hosts(self, domain: str) -> tuple[tuple[str, ...], bool]:
        """In order, and whether the MX is secure.  NoHosts."""
        try:
            mx = await self._resolver.mx(domain)
        except NoSuchDomain:
            raise NoHosts(RemoteReply("", 0, "5.1.2", f"the domain {domain} does not exist")) from None
        except DnsFailure as failure:
            raise NoHosts(RemoteReply("", 0, "4.4.3", f"MX of {domain} not known: {failure}")) from None
        hosts = order_hosts(domain, mx, self._settings.own_names, self._dice, self._is_open)
        return hosts, mx.secure

    def _is_open(self, host: str) -> bool:
        return self._kept(host, self._policy) is not None


class SmarthostCourier:
    """To the one server that takes everything, whatever the recipients' domains."""

    def __init__(self, settings: RelaySettings, smarthost: Smarthost, resolver: Resolver, visits: Visits) -> None:
        self._settings, self._smarthost, self._resolver, self._visits = settings, smarthost, resolver, visits
        self._policy = for_smarthost(smarthost)

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Mapping[Recipient, Outcome]:
        try:
            login = await self._smarthost.login()
        except IssuerUnreachable as failure:
            login, targets = None, _nobody(RemoteReply("", 0, "4.7.0", f"smarthost: no access token: {failure}"))
        else:
            targets = self._targets(_tls_wish(envelope), login)
        return await _Round(self._visits, login).run(targets, envelope, recipients, content)

    async def _targets(self, wish: Tls, login: LogIn | None) -> Targets:
        """A smarthost that is not found is a fault of the configuration or the network, never of the mail."""
        host, port, policy = self._smarthost.host, self._smarthost.port, self._policy
        if wish is Tls.REQUIRED:
            policy = for_requiretls(policy, host, host, mx_secure=False, sts=None)
        kept = self._visits.kept(host, port, policy, login)
        if kept is not None:
            yield kept
        for target in await targets_of(host, port, policy, self._resolver, self._settings):
            if isinstance(target, RemoteReply):
                yield RemoteReply("", 0, "4.4.4", f"smarthost: {target.text}")
            elif target != kept:
                yield target


async def _nobody(trouble: RemoteReply) -> Targets:
    yield trouble


async def targets_of(
    host: str, port: int, policy: TlsPolicy, resolver: Resolver, settings: RelaySettings, domain: str = ""
) -> Sequence[Target | RemoteReply]:
    """A host's addresses in the order in which to try them, or why there is none."""
    if _is_address(host):
        return [Target(host, host, port, policy, domain)]
    try:
        ips = (await resolver.addresses(host)).ips
    except NoSuchDomain:
        return [RemoteReply("", 0, "5.4.4", f"the host {host} does not exist")]
    except DnsFailure as failure:
        return [RemoteReply("", 0, "4.4.3", f"address of {host} not known: {failure}")]
    if not ips:
        return [RemoteReply("", 0, "5.4.4", f"the host {host} has no address")]
    return [Target(host, ip, port, policy, domain) for ip in interleave(ips, settings.addresses_max)]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
