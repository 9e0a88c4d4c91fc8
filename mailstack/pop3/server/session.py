"""One POP3 session: what each command does."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from mailstack.accounts.api import Claim, Login, Principal
from mailstack.base.engine import Wire
from mailstack.base.errors import Condition, MailError
from mailstack.message.downgrade import for_ascii, octets_for_ascii
from mailstack.message.mime import Source
from mailstack.pop3.commands import (
    Auth,
    AuthLine,
    Capa,
    Command,
    Dele,
    Lang,
    List,
    Noop,
    Pass,
    Quit,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
    Utf8,
)
from mailstack.pop3.responses import Challenge, Closing, Err, Listing, Ok, Opening, Piece, Response, Whole
from mailstack.pop3.server import faults
from mailstack.pop3.server.body import PIECE, first_lines, whole
from mailstack.pop3.server.maildrop import Maildrop, NoSuchNumber, View
from mailstack.pop3.values import Pop3Limits
from mailstack.sasl import api as sasl
from mailstack.sasl.conversation import Conversation, LoggedIn, begin, offered, takes_passwords
from mailstack.store.api import Content, MailStore

__all__ = ["People", "Pop3Session", "Pop3Settings", "Shared"]

_NO_SUCH = Err("no such message")
_AT_ONCE = frozenset((Stat, List, Uidl, Dele, Rset, Noop))  # commands that need no waiting


@dataclass(frozen=True, slots=True)
class Pop3Settings:
    """What the configuration says about one POP3 listener."""

    limits: Pop3Limits = field(default_factory=Pop3Limits)
    starttls: bool = True  # the listener has a certificate
    clear_login_on_loopback: bool = False  # a login without TLS, for peers of this machine only
    newest: int = 0  # messages that are shown; 0: all
    newer_than_seconds: float = 0  # messages that are shown; 0: all
    login_delay_seconds: float = 0  # RFC 2449 §6.5
    take_over_seconds: float = 60  # of silence, after which another login takes the maildrop over
    mark_seen: bool = True  # QUIT marks as \Seen what RETR has sent
    name: str = "mailstack"  # for the greeting and IMPLEMENTATION


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of a listener have in common."""

    store: MailStore
    login: Login
    mechanisms: sasl.Mechanisms
    settings: Pop3Settings
    people: "People"
    now: Callable[[], float]  # UNIX seconds


@dataclass(slots=True)
class People:
    """Of all listeners: who holds a maildrop, and who was there last and when."""

    holders: dict[str, "Pop3Session"] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)


class Pop3Session:
    """`base.engine.Session` for POP3."""

    def __init__(self, shared: Shared, wire: Wire[Response]) -> None:
        self._shared = shared
        self._wire = wire
        self._exchange: Conversation | None = None
        self._open: Maildrop | None = None  # from login to QUIT
        self._account = ""  # whose it is
        self._utf8 = False  # the client has said so: RFC 6856 §2.1
        self._busy = False
        self._heard = 0.0

    # --- base.engine.Session --------------------------------------------------------------------------

    def greet(self) -> Response:
        return Ok(f"{self._shared.settings.name} ready")  # no <…>: that would offer APOP

    def tls_started(self) -> None:
        self._exchange = None

    def lost(self, reason: str) -> None:  # noqa: ARG002  the connection's log has it
        self._close()

    async def handle(self, event: Command) -> Response:
        self._busy = True
        try:
            return await self._answer(event)
        finally:
            self._busy = False
            self._heard = self._shared.now()

    async def _answer(self, event: Command) -> Response:
        try:
            if self._open is None:
                return await self._authorization(event)
            return self._ask(event) if type(event) in _AT_ONCE else await self._transaction(event)
        except MailError as failure:
            return faults.err(failure)
        except NoSuchNumber:
            return _NO_SUCH

    def _close(self) -> None:
        drop, self._open = self._open, None
        if drop is not None:
            drop.close()
            self._shared.people.holders.pop(self._account, None)

    # --- before login ---------------------------------------------------------------------------------

    async def _authorization(self, event: Command) -> Response:
        match event:
            case Capa():
                return self._capabilities()
            case User():
                self._must_take_passwords()
                return Ok("password?")
            case Pass(password, name):
                self._must_take_passwords()
                return await self._log_in(Claim("USER", name, password))
            case Auth("", _):
                return Listing("mechanisms:", "".join(f"{name}\r\n" for name in self._offered).encode())
            case Auth(mechanism, initial):
                return await self._begin_exchange(mechanism, initial)
            case AuthLine(data):
                return await self._step(data)
            case Stls():
                return Err("STLS comes before UTF8") if self._utf8 else self._stls()
            case Utf8():
                self._utf8 = True
                return Ok("UTF-8 it is")
            case Lang(language):
                return _language(language)
            case _:
                return Ok("goodbye")  # QUIT: the engine lets nothing else through

    def _capabilities(self) -> Listing:
        """RFC 2449 §5: what is offered before login is named after it too, so only TLS changes the list."""
        capabilities = [
            "TOP",
            "UIDL",
            "RESP-CODES",
            "AUTH-RESP-CODE",
            "PIPELINING",
            "EXPIRE NEVER",
            "UTF8 USER",
            "LANG",
        ]
        if delay := self._shared.settings.login_delay_seconds:
            capabilities.append(f"LOGIN-DELAY {delay:.0f}")
        if self._may_start_tls:
            capabilities.append("STLS")
        if not self._is_readable and takes_passwords(self._shared.mechanisms):
            capabilities.append("USER")
        if self._offered:
            capabilities.append(f"SASL {' '.join(self._offered)}")
        capabilities.append(f"IMPLEMENTATION {self._shared.settings.name}")
        return Listing("capabilities:", "".join(f"{line}\r\n" for line in capabilities).encode())

    @property
    def _offered(self) -> tuple[str, ...]:
        return () if self._is_readable else offered(self._shared.mechanisms, self._wire.peer)

    @property
    def _is_readable(self) -> bool:
        """Whether a password would travel in the clear, and may not."""
        peer = self._wire.peer
        return not (peer.tls or (peer.loopback and self._shared.settings.clear_login_on_loopback))

    @property
    def _may_start_tls(self) -> bool:
        return self._shared.settings.starttls and not self._wire.peer.tls

    def _must_be_private(self) -> None:
        if self._is_readable:
            advice = "say STLS first" if self._may_start_tls else "use the port with TLS"
            raise MailError(Condition.TLS_REQUIRED, f"no login without TLS: {advice}")

    def _must_take_passwords(self) -> None:
        self._must_be_private()
        if not takes_passwords(self._shared.mechanisms):
            raise MailError(Condition.NOT_ALLOWED, "no login by USER: use AUTH with a mechanism of CAPA")

    def _stls(self) -> Response:
        if self._may_start_tls:
            return Ok("begin TLS")
        return Err("TLS is on already" if self._wire.peer.tls else "no TLS here")

    async def _begin_exchange(self, mechanism: str, initial: bytes | None) -> Response:
        self._must_be_private()
        self._exchange = begin(self._shared.mechanisms, mechanism, self._shared.login, self._wire)
        if self._exchange is None:
            return Err("unknown mechanism")
        return await self._step(initial)

    async def _step(self, data: bytes | None) -> Response:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None, "the engine gives a line of an exchange within one only"
        match await exchange.hear(data):
            case sasl.Challenge(challenge):
                self._exchange = exchange
                return Challenge(challenge)
            case sasl.Refused():
                return Err("login failed: that was no name and password", "AUTH")
            case LoggedIn(principal):
                return await self._admit(principal)

    async def _log_in(self, claim: Claim) -> Response:
        return await self._admit(await self._shared.login.verify(claim, self._wire.peer, self._wire.cid))

    async def _admit(self, principal: Principal) -> Response:
        people, now, settings = self._shared.people, self._shared.now(), self._shared.settings
        self._account = principal.account
        if now - people.last.get(self._account, 0.0) < settings.login_delay_seconds:
            return Err("you were here a moment ago, wait a little", "LOGIN-DELAY")  # RFC 2449 §8.1.1
        holder = people.holders.get(self._account)
        if holder is not None:
            holder.give_way(now - settings.take_over_seconds)
        account = await self._shared.store.account(self._account)
        since = int(now - settings.newer_than_seconds) if settings.newer_than_seconds else 0
        self._open = await Maildrop.open(account, View(settings.newest, since))
        people.holders[self._account] = self
        if settings.login_delay_seconds:
            people.last[self._account] = now
        self._wire.settled()
        return Ok(_summary(self._open))

    def give_way(self, silent_since: float) -> None:
        """To another session of the account, when this one has been silent; nothing that it deleted is removed."""
        if not self._busy and self._heard <= silent_since:
            self._close()
            self._wire.close()

    # --- after login ----------------------------------------------------------------------------------

    @property
    def _drop(self) -> Maildrop:
        assert self._open is not None, "only called in the TRANSACTION state"
        return self._open

    async def _transaction(self, event: Command) -> Response:
        match event:
            case Retr(number):
                return await self._retr(number)
            case Top(number, lines):
                content = self._drop.content(number)
                shown = self._shown(content)
                return await self._send("the top of it follows", content, first_lines(shown, lines))
            case Lang(language):
                return _language(language)
            case Quit():
                return await self._quit()
            case _:
                return self._capabilities()  # CAPA: the rest is `_AT_ONCE`

    def _ask(self, event: Command) -> Response:
        """The commands that need no waiting."""
        drop = self._drop
        match event:
            case Dele(number):
                drop.delete(number)
                return Ok(f"message {number} deleted")
            case Stat():
                messages, octets = drop.stat()
                return Ok(f"{messages} {octets}")
            case List(None):
                return Listing(_summary(drop), drop.sizes())
            case List(int(number)):
                return Ok(f"{number} {drop.size(number)}")
            case Uidl(None):
                return Listing("unique ids:", drop.unique_ids())
            case Uidl(int(number)):
                return Ok(f"{number} {drop.unique_id(number)}")
            case Rset():
                drop.undelete_all()
                return Ok(_summary(drop))
            case Noop():
                return Ok("")
        raise AssertionError(f"{event!r} does not belong to this state")

    async def _retr(self, number: int) -> Response:
        drop = self._drop
        answer: Response
        if drop.size(number) <= PIECE:
            octets = drop.octets(number)
            if not self._utf8:
                octets = octets_for_ascii(octets)
            answer = Whole(f"{len(octets)} octets", octets)
        else:
            content = drop.content(number)
            shown = self._shown(content)
            answer = await self._send(f"{shown.size} octets", content, whole(shown))
        drop.sent(number)
        return answer

    def _shown(self, content: Content) -> Source:
        """A client that has not said UTF8 gets a surrogate of an internationalised message.  RFC 6856 §2.1

        quirk: LIST and STAT tell the size of the message itself, which is the other's but for the headers.
        """
        return content if self._utf8 else for_ascii(content)

    async def _send(self, text: str, content: Content, pieces: Iterator[bytes]) -> Response:
        """A body; from the second piece on the peer has to have read what came before."""
        with closing(content):
            self._wire.send(Opening(text))
            for number, piece in enumerate(pieces):
                if number:
                    await self._wire.room()
                self._wire.send(Piece(piece))
        return Closing()

    async def _quit(self) -> Response:
        """UPDATE.  The lock goes in any case; so does the connection, and that is the engine's.  RFC 1939 §6"""
        drop = self._drop
        try:
            await drop.update(mark_seen=self._shared.settings.mark_seen)
        except MailError as failure:
            raise MailError(
                failure.condition, "some deleted messages not removed", detail=f"{failure.public}; {failure.detail}"
            ) from failure
        finally:
            self._close()
        return Ok("goodbye")


def _language(asked: str) -> Response:
    """One there is: RFC 6856 §3 has it named in the answer.  `en` also stands for whoever likes en-GB best."""
    if not asked:
        return Listing("languages:", b"en English\r\n")
    known = asked == "*" or asked.partition("-")[0] == "en"
    return Ok("en English") if known else Err("this language is not spoken here")


def _summary(drop: Maildrop) -> str:
    messages, octets = drop.stat()
    return f"{messages} messages ({octets} octets)"
