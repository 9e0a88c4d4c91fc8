"""Visits to servers: over a connection that is kept, or over a new one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReactorTime

from mailstack.base.aside import Aside, at_once
from mailstack.base.events import Event, log
from mailstack.queue.api import RemoteReply
from mailstack.relay.connection import RemoteConnection, one_connection
from mailstack.relay.dial import Dialler
from mailstack.relay.line import Carried, Errand, Line, NotReady, Target, TlsClients
from mailstack.relay.policy import TlsPolicy
from mailstack.relay.pool import Door, Pool
from mailstack.relay.settings import Carrying
from mailstack.relay.tlsresult import TlsLevel, TlsResult, Watch, failure_of, ignore
from mailstack.smtp.client import SmtpClient
from mailstack.smtp.conversation import ClientLimits, LogIn

__all__ = ["Visits"]


@dataclass(frozen=True, slots=True)
class Visits:
    """Makes visits: what all of them have in common."""

    name: str  # what we call ourselves
    dialler: Dialler
    clock: IReactorTime
    tls: TlsClients
    limits: ClientLimits
    pool: Pool
    aside: Aside = at_once
    carrying: Carrying = field(default_factory=Carrying)
    engine: Callable[[str, str, ClientLimits], SmtpClient] = SmtpClient
    watch: Watch = ignore

    def kept(self, host: str, port: int, policy: TlsPolicy, login: LogIn | None) -> Target | None:
        """Where a connection is open that would do."""
        return self.pool.target(_door(host, port, policy, login))

    async def visit(self, target: Target, login: LogIn | None, errand: Errand) -> Carried:
        """NotReady when the server did not get to hear of the mail.  Broken opportunistic TLS is tried without."""
        door = _door(target.host, target.port, target.policy, login)
        log(Event.RELAY_ATTEMPT, mid=errand.envelope.id, host=target.host, ip=target.ip, tls=target.policy.words)
        while (line := self.pool.take(door)) is not None:
            carried = await self._carry_over_kept(line, door, errand)
            if carried is not None:
                return carried
        return await self._carry(await self._open(target, login), door, errand)

    async def _carry_over_kept(self, line: Line, door: Door, errand: Errand) -> Carried | None:
        """None when the connection was of no use any more, and nothing of the mail is there."""
        try:
            carried = await self._carry(line, door, errand)
        except NotReady:
            return None
        return None if len(carried.undecided) == len(errand.recipients) else carried

    async def _carry(self, line: Line, door: Door, errand: Errand) -> Carried:
        done = False
        try:
            carried = await line.carry(errand)
            done = True
        finally:
            if not done:
                line.connection.abort()
        self.pool.keep(door, line)
        return carried

    # --- a new connection ------------------------------------------------------------------------------

    async def _open(self, target: Target, login: LogIn | None) -> Line:
        try:
            return await self.get_ready(target, target.policy, login)
        except NotReady as trouble:
            clear = target.policy.after_failure() if trouble.tls_broken else None
            if clear is None:
                raise
            log(Event.TLS_FAILED, listener="relay", ip=f"{target.host} [{target.ip}]", reason=trouble.reply.text)
        return await self.get_ready(target, clear, login)

    async def get_ready(self, target: Target, policy: TlsPolicy, login: LogIn | None) -> Line:
        """A new connection, up to the point of MAIL.  NotReady."""
        try:
            line = await self._ready(target, policy, login)
        except NotReady as trouble:
            failure = failure_of(trouble.reply)
            if failure and target.domain:
                self.watch(TlsResult(target.domain, target.host, target.ip, policy, failure, trouble.reply.text))
            raise
        if target.domain:
            self.watch(_result(target, line))
        return line

    async def _ready(self, target: Target, policy: TlsPolicy, login: LogIn | None) -> Line:
        line = Line(target, policy, await self._dial(target), self.tls, self.aside, self.carrying)
        ready = False
        try:
            await line.get_ready(login)
            ready = True
        except NotReady as trouble:
            if not trouble.tls_broken:
                line.connection.leave()
            raise
        finally:
            if not ready:
                line.connection.abort_unless_leaving()
        return line

    async def _dial(self, target: Target) -> RemoteConnection:
        engine = self.engine(target.host, self.name, self.limits)
        connection = RemoteConnection(engine, self.clock, self.limits)
        try:
            await self.dialler(target.ip, target.port).connect(one_connection(connection))
        except (ConnectError, OSError) as failure:
            where = f"{target.host} [{target.ip}]:{target.port}"
            raise NotReady(RemoteReply("", 0, "4.4.1", f"no connection to {where}: {failure}")) from failure
        return connection


def _result(target: Target, line: Line) -> TlsResult:
    """Of a session that stands; that it is in the clear counts as a failure.  RFC 8460 §4.3.1"""
    common = target.domain, target.host, target.ip, target.policy
    if not line.connection.tls:
        return TlsResult(*common, "starttls-not-supported", "", TlsLevel.CLEAR)
    checked = line.policy.verify or line.policy.tlsa
    if not checked and (mismatch := _tested(target, line)):
        return TlsResult(*common, mismatch, "", TlsLevel.ENCRYPTED)
    return TlsResult(*common, level=TlsLevel.VERIFIED if checked else TlsLevel.ENCRYPTED)


def _tested(target: Target, line: Line) -> str:
    """What MTA-STS in testing mode would not have let pass, as far as the certificate alone tells.  RFC 8461 §5"""
    sts = target.policy.sts
    if sts is None:
        return ""
    if not sts.covers(target.host):
        return "validation-failure"
    try:
        verify_certificate_hostname(line.connection.certificates()[0], target.host)
    except (IndexError, VerificationError, CertificateError):
        return "certificate-host-mismatch"
    return ""


def _door(host: str, port: int, policy: TlsPolicy, login: LogIn | None) -> Door:
    return Door(host, port, policy.level, login.user if login else "")
