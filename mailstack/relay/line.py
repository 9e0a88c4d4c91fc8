"""A connection to one server that is open: up to the point of MAIL, then one errand after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf
from typing import Any, Protocol

from mailstack.base.aside import Aside, at_once
from mailstack.base.events import Event, log
from mailstack.message.recode import Unfit
from mailstack.queue.api import Deferred, Delivered, Envelope, Failed, Outcome, Recipient, RemoteReply, Tls
from mailstack.relay.connection import CHUNK, RemoteConnection, TlsBroken
from mailstack.relay.dane import Mismatch, check
from mailstack.relay.downgrade import fit_for_seven_bits
from mailstack.relay.policy import Need, Step, TlsPolicy
from mailstack.relay.settings import Carrying
from mailstack.relay.signing import Signed
from mailstack.smtp.conversation import (
    BodyWanted,
    ClientEvent,
    Ended,
    Greeted,
    LogIn,
    LoginRefused,
    StartTls,
    TlsGo,
    TlsRefused,
    Transaction,
    TransactionDone,
)
from mailstack.smtp.remote import Offer
from mailstack.store.api import Content

__all__ = ["Carried", "Errand", "Line", "NotReady", "Target", "TlsClients", "outcome_of"]


class TlsClients(Protocol):
    """`tls.contexts.ClientContexts`."""

    def __call__(self, hostname: str, *, verify: bool) -> Any:
        """Twisted's IOpenSSLClientConnectionCreator for one connection."""


_SCAN_MAX = 1 << 20  # longer messages are declared 8-bit unseen: that is always allowed


@dataclass(frozen=True, slots=True)
class Target:
    """One address of one host, and how good TLS with it must be."""

    host: str
    ip: str
    port: int
    policy: TlsPolicy
    domain: str = field(default="", compare=False)  # whose MX led there; "" for a server that we were told


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be carried: `recipients` with the addresses that go on the wire, in the same order."""

    envelope: Envelope
    reverse_path: str
    recipients: tuple[Recipient, ...]
    content: Content


class NotReady(Exception):
    """The server was not brought to the point of MAIL.  `tls_broken`: it might be without TLS."""

    def __init__(self, reply: RemoteReply, *, tls_broken: bool = False) -> None:
        super().__init__(reply.text)
        self.reply = reply
        self.tls_broken = tls_broken


@dataclass(slots=True)
class Carried:
    """Outcomes by place in the errand's recipients; `undecided` ones are worth asking another host about."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    undecided: tuple[int, ...] = ()


def outcome_of(reply: RemoteReply, tls: str = "") -> Outcome:
    """2yz: delivered; 5yz, or our own words with a status of class 5: failed; everything else: later."""
    if 200 <= reply.code < 300:
        return Delivered(reply, tls)
    permanent = reply.code >= 500 if reply.code else reply.status.startswith("5")
    return Failed(reply) if permanent else Deferred(reply)


@dataclass(slots=True, eq=False)
class Line:
    """`errands` counts those that it was used for; `policy` is what TLS it has, which may be less than was asked."""

    target: Target
    policy: TlsPolicy
    connection: RemoteConnection
    tls: TlsClients
    aside: Aside = at_once
    carrying: Carrying = field(default_factory=Carrying)
    offer: Offer = field(default_factory=lambda: Offer({}))
    errands: int = 0

    @property
    def usable(self) -> bool:
        """Whether another errand may begin: the server has neither gone nor said anything unasked."""
        return self.connection.quiet

    # --- up to the point of MAIL -----------------------------------------------------------------------

    async def get_ready(self, login: LogIn | None) -> None:
        """NotReady."""
        if self.policy.need is Need.IMPLICIT:
            await self._handshake()
        self.offer = await self._greeted()
        match self.policy.step(offered="STARTTLS" in self.offer):
            case Step.GIVE_UP:
                raise self._trouble("4.7.0", f"{self.target.host} offers no STARTTLS, which is required")
            case Step.START_TLS:
                self.offer = await self._start_tls() or self.offer
        if login is not None:
            await self._log_in(login)

    async def _greeted(self) -> Offer:
        match await self.connection.event():
            case Greeted(offer):
                return offer
            case Ended(reply):
                raise NotReady(reply)
            case event:
                raise RuntimeError(f"unexpected {event}")

    async def _start_tls(self) -> Offer | None:
        """What is offered under TLS; None when the server would not, and need not."""
        self.connection.send(StartTls())
        match await self.connection.event():
            case TlsGo():
                await self._handshake()
                self.connection.tls_started()
                return await self._greeted_under_tls()
            case TlsRefused(reply) if self.policy.mandatory:
                raise NotReady(RemoteReply(reply.host, reply.code, "4.7.0", reply.text, reply.command))
            case TlsRefused(reply):
                log(Event.TLS_FAILED, listener="relay", ip=f"{self.target.host} [{self.target.ip}]", reason=reply.text)
                return None
            case Ended(reply):
                raise NotReady(reply, tls_broken=True)
            case event:
                raise RuntimeError(f"unexpected {event}")

    async def _handshake(self) -> None:
        try:
            await self.connection.start_tls(self.tls(self.target.host, verify=self.policy.verify))
            if self.policy.tlsa:
                check(self.policy.tlsa, self.connection.certificates(), self.policy.names)
        except TlsBroken as failure:
            raise self._trouble("4.7.5", str(failure), tls_broken=True) from failure
        except Mismatch as mismatch:
            raise self._trouble("4.7.5", f"DANE: {mismatch.reason}", tls_broken=True) from mismatch

    async def _greeted_under_tls(self) -> Offer:
        """With TLS 1.3 the server may refuse our side of the handshake only now."""
        try:
            return await self._greeted()
        except NotReady as trouble:
            raise NotReady(trouble.reply, tls_broken=trouble.reply.code == 0) from trouble

    async def _log_in(self, login: LogIn) -> None:
        """Whatever it says, the mail waits: our password is not the sender's fault."""
        self.connection.send(login)
        match await self.connection.event():
            case LoginRefused(reply) | Ended(reply):
                text = f"login as {login.user} refused: {reply.text}"
                raise NotReady(RemoteReply(reply.host, 0, "4.7.8", text, reply.command))

    def _trouble(self, status: str, text: str, *, tls_broken: bool = False) -> NotReady:
        if self.policy.asked:
            status = "5.7.10"  # RFC 8689 §4.2.1: the sender would rather have it back
        return NotReady(RemoteReply(self.target.host, 0, status, text, "STARTTLS"), tls_broken=tls_broken)

    # --- the mail --------------------------------------------------------------------------------------

    async def carry(self, errand: Errand) -> Carried:
        """In as many transactions as the server's limit of recipients asks for.  NotReady when it heard of nothing."""
        self.errands += 1
        if (hindrance := hindrance_of(errand.envelope, self.offer, self._time_left(errand.envelope))) is not None:
            raise NotReady(RemoteReply(self.target.host, 0, *hindrance, "EHLO"))
        content = await self._fit(errand)
        try:
            return await self._carry(replace(errand, content=content))
        finally:
            if content is not errand.content:
                content.close()

    async def _fit(self, errand: Errand) -> Content:
        """The message as this server can have it.  NotReady when it cannot."""
        if "8BITMIME" in self.offer or errand.envelope.smtputf8 or not self.carrying.converts:
            return errand.content
        signed = errand.content if isinstance(errand.content, Signed) else None
        bare = signed.bare if signed else errand.content
        try:
            fitted = await self.aside(lambda: fit_for_seven_bits(bare))
        except Unfit as unfit:
            text = f"the message has 8-bit octets, which this server does not take (8BITMIME), and {unfit}"
            raise NotReady(RemoteReply(self.target.host, 0, "5.6.3", text, "EHLO")) from unfit
        if fitted is bare:
            return errand.content
        return await signed.over(fitted) if signed else fitted

    async def _carry(self, errand: Errand) -> Carried:
        carried = Carried()
        places: Sequence[int] = range(len(errand.recipients))
        while places:
            match await self._transact(errand, places):
                case TransactionDone(replies, undecided):
                    self._note(carried, places, replies)
                    carried.undecided = tuple(places[i] for i in undecided)
                    places = _too_many(places, replies)
                case Ended(reply):
                    if not carried.outcomes:
                        raise NotReady(reply)
                    break
                case event:
                    raise RuntimeError(f"unexpected {event}")
        return carried

    def _note(self, carried: Carried, places: Sequence[int], replies: Sequence[RemoteReply]) -> None:
        for place, reply in zip(places, replies, strict=True):
            outcome = outcome_of(reply, self._tls_note())
            if isinstance(outcome, Delivered):
                outcome = replace(outcome, reports="DSN" in self.offer, keeps_time="DELIVERBY" in self.offer)
            carried.outcomes[place] = outcome

    def _tls_note(self) -> str:
        if not self.connection.tls:
            return ""
        return f"{self.connection.tls} {self.policy.worth}"

    def _time_left(self, envelope: Envelope) -> float:
        """Seconds of DELIVERBY; no end without it."""
        by = envelope.wishes.deliver_by
        return inf if by is None else by.timestamp() - self.connection.now

    async def _transact(self, errand: Errand, places: Sequence[int]) -> ClientEvent:
        recipients = [errand.recipients[place] for place in places]
        transaction = _transaction(errand, self.offer, recipients, self._time_left(errand.envelope))
        if self.carrying.chunking and "CHUNKING" in self.offer:
            tail = errand.content.read(max(errand.content.size - 2, 0), 2)
            transaction = replace(transaction, chunked=True, ends_line=tail in {b"", b"\r\n"})
        self.connection.send(transaction)
        event = await self.connection.event()
        if isinstance(event, BodyWanted):
            await self.connection.pour(errand.content)
            event = await self.connection.event()
        return event


def hindrance_of(envelope: Envelope, offer: Offer, time_left: float) -> tuple[str, str] | None:
    """Status and words for a message that this server cannot have as its sender wants it; None when it can."""
    wishes = envelope.wishes
    if wishes.tls is Tls.REQUIRED and envelope.reverse_path and "REQUIRETLS" not in offer:
        return "5.7.30", "the sender requires TLS all the way, and this server does not promise it (REQUIRETLS)"
    if not wishes.by_mode.startswith("R"):
        return None
    if "DELIVERBY" not in offer:
        return "5.3.3", "the sender has set a time, and this server does not keep times (DELIVERBY)"
    if time_left <= max(offer.least_time - 1, 0):
        return "5.4.7", "this server cannot deliver in the time that the sender has set"
    return None


def _too_many(places: Sequence[int], replies: Sequence[RemoteReply]) -> Sequence[int]:
    """Recipients beyond the server's limit, when some got through: once more for them.  RFC 5321 §4.5.3.1.10"""
    if not any(200 <= reply.code < 300 for reply in replies):
        return ()
    return [p for p, r in zip(places, replies, strict=True) if r.code in {452, 552} and r.command.startswith("RCPT")]


def _transaction(errand: Errand, offer: Offer, recipients: Sequence[Recipient], time_left: float) -> Transaction:
    envelope = errand.envelope
    wishes = envelope.wishes
    return Transaction(
        reverse_path=errand.reverse_path,
        recipients=tuple(recipients),
        size=errand.content.size,
        eight_bit="8BITMIME" in offer and (envelope.body != "7BIT" or _eight_bit(errand.content)),
        smtputf8=envelope.smtputf8,
        ret=envelope.ret,
        envid=envelope.envid,
        requiretls=wishes.tls is Tls.REQUIRED,
        priority=wishes.priority,
        by=f"{max(ceil(time_left), -999_999_999)};{wishes.by_mode}" if wishes.by_mode else "",
    )


def _eight_bit(content: Content) -> bool:
    """Many senders say 7BIT, or nothing, and send 8: look."""
    if content.size > _SCAN_MAX:
        return True
    return not all(content.read(offset, CHUNK).isascii() for offset in range(0, content.size, CHUNK))
