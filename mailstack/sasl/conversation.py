"""The way from a client's first word to a login, the same in SMTP, POP3 and IMAP.

The protocols around it have only their own wrapping to do: base64, continuation
lines, and the words for success and failure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mailstack.accounts.api import Login, Principal
from mailstack.base.engine import Peer, Wire
from mailstack.base.errors import Condition, MailError
from mailstack.base.events import Event, log
from mailstack.sasl.api import Challenge, Channel, Done, Mechanisms, NeedKeys, Refused, ServerExchange

__all__ = ["Conversation", "LoggedIn", "begin", "offered", "takes_passwords"]

_EXTERNAL = "EXTERNAL"
_PLUS = "-PLUS"  # the end of a name means channel binding: RFC 5802 §4
_CLEAR_TEXT = frozenset({"PLAIN", "LOGIN"})


@dataclass(frozen=True, slots=True)
class LoggedIn:
    principal: Principal


def offered(mechanisms: Iterable[str], peer: Peer) -> tuple[str, ...]:
    """Those that work on the connection as it is now: without TLS there is no channel to bind to, and EXTERNAL is for
    who has shown a certificate."""
    hidden = (() if peer.tls else (_PLUS,)) + (() if peer.addresses else (_EXTERNAL,))
    return tuple(name for name in mechanisms if not name.endswith(hidden)) if hidden else tuple(mechanisms)


def takes_passwords(mechanisms: Iterable[str]) -> bool:
    """Whether the password itself may be said: by PLAIN, and then by IMAP's LOGIN and POP3's USER as well."""
    return not _CLEAR_TEXT.isdisjoint(mechanisms)


def begin(mechanisms: Mechanisms, name: str, login: Login, wire: Wire[Any]) -> "Conversation | None":
    """None when there is no such mechanism here and now."""
    names = offered(mechanisms, wire.peer)
    if name not in names:
        return None
    return Conversation(mechanisms[name](), login, wire, binding_offered=f"{name.removesuffix(_PLUS)}{_PLUS}" in names)


class Conversation:
    """One exchange; whoever holds it drops it after anything but a Challenge, and when the client gives up."""

    def __init__(self, exchange: ServerExchange, login: Login, wire: Wire[Any], *, binding_offered: bool) -> None:
        self._exchange, self._login, self._wire = exchange, login, wire
        self._binding_offered = binding_offered
        self._proved: Principal | None = None  # waits for the client's empty last word
        self._failed: MailError | None = None  # waits for the client's word on what it was told of the failure

    async def hear(self, response: bytes | None) -> Challenge | Refused | LoggedIn:
        """What is to be answered to the client's decoded `response`; None: it began without saying anything.

        MailError as `Login.verify`.
        """
        if self._failed is not None:
            raise self._failed
        if self._proved is not None:
            return self._refuse("something after the end") if response else LoggedIn(self._proved)
        outcome = self._exchange.step(response)
        if isinstance(outcome, NeedKeys):
            outcome = await self._supply(outcome)
        if isinstance(outcome, Done):
            return await self._check(outcome)
        return self._refuse(outcome.reason) if isinstance(outcome, Refused) else outcome

    async def _supply(self, need: NeedKeys) -> Challenge | Refused:
        keys = await self._login.scram_keys(need.name, need.algorithm)
        binding = self._wire.channel_binding(need.binding) if need.binding else None
        return need.go_on(keys, Channel(binding, self._binding_offered))

    async def _check(self, done: Done) -> Challenge | LoggedIn:
        try:
            principal = await self._login.verify(done.claim, self._wire.peer, self._wire.cid)
        except MailError as failure:
            if done.regret is None or failure.condition is not Condition.LOGIN_FAILED:
                raise
            self._failed = failure
            return Challenge(done.regret)
        if done.last is None:
            return LoggedIn(principal)
        self._proved = principal
        return Challenge(done.last)

    def _refuse(self, reason: str) -> Refused:
        """It comes to no claim, so `accounts.login` never sees it."""
        peer = self._wire.peer
        log(Event.LOGIN_FAILED, cid=self._wire.cid, listener=peer.listener, name="", ip=peer.ip, reason=reason)
        return Refused(reason)
