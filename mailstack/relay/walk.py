"""The way of a message, step by step, without the message: for `mailstack test`.

It asks what a delivery asks, of the same code (`courier`, `demands`, `session`), and tells of each step
when it has happened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from cryptography import x509
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname
from twisted.internet import error

from mailstack.accounts.api import IssuerUnreachable
from mailstack.dns.api import Resolver
from mailstack.queue.api import Recipient, RemoteReply, Tls
from mailstack.relay.advice import advice
from mailstack.relay.courier import MxCourier, targets_of
from mailstack.relay.demands import Demands
from mailstack.relay.hosts import NoHosts, address_literal
from mailstack.relay.line import Line, NotReady, Target
from mailstack.relay.mtasts import StsPolicy
from mailstack.relay.policy import TlsPolicy, for_smarthost
from mailstack.relay.session import Visits
from mailstack.relay.settings import RelaySettings, Smarthost
from mailstack.smtp.client import SmtpClient
from mailstack.smtp.conversation import ClientLimits, Ended, LogIn, Transaction, TransactionDone

__all__ = ["Mark", "Probe", "Step", "Tell", "Walk"]


class Mark(Enum):
    OK = "ok"
    NOTE = "note"  # worth knowing, and no obstacle
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Step:
    """`advice`: what is wrong and what to do, for faults and notes."""

    name: str
    mark: Mark
    text: str
    advice: str = ""


Tell = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Probe:
    """What to ask MAIL and RCPT about."""

    sender: str
    recipient: str


class Walk:
    """`visits` without its engine: the walk puts one in that it can overhear."""

    def __init__(
        self,
        settings: RelaySettings,
        resolver: Resolver,
        visits: Visits,
        demands: Demands,
        courier: MxCourier,
        tell: Tell,
    ) -> None:
        self._settings, self._resolver, self._demands, self._courier = settings, resolver, demands, courier
        self._tell = tell
        self._visits = replace(visits, engine=self._engine)

    # --- the two ways ------------------------------------------------------------------------------------

    async def by_mx(self, domain: str, probe: Probe | None = None) -> bool:
        """Whether some host of the domain would take mail."""
        try:
            literal = address_literal(domain)
            hosts, secure = ((literal,), False) if literal else await self._courier.hosts(domain)
            sts = None if literal else await self._demands.sts(domain)
        except NoHosts as no:
            return self._fault("dns", no.reply)
        except ValueError:
            return self._fault("dns", RemoteReply("", 0, "5.1.2", f"{domain} is no address literal"))
        await self._tell_mx(domain, hosts, secure=secure)
        self._tell_sts(domain, sts)
        for host in hosts[: self._settings.hosts_max]:
            try:
                policy = await self._courier.policy_of(host, domain, sts, Tls.AS_USUAL, secure=secure)
            except NoHosts as no:
                self._fault("policy", no.reply)
                continue
            self._tell_policy(host, policy)
            if await self._some_address(host, self._settings.port, policy, None, probe, domain):
                return True
        return False

    async def by_server(self, server: Smarthost, probe: Probe | None = None) -> bool:
        """The same for the one server that such mail is handed to."""
        self._ok("route", f"such mail is handed to {server.host}, port {server.port}")
        try:
            login = await server.login()
        except IssuerUnreachable as failure:
            self._fault("login", RemoteReply("", 0, "4.7.0", f"no access token: {failure}"))
            return False
        return await self._some_address(server.host, server.port, for_smarthost(server), login, probe)

    # --- DNS and policy ----------------------------------------------------------------------------------

    async def _tell_mx(self, domain: str, hosts: Sequence[str], *, secure: bool) -> None:
        validated = ", validated by DNSSEC" if secure else ""
        if hosts == (domain,):
            self._tell(
                Step("mx", Mark.NOTE, f"{domain} has no MX: the name itself is the host{validated}", advice("no-mx"))
            )
        else:
            self._ok("mx", f"hosts of {domain}, in this order: {', '.join(hosts)}{validated}")

    def _tell_sts(self, domain: str, sts: StsPolicy | None) -> None:
        if sts is None:
            self._ok("mta-sts", f"{domain} asks for nothing by MTA-STS")
        else:
            self._ok("mta-sts", f"{domain} has a policy, mode {sts.mode.value}, for {', '.join(sts.mx)}")

    def _tell_policy(self, host: str, policy: TlsPolicy) -> None:
        if policy.tlsa:
            self._ok("dane", f"{host} has {len(policy.tlsa)} TLSA records that count")
        self._ok("policy", f"{host}: {policy.words}")

    # --- hosts and connections ---------------------------------------------------------------------------

    async def _some_address(
        self, host: str, port: int, policy: TlsPolicy, login: LogIn | None, probe: Probe | None, domain: str = ""
    ) -> bool:
        targets = await targets_of(host, port, policy, self._resolver, self._settings, domain)
        addresses = [each.ip for each in targets if isinstance(each, Target)]
        if addresses:
            self._ok("address", f"{host} is {', '.join(addresses)}")
        for target in targets:
            if isinstance(target, RemoteReply):
                self._fault("address", target)
            elif await self._converse(target, login, probe):
                return True
        return False

    async def _converse(self, target: Target, login: LogIn | None, probe: Probe | None) -> bool:
        where = f"{target.host} [{target.ip}]:{target.port}"
        try:
            line = await self._visits.get_ready(target, target.policy, login)
        except NotReady as trouble:
            return self._not_ready(where, trouble)
        try:
            self._tell_tls(line, target)
            self._ok("ready", f"{where} is ready to take mail")
            return probe is None or await self._ask(line, probe)
        finally:
            line.connection.leave()

    def _not_ready(self, where: str, trouble: NotReady) -> bool:
        cause = trouble.__cause__
        if isinstance(cause, error.ConnectError | OSError):
            kind = _connect_kind(cause)
            self._tell(Step("connect", Mark.FAULT, f"no connection to {where}: {cause}", advice(kind)))
            return False
        if trouble.reply.status == "4.7.8":
            return self._fault("login", trouble.reply)
        return self._fault("starttls" if trouble.reply.command == "STARTTLS" else "talk", trouble.reply)

    def _tell_tls(self, line: Line, target: Target) -> None:
        if not line.connection.tls:
            text = f"{target.host} offers no STARTTLS: mail goes in the clear"
            self._tell(Step("starttls", Mark.NOTE, text, advice("clear")))
            return
        self._ok("starttls", line.connection.tls)
        certificates = line.connection.certificates()
        if certificates:
            self._tell(_certificate(certificates[0], target.host, line.policy))

    async def _ask(self, line: Line, probe: Probe) -> bool:
        line.connection.send(Transaction(probe.sender, (Recipient(probe.recipient),), size=1000, probe=True))
        match await line.connection.event():
            case TransactionDone(replies, _) if replies and replies[0].code == 250:
                self._ok("rcpt", f"<{probe.recipient}> would be taken")
                return True
            case TransactionDone((reply, *_), _) | Ended(reply):
                return self._fault("rcpt", reply)
        return False

    # --- telling -----------------------------------------------------------------------------------------

    def _ok(self, name: str, text: str) -> None:
        self._tell(Step(name, Mark.OK, text))

    def _fault(self, name: str, reply: RemoteReply) -> bool:
        said = f"{reply.host} said {reply.code} {reply.status} {reply.text}" if reply.code else reply.text
        self._tell(Step(name, Mark.FAULT, said, advice(reply)))
        return False

    def _engine(self, host: str, name: str, limits: ClientLimits) -> SmtpClient:
        return _Overheard(host, name, limits, self._tell)


class _Overheard(SmtpClient):
    """Tells each line that is said and heard; secrets it does not."""

    def __init__(self, host: str, name: str, limits: ClientLimits, tell: Tell) -> None:
        super().__init__(host, name, limits)
        self._tell, self._half, self._secret = tell, b"", False

    def receive(self, data: bytes) -> None:
        *lines, self._half = (self._half + data).split(b"\n")
        for line in lines:
            self._tell(Step("heard", Mark.OK, line.decode("utf-8", "replace").rstrip("\r")))
            self._secret = self._secret and line.startswith(b"334")
        super().receive(data)

    def data_to_send(self) -> bytes:
        data = super().data_to_send()
        for line in data.decode("utf-8", "replace").splitlines():
            shown = "(secret)" if self._secret else line
            if line.upper().startswith("AUTH "):
                self._secret, shown = True, " ".join(line.split()[:2])
            self._tell(Step("said", Mark.OK, shown))
        return data


def _connect_kind(cause: Exception) -> str:
    if isinstance(cause, error.ConnectionRefusedError):
        return "refused"
    if isinstance(cause, error.TimeoutError | error.TCPTimedOutError):
        return "timeout"
    return "unreachable"


def _certificate(certificate: x509.Certificate, host: str, policy: TlsPolicy) -> Step:
    """What it is worth, also where nobody asks."""
    until = certificate.not_valid_after_utc
    text = f"certificate of {_name(certificate.subject)} by {_name(certificate.issuer)}, until {until:%Y-%m-%d}"
    if policy.verify or policy.tlsa:
        return Step("certificate", Mark.OK, f"{text}, {policy.worth}")
    try:
        verify_certificate_hostname(certificate, host)
    except (VerificationError, CertificateError):
        return Step("certificate", Mark.NOTE, f"{text}; it is not for {host}", advice("name"))
    return Step("certificate", Mark.OK, f"{text}, for {host}; nothing asks for more")


def _name(name: Any) -> str:
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME) or name.get_attributes_for_oid(
        x509.NameOID.ORGANIZATION_NAME
    )
    return str(found[0].value) if found else "somebody without a name"
