"""One connection: greeting, HELO and EHLO, TLS, login, and everything that is not part of a mail."""

import base64
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

from mailstack.accounts.api import Login, Principal
from mailstack.base.engine import BodyAborted, BodyChunk, BodyEnd, Wire
from mailstack.base.errors import MailError
from mailstack.base.events import Event, log
from mailstack.base.ids import message_id
from mailstack.flow.api import Arriving, Flow
from mailstack.sasl import conversation
from mailstack.sasl.api import Challenge, Mechanisms, Refused
from mailstack.smtp import replies
from mailstack.smtp.engine import SmtpEngine
from mailstack.smtp.extensions.smtputf8 import SMTPUTF8
from mailstack.smtp.extensions.xclient import Xclient
from mailstack.smtp.grammar import CommandFault
from mailstack.smtp.server.faults import reply_for
from mailstack.smtp.server.listening import Listening
from mailstack.smtp.server.onbehalf import OnBehalf
from mailstack.smtp.server.transaction import Transaction
from mailstack.smtp.values import (
    Answer,
    Auth,
    AuthResponse,
    ChunkEnd,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Reply,
    Rset,
    SmtpEvent,
    SmtpLimits,
    StartTls,
    Vrfy,
)

__all__ = ["SmtpSession"]


class SmtpSession:
    """Its engine gives it only what is well-formed and in place."""

    def __init__(
        self,
        *,
        wire: Wire[Reply],
        engine: SmtpEngine,
        flow: Flow,
        login: Login,
        mechanisms: Mechanisms,
        limits: SmtpLimits,
        listening: Listening,
    ) -> None:
        self._wire, self._engine, self._flow, self._login = wire, engine, flow, login
        self._mechanisms, self._limits, self._listening = mechanisms, limits, listening
        self._helo = ""
        self._extended = False  # by EHLO
        self._principal: Principal | None = None
        self._exchange: conversation.Conversation | None = None
        self._transaction: Transaction | None = None
        engine.on_fault = self._fault
        self._proxy = wire  # who is really connected
        self._proxy_helo = ""  # what XCLIENT gave in place of HELO

    # --- what the connection calls ---------------------------------------------------------------------------

    def greet(self) -> Reply:
        self._renew_terms()
        return replies.greeting(self._listening.hostname, "LMTP" if self._listening.lmtp else "ESMTP")

    def handle(self, event: SmtpEvent) -> Coroutine[Any, Any, Answer | None]:
        return _HANDLERS[type(event)](self, event)

    def tls_started(self) -> None:
        """Nothing that was said in the clear counts any more.  RFC 3207 §4.2"""
        self._forget()
        self._helo = ""
        self._exchange = None
        self._renew_terms()

    def lost(self, reason: str) -> None:  # noqa: ARG002  the connection has logged it
        self._forget()
        self._exchange = None

    def _renew_terms(self) -> None:
        self._engine.terms = self._listening.terms(
            self._wire.peer,
            self._mechanisms,
            self._limits,
            authenticated=self._principal is not None,
            xclient=self._listening.may_speak_for_others(self._proxy.peer),
        )

    def _forget(self) -> None:
        """End the transaction, if there is one."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.discard()

    # --- who is there ------------------------------------------------------------------------------------------

    async def _on_helo(self, command: Helo) -> Reply:
        self._forget()
        self._helo, self._extended = command.domain, False
        return replies.hello(self._listening.hostname)

    async def _on_ehlo(self, command: Ehlo) -> Reply:
        self._forget()
        self._helo, self._extended = command.domain, True
        return replies.extensions(self._listening.hostname, self._engine.keywords())

    async def _on_starttls(self, _command: StartTls) -> Reply:
        if self._wire.peer.tls:
            return replies.TLS_ALREADY
        return replies.GO_AHEAD if self._listening.starttls else replies.NO_TLS_HERE

    async def _on_xclient(self, command: Xclient) -> Reply:
        """From here on somebody else is there; all that was said before is forgotten."""
        listening, said = self._listening, command.attributes
        if not listening.may_speak_for_others(self._proxy.peer):
            return replies.XCLIENT_NOT_FOR_YOU
        principal = listening.named(said["LOGIN"]) if said.get("LOGIN") else None
        if said.get("LOGIN") and not (listening.submission and principal):
            return replies.BAD_ARGUMENT
        self._forget()
        self._exchange, self._principal = None, principal
        self._helo = self._proxy_helo = said.get("HELO", "")
        self._wire = OnBehalf(self._proxy, said)
        return self.greet()

    # --- login ---------------------------------------------------------------------------------------------------

    async def _on_auth(self, command: Auth) -> Reply:
        if not self._listening.submission:
            return self._no_login(replies.AUTH_NOT_HERE)
        if not self._listening.may_log_in(self._wire.peer):
            return self._no_login(replies.AUTH_NEEDS_TLS)
        if self._principal is not None:
            return replies.ALREADY_LOGGED_IN
        self._exchange = conversation.begin(self._mechanisms, command.mechanism, self._login, self._wire)
        if self._exchange is None:
            return self._no_login(replies.UNKNOWN_MECHANISM)
        return await self._step(command.initial)

    def _no_login(self, reply: Reply) -> Reply:
        self._refused("AUTH", reply)
        return reply

    async def _on_auth_response(self, command: AuthResponse) -> Reply:
        return await self._step(command.data)

    async def _step(self, response: bytes | None) -> Reply:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        try:
            answer = await exchange.hear(response)
        except MailError as error:
            return reply_for(error)
        if isinstance(answer, Challenge):
            self._exchange = exchange
            return replies.challenge(base64.b64encode(answer.data).decode())
        if isinstance(answer, Refused):
            return replies.BAD_CREDENTIALS_FORM
        self._principal = answer.principal
        self._wire.settled()
        self._renew_terms()
        return replies.LOGGED_IN

    # --- a mail --------------------------------------------------------------------------------------------------

    async def _on_mail(self, command: Mail) -> Reply:
        if self._listening.submission and self._principal is None:
            may_log_in = self._listening.may_log_in(self._wire.peer)
            reply = replies.AUTH_REQUIRED if may_log_in else replies.TLS_AND_AUTH_REQUIRED
            self._refused(f"MAIL FROM:<{command.reverse_path}>", reply)
            return reply
        self._forget()  # what an internal error has left behind
        arriving = self._arriving(utf8=command.params[SMTPUTF8])
        transaction = Transaction(self._flow, self._limits, arriving, self._refused, lmtp=self._listening.lmtp)
        try:
            wishes = self._listening.wishes(command.params, self._principal)
        except CommandFault as fault:
            return fault.reply
        reply = await transaction.begin(command, wishes)
        if reply.positive:
            self._transaction = transaction
        return reply

    def _arriving(self, *, utf8: bool) -> Arriving:
        return Arriving(
            mid=message_id(),
            peer=self._wire.peer,
            cid=self._wire.cid,
            helo=self._proxy_helo or self._helo,
            protocol=self._protocol(utf8=utf8),
            principal=self._principal,
        )

    def _protocol(self, *, utf8: bool) -> str:
        """The "with" of Received: RFC 3848, RFC 6531 §4.3, and SMTP for who said HELO."""
        if not self._extended:
            return "SMTP"
        secured = f"{'S' * self._wire.peer.tls}{'A' * (self._principal is not None)}"
        if self._listening.lmtp:
            return f"{'UTF8' * utf8}LMTP{secured}"
        return f"{'UTF8SMTP' if utf8 else 'ESMTP'}{secured}"

    def _refused(self, step: str, reply: Reply, mail: Arriving | None = None, error: MailError | None = None) -> None:
        """With all that somebody may ask by later: who wanted to write to whom, and what we said."""
        peer = self._wire.peer
        log(
            Event.MAIL_REFUSED,
            cid=self._wire.cid,
            listener=peer.listener,
            ip=peer.ip,
            step=step,
            reason=reply.text if error is None else str(error),
            reply=reply.spoken,
            helo=self._helo,
            mid=mail.mid if mail else "",
            account=self._principal.account if self._principal else "",
            reverse_path=mail.reverse_path if mail else "",
            recipients=[recipient.address for recipient in mail.recipients] if mail else [],
            condition=error.condition.name if error else "",
            detail=error.detail if error else "",
        )

    def _fault(self, command: str, reply: Reply) -> None:
        """The engine has answered by itself: nothing that could be understood, or stood, there."""
        self._refused(command, reply, self._transaction.mail if self._transaction else None)

    async def _on_rcpt(self, command: Rcpt) -> Reply:
        return await self._open().recipient(command)

    async def _on_data(self, _command: Data) -> Reply:
        return self._open().data()

    async def _on_chunk(self, event: BodyChunk) -> None:
        self._open().chunk(event)

    async def _on_chunk_end(self, event: ChunkEnd) -> Reply:
        reply = self._open().chunk_end(event)
        if not reply.positive:
            self._forget()
        return reply

    async def _on_end(self, _event: BodyEnd) -> Answer:
        transaction = self._open()
        self._transaction = None
        return await (transaction.end_for_each() if self._listening.lmtp else transaction.end())

    async def _on_aborted(self, event: BodyAborted) -> None:
        transaction = self._open()
        self._transaction = None
        transaction.aborted(event)

    def _open(self) -> Transaction:
        assert self._transaction is not None  # the engine's states say so
        return self._transaction

    # --- the rest ----------------------------------------------------------------------------------------------

    async def _on_rset(self, _command: Rset) -> Reply:
        self._forget()
        return replies.RSET_OK

    async def _on_noop(self, _command: Noop) -> Reply:
        return replies.OK

    async def _on_quit(self, _command: Quit) -> Reply:
        self._forget()
        return replies.bye(self._listening.hostname)

    async def _on_vrfy(self, _command: Vrfy) -> Reply:
        return replies.CANNOT_VRFY

    async def _on_expn(self, _command: Expn) -> Reply:
        return replies.NOT_IMPLEMENTED

    async def _on_help(self, _command: Help) -> Reply:
        return replies.help_text(" ".join(self._engine.verbs))


_HANDLERS: Mapping[type, Callable[[SmtpSession, Any], Coroutine[Any, Any, Answer | None]]] = MappingProxyType(
    {
        Helo: SmtpSession._on_helo,  # noqa: SLF001  the class's own table
        Ehlo: SmtpSession._on_ehlo,  # noqa: SLF001
        StartTls: SmtpSession._on_starttls,  # noqa: SLF001
        Auth: SmtpSession._on_auth,  # noqa: SLF001
        AuthResponse: SmtpSession._on_auth_response,  # noqa: SLF001
        Mail: SmtpSession._on_mail,  # noqa: SLF001
        Rcpt: SmtpSession._on_rcpt,  # noqa: SLF001
        Data: SmtpSession._on_data,  # noqa: SLF001
        BodyChunk: SmtpSession._on_chunk,  # noqa: SLF001
        ChunkEnd: SmtpSession._on_chunk_end,  # noqa: SLF001
        BodyEnd: SmtpSession._on_end,  # noqa: SLF001
        BodyAborted: SmtpSession._on_aborted,  # noqa: SLF001
        Rset: SmtpSession._on_rset,  # noqa: SLF001
        Noop: SmtpSession._on_noop,  # noqa: SLF001
        Xclient: SmtpSession._on_xclient,  # noqa: SLF001
        Quit: SmtpSession._on_quit,  # noqa: SLF001
        Vrfy: SmtpSession._on_vrfy,  # noqa: SLF001
        Expn: SmtpSession._on_expn,  # noqa: SLF001
        Help: SmtpSession._on_help,  # noqa: SLF001
    }
)
