"""One IMAP connection's acting side: runs the rows' handlers, and brings news to the client.

What every command needs is here: who is logged in, what is open, room for output,
failures in IMAP's words, and the flush of the view behind each command.  What a single
command does is in `commands/`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailstack.accounts.api import Claim, Login, Principal
from mailstack.base.engine import BodyAborted, BodyChunk, Wire
from mailstack.base.errors import Condition, MailError, ParseFault
from mailstack.base.events import Event, log
from mailstack.imap.engine import AppendEnd, AppendStart, Continued, ImapEvent, Request
from mailstack.imap.names import parents
from mailstack.imap.notify import EVERYTHING, Notifying, Wanted
from mailstack.imap.responses import Bye, Continue, Done, Ok, Raw, Response, Untagged
from mailstack.imap.responses import mailbox as mailbox_name
from mailstack.imap.search import Key, by_number
from mailstack.imap.server import capabilities, faults
from mailstack.imap.server.enabled import Enabled
from mailstack.imap.server.selected import Answers, Selected
from mailstack.imap.values import ImapLimits, Row, Seqs, Sink
from mailstack.imap.view import View
from mailstack.sasl.api import Mechanisms
from mailstack.sasl.conversation import Conversation, begin, offered, takes_passwords
from mailstack.store.api import MailAccount, Mailbox, MailStore
from mailstack.store.values import Staged

__all__ = ["ImapSettings", "Session", "Shared"]

_HELD_OCTETS = 4 * 1024 * 1024  # of APPEND's messages, before the next ones wait in files
_NOTIFIED_UNREAD = 1024 * 1024  # octets pushed to a peer that does not read, before NOTIFY ends
_REMOVES = frozenset({b"EXPUNGE", b"UID EXPUNGE", b"MOVE", b"UID MOVE", b"REPLACE", b"UID REPLACE"})
_PROGRESS_SECONDS = 10  # RFC 9585 §4: not more often
_OUTPUT_HIGH_WATER = 64 * 1024  # octets written before the session looks whether the peer reads


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """What the configuration says about one IMAP listener."""

    limits: ImapLimits
    starttls: bool = True  # the listener has a certificate
    clear_login_on_loopback: bool = False  # a login without TLS, for peers of this machine only
    name: str = "mailstack"  # for ID and the greeting
    version: str = ""
    comment: str = ""  # METADATA's /shared/comment of the server
    admin: str = ""  # and /shared/admin, a URI


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of a listener have in common."""

    store: MailStore
    login: Login
    mechanisms: Mechanisms
    settings: ImapSettings
    capabilities: bytes  # after login
    sessions: dict[str, int]  # how many an account has; shared by all listeners
    now: Callable[[], datetime]


class Session:
    """`base.engine.Session` for IMAP."""

    def __init__(self, shared: Shared, wire: Wire[Response]) -> None:
        self._shared = shared
        self._wire = wire
        self._account: MailAccount | None = None
        self._row: Row | None = None  # the command in progress
        self._command: object = None  # APPEND's, until its message is whole
        self._written = 0  # octets since the last look at the peer
        self._staged: Staged | None = None
        self._finished: list[tuple[object, Staged]] = []  # messages of the present APPEND that are whole
        self._held = 0  # their octets
        self._staging_failed: MailError | None = None
        self.ended_with: object = None  # what stood behind the last literal of the present APPEND
        self._busy = False  # a handler runs, or its answer is on the way
        self.principal: Principal | None = None
        self.selected: Selected | None = None
        self.exchange: Conversation | None = None  # SASL, between its steps
        self.idling = False
        self.enabled = Enabled()
        self.compressed = False  # RFC 4978
        self._heard = shared.now()  # of the command in progress: when it came, or when the client was told last
        self.tag = b""  # of the command in progress; ESEARCH repeats it
        self._notified: Notifying | None = None  # NOTIFY's other mailboxes
        self._wanted = EVERYTHING  # of the selected one
        self._answers: Answers | None = None
        self.token = object()  # marks this session's own flag changes

    # --- what handlers use --------------------------------------------------------------------------------

    @property
    def store(self) -> MailStore:
        return self._shared.store

    @property
    def limits(self) -> ImapLimits:
        return self._shared.settings.limits

    @property
    def settings(self) -> ImapSettings:
        return self._shared.settings

    @property
    def now(self) -> datetime:
        return self._shared.now()

    @property
    def account(self) -> MailAccount:
        assert self._account is not None, "the row's states let this run before login"
        return self._account

    @property
    def mailbox(self) -> Mailbox:
        return self._open.mailbox

    @property
    def view(self) -> View:
        return self._open.view

    @property
    def read_only(self) -> bool:
        return self._open.read_only

    @property
    def messages(self) -> Sequence[tuple[object, Staged]]:
        """APPEND's literals, whole: (what its parser made of what stood before each, the octets)."""
        return self._finished

    @property
    def _open(self) -> Selected:
        assert self.selected is not None, "the row's states let this run without a mailbox"
        return self.selected

    @property
    def clear_text(self) -> bool:
        """Whether a password would travel readable, and may not.  DESIGN §3"""
        peer = self._wire.peer
        return not (peer.tls or (peer.loopback and self.settings.clear_login_on_loopback))

    @property
    def takes_passwords(self) -> bool:
        return takes_passwords(self._shared.mechanisms)

    @property
    def starttls(self) -> bool:
        """Whether STARTTLS may be said now."""
        return self.settings.starttls and not self._wire.peer.tls

    @property
    def capabilities(self) -> bytes:
        """The list for this state.  RFC 9051 §7.2.2"""
        if self._account is not None:
            return self._shared.capabilities
        return capabilities.before_login(
            self._shared.capabilities,
            starttls=self.starttls,
            login=not self.clear_text,
            mechanisms=offered(self._shared.mechanisms, self._wire.peer),
        )

    def converse(self, mechanism: str) -> Conversation | None:
        """A new exchange; None when there is no such mechanism here and now."""
        return begin(self._shared.mechanisms, mechanism, self._shared.login, self._wire)

    async def log_in(self, claim: Claim) -> Done:
        """Check the claim, open the account.  MailError."""
        return await self.admit(await self._shared.login.verify(claim, self._wire.peer, self._wire.cid))

    async def admit(self, principal: Principal) -> Done:
        """Open the account.  MailError."""
        self._admit(principal.account)
        try:
            self._account = await self.store.account(principal.account)
        except BaseException:
            self._dismiss(principal.account)
            raise
        self.principal = principal
        self._wire.settled()
        return Done("Logged in", b"CAPABILITY " + self.capabilities)

    def log_out(self) -> None:
        """As it was before the login.  RFC 8437 §4.1"""
        self.deselect()
        self.notify(None, EVERYTHING)
        self.enabled = Enabled()
        self._account = None
        if self.principal is not None:
            self._dismiss(self.principal.account)
            self.principal = None

    def _admit(self, account: str) -> None:
        sessions = self._shared.sessions
        if sessions.get(account, 0) >= self.limits.sessions_per_account:
            peer = self._wire.peer
            log(
                Event.CONNECTION_REFUSED,
                listener=peer.listener,
                ip=peer.ip,
                reason=f"{account} has {sessions[account]} sessions",
            )
            raise MailError(Condition.TOO_MANY_CONNECTIONS, "Too many connections of this account")
        sessions[account] = sessions.get(account, 0) + 1

    def _dismiss(self, account: str) -> None:
        left = self._shared.sessions[account] - 1
        if left:
            self._shared.sessions[account] = left
        else:
            del self._shared.sessions[account]

    def wire_name(self, name: str) -> bytes:
        """A mailbox's name as this client reads names."""
        return mailbox_name(name, utf8=self.enabled.utf8)

    def select(self, mailbox: Mailbox, recent_from: int, *, read_only: bool) -> Selected:
        """Open it in place of what was open."""
        self.deselect()
        self.selected = Selected(
            mailbox,
            recent_from,
            read_only=read_only,
            enabled=self.enabled,
            token=self.token,
            on_news=self.news_arrived,
            wanted=self._wanted,
            answers=self._answers,
            now=lambda: self.now,
        )
        if self._notified is not None:
            self._notified.selected = mailbox.folder.id
        return self.selected

    def notify(self, notified: Notifying | None, wanted: Wanted, answers: Answers | None = None) -> None:
        """What the client wants to be told from now on, in place of what it was.  RFC 5465 §3.1"""
        if self._notified is not None:
            self._notified.close()
        self._notified, self._wanted, self._answers = notified, wanted, answers
        if self.selected is not None:
            self.selected.wanted, self.selected.answers = wanted, answers
            if notified is not None:
                notified.selected = self.selected.mailbox.folder.id

    async def tell_all(self) -> None:
        """All news of the selected mailbox, whatever NOTIFY says."""
        if self.selected is not None:
            self.selected.wanted = EVERYTHING
            await self._tell(expunge=True)

    def works_on(self, *names: str) -> None:
        """The command in progress changes these names (and makes those above them): its client knows.  RFC 5465 §5"""
        if self._notified is not None:
            self._notified.own_names = frozenset((*names, *(above for name in names for above in parents(name))))

    async def know_modseqs(self, out: Sink) -> None:
        """The client has shown that it knows modseqs: tell them from now on.  RFC 7162 §3.1"""
        if not self.enabled.condstore:
            self.enabled.condstore = True
            if self.selected is not None:
                await out(Ok("Modseqs are told from now on", b"HIGHESTMODSEQ %d" % self.selected.highest_modseq))

    def deselect(self) -> None:
        if self.selected is not None:
            self.selected.close()
            self.selected = None
            if self._notified is not None:
                self._notified.selected = None

    async def out(self, response: Response) -> None:
        """The Sink of every handler.  ConnectionError once the connection is lost."""
        self._wire.send(response)
        if isinstance(response, Raw):
            self._written += len(response.data)
        elif isinstance(response, Untagged):
            self._written += len(response.text)
        if self._written > _OUTPUT_HIGH_WATER:
            await self.pause()

    async def pause(self) -> None:
        """Amid long work: let what was written go, and others have their turn; a client that waits long is told so."""
        self._written = 0
        now = self.now
        if (now - self._heard).total_seconds() >= _PROGRESS_SECONDS:
            self._heard = now
            self._wire.send(Ok("Still at it", b'INPROGRESS ("%b" NIL NIL)' % self.tag))  # RFC 9585 §4
        await self._wire.room()

    # --- base.engine.Session ------------------------------------------------------------------------------

    def greet(self) -> Response:
        return Ok(f"{self.settings.name} ready", b"CAPABILITY " + self.capabilities)

    async def handle(self, event: ImapEvent) -> Response | None:
        self._busy = True
        try:
            if isinstance(event, Request):
                self.idling = False
                self.tag = event.tag
                self._heard = self.now
                if self.enabled.uidonly and self._numbers_messages(event):
                    return Done.bad("Message numbers are not used here any more", b"UIDREQUIRED")
                return await self._run(event.row, event.row.handle(event.command, self, self.out))
            return await self._act(event)
        finally:
            self._busy = False

    def _numbers_messages(self, request: Request) -> bool:
        """Whether to refuse a command for its message numbers.  RFC 9586 §3.1

        quirk: FETCH of numbers after ENABLE UIDONLY (Outlook's servers) ends the mode, for else its user sees no mail:
        the client has counted EXISTS and VANISHED, so its numbers are right.
        """
        row = request.row
        if row.name == b"FETCH":
            self.enabled.uidonly = False
            log(Event.IMAP_UIDONLY_DROPPED, cid=self._wire.cid)
            return False
        if row.uid_form and not row.name.startswith(b"UID "):
            return True
        key: Key | None = getattr(request.command, "key", None)
        return key is not None and by_number(key)

    async def _act(self, event: ImapEvent) -> Response | None:
        match event:
            case Continued(line):
                assert self._row is not None
                assert self._row.resume is not None
                return await self._run(self._row, self._row.resume(line, self, self.out))
            case AppendStart(_, row, command):
                return await self._begin(row, command)
            case BodyChunk(data):
                self._keep(data)
            case AppendEnd(command):
                return await self._append(command)
            case BodyAborted():
                self._discard()
        return None

    def tls_started(self) -> None:
        """Nothing was known before login; a half-done SASL exchange is void.  RFC 9051 §6.2.1"""
        self.exchange = None

    def lost(self, reason: str) -> None:  # noqa: ARG002  the connection has logged it
        self.log_out()
        self._discard()
        self.exchange = None

    # --- running commands -----------------------------------------------------------------------------------

    async def _run(self, row: Row, handling: Awaitable[Done | Continue]) -> Done | Continue:
        """One handler (or its next step), its failures in IMAP's words, then the news."""
        self._row = row
        try:
            done = await handling
        except MailError as failure:
            done = faults.done(failure)
        except ParseFault as fault:
            done = Done.bad(str(fault))
        if self.selected is not None and self.selected.has_news:
            await self._tell(expunge=bool(row.seqs & Seqs.BREAKS), own=row.name in _REMOVES)
        if self._notified is not None:
            for line in self._notified.flush():
                await self.out(Raw(line))
            self._notified.own_names = frozenset()
        return done

    async def _tell(self, *, expunge: bool, own: bool = False) -> None:
        """What the client may hear now; BYE when its mailbox is no more.  RFC 9051 §7.5.1"""
        selected = self.selected
        if selected is None:
            return
        told = True
        while told:
            told = False
            for block in selected.flush(expunge=expunge, own=own):
                await self.out(Raw(block))
                # others ran while the block left: what came then must not wait for the next command, for in IDLE
                # there is none (news that may not be told yet waits anyway)
                told = expunge
        if selected.invalid is not None:
            await self.out(_goodbye(selected))

    def news_arrived(self) -> None:
        """Between commands IDLE and NOTIFY hear at once; a mailbox that is no more ends the session in any case."""
        selected = self.selected
        if self._busy:
            return
        if self._notified is not None and self._overflows():
            return
        told: list[bytes] = []
        if selected is not None and (self.idling or self._wanted.at_once):
            told += selected.flush(expunge=self.idling or self._wanted.expunge_at_once)
        if self._notified is not None:
            told += self._notified.flush()
        octets = b"".join(told)
        if octets:
            self._wire.send(Raw(octets))
        if selected is not None and selected.invalid is not None:
            self._wire.send(_goodbye(selected))

    def _overflows(self) -> bool:
        """The client does not read what it has asked for: it is told less from now on.  RFC 5465 §5.8"""
        assert self._notified is not None
        if self._wire.unread < _NOTIFIED_UNREAD and not self._notified.overflows:
            return False
        self.notify(None, Wanted.of(None))
        self._wire.send(Ok("Too much news for a client that does not read", b"NOTIFICATIONOVERFLOW"))
        return True

    # --- APPEND's message --------------------------------------------------------------------------------------

    async def _begin(self, row: Row, command: object) -> Done | Continue:
        assert row.begin is not None
        self._row = row
        try:
            self._finish()
            begun = await row.begin(command, self)
        except MailError as failure:
            begun = faults.done(failure)
        except ParseFault as fault:
            begun = Done.bad(str(fault))
        if isinstance(begun, Done):
            self._discard()
            return begun
        self._command, self._staged = command, begun
        return Continue()

    def _keep(self, data: bytes) -> None:
        """After a failure the rest still has to be read: it is on its way."""
        if self._staging_failed is None:
            try:
                assert self._staged is not None
                self._staged.write(data)
            except OSError as failure:
                self._staging_failed = MailError(
                    Condition.STORAGE_FULL, "Message could not be stored", detail=str(failure)
                )

    async def _append(self, end: object) -> Done | Continue:
        assert self._row is not None
        try:
            return await self._run(self._row, self._finish_and_append(self._row, end))
        finally:
            self._discard()

    async def _finish_and_append(self, row: Row, end: object) -> Done | Continue:
        self._finish()
        command, _ = self._finished[0]
        self.ended_with = end
        return await row.handle(command, self, self.out)

    def _finish(self) -> None:
        """The present message, if there is one, is whole.  MailError when it could not be written.

        Of thousands in one command only the first few stay in memory.
        """
        if self._staging_failed is not None:
            raise self._staging_failed
        if self._staged is None:
            return
        try:
            self._staged.finish()
            self._held += self._staged.size
            if self._held > _HELD_OCTETS:
                self._staged.park()
        except OSError as failure:
            raise MailError(Condition.STORAGE_FULL, "Message could not be stored", detail=str(failure)) from failure
        self._finished.append((self._command, self._staged))
        self._staged = None

    def _discard(self) -> None:
        if self._staged is not None:
            self._staged.discard()
            self._staged = None
        for _, staged in self._finished:
            staged.discard()
        self._finished.clear()
        self._held = 0
        self._staging_failed = None


def _goodbye(selected: Selected) -> Bye:
    return Bye(f"Mailbox is gone: {selected.invalid}", b"UNAVAILABLE")
