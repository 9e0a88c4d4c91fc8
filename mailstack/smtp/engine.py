"""The server's side of SMTP as a machine: octets → commands and body events; replies → octets.

Rules of the table `_NEXT`: only a positive reply moves the state, and it moves as
the *command* says; what ends a body ends it whatever the reply is.  All
transitions are in `_move`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mailstack.base.engine import NEED_DATA, After, BodyAborted, BodyChunk, BodyEnd, NeedData
from mailstack.base.framing import BareLineEnd, Framer, LineTooLong
from mailstack.smtp import body as body_layers
from mailstack.smtp import extensions, replies
from mailstack.smtp.body import BodyFault, ChunkDecoder, DataDecoder, TextCheck
from mailstack.smtp.commands import VERBS, is_foreign
from mailstack.smtp.extensions import auth, chunking
from mailstack.smtp.extensions.eightbitmime import BODY
from mailstack.smtp.extensions.lmtp import lmtp_verbs
from mailstack.smtp.extensions.smtputf8 import SMTPUTF8
from mailstack.smtp.extensions.xclient import Xclient
from mailstack.smtp.grammar import CommandFault, Context, Extension, State, Verb
from mailstack.smtp.values import (
    Answer,
    Auth,
    AuthResponse,
    BareLineEnds,
    Bdat,
    ChunkEnd,
    Command,
    Data,
    Ehlo,
    Helo,
    Mail,
    Quit,
    Rcpt,
    Replies,
    Reply,
    Rset,
    SmtpEvent,
    SmtpLimits,
    StartTls,
    Terms,
)

__all__ = ["SmtpEngine"]

# what a positive reply to a command makes of the state; a command that is not here leaves it
_NEXT: Mapping[type[SmtpEvent], State] = MappingProxyType(
    {
        Helo: State.GREETED,
        Ehlo: State.GREETED,
        Mail: State.MAIL,
        Rcpt: State.RCPT,
        Data: State.BODY,
        Rset: State.GREETED,
        Xclient: State.FRESH,  # the conversation begins anew
    }
)

# what a command hears that is legal elsewhere
_OUT_OF_PLACE = MappingProxyType(
    {
        State.FRESH: replies.EHLO_FIRST,
        State.GREETED: replies.MAIL_FIRST,
        State.MAIL: replies.NOT_IN_TRANSACTION,
        State.RCPT: replies.NOT_IN_TRANSACTION,
        State.CHUNKS: replies.BDAT_BEGUN,
    }
)

_BODY_REFUSALS = MappingProxyType(
    {
        body_layers.BodyTooBig: replies.MESSAGE_TOO_BIG,
        body_layers.BareLineEnd: replies.BARE_LINE_END_IN_DATA,
        body_layers.TextLineTooLong: replies.TEXT_LINE_TOO_LONG,
    }
)

_BODY_OCTETS = 32 * 1024  # decoded at a time: what lies behind the end of the data is put back
_TOLD_OCTETS = 400  # of a faulty command, for the log
_TLS_RECORD = b"\x16\x03"  # a ClientHello on a port that begins in the clear


class SmtpEngine:
    """One connection.  `terms` is the session's to replace."""

    def __init__(self, limits: SmtpLimits, terms: Terms, offered: tuple[Extension, ...] = extensions.ALL) -> None:
        self._limits = limits
        self._extensions = offered
        self._verbs: dict[str, Verb] = dict(VERBS)
        for extension in offered:
            self._verbs.update((verb.name, verb) for verb in extension.verbs)
        if terms.lmtp:
            self._verbs = lmtp_verbs(self._verbs)
        self.terms = terms
        self.on_fault: Callable[[str, Reply], None] = _nobody  # told of lines that never become an event
        self._framer = Framer()
        self._out = bytearray()
        self._after = After.GO_ON
        self._state = State.FRESH
        self._waiting: SmtpEvent | None = None  # an event that has no answer yet
        self._utf8 = self._binary = False  # SMTPUTF8, BINARYMIME were asked for in this transaction
        self._decoder: DataDecoder | ChunkDecoder = DataDecoder()
        self._last = True  # behind these octets the message is whole
        self._back_to: State | None = None  # where a swallowed chunk leads
        self._check: TextCheck | None = None
        self._refusal: Reply | None = None  # what the end of the body will hear
        self._drained = 0
        self._bodies = self._body_octets = 0  # how many there were, and how much has come of this one
        self._taken = 0  # recipients of this message
        self._faults = self._refusals = self._failed_logins = 0
        self._stopping = self._eof = self._cut_off = False

    # --- what the connection and the session see -------------------------------------------------------------

    @property
    def errors(self) -> int:
        """Commands that were refused or not understood."""
        return self._faults + self._refusals + self._failed_logins

    @property
    def terms(self) -> Terms:
        return self._terms

    @terms.setter
    def terms(self, terms: Terms) -> None:
        self._terms = terms
        offered = [extension for extension in self._extensions if extension.line(terms) is not None]
        self._mail_params = {param.keyword: param for extension in offered for param in extension.mail}
        self._rcpt_params = {param.keyword: param for extension in offered for param in extension.rcpt}

    @property
    def state(self) -> State:
        return self._state

    @property
    def verbs(self) -> tuple[str, ...]:
        """All that is understood, for HELP."""
        return tuple(sorted(self._verbs))

    def keywords(self) -> tuple[str, ...]:
        """The lines of EHLO under the present terms."""
        lines = (extension.line(self._terms) for extension in self._extensions)
        return tuple(line for line in lines if line is not None)

    @property
    def after(self) -> After:
        return self._after

    @property
    def buffered(self) -> int:
        return len(self._framer)

    @property
    def idle_limit(self) -> float:
        return self._limits.data_seconds if self._state is State.BODY else self._limits.command_seconds

    @property
    def body_pace(self) -> tuple[int, float]:
        """`base.engine.Paced`"""
        number = self._bodies if self._state is State.BODY else 0
        return number, self._limits.body_seconds + self._body_octets / 1024

    def data_to_send(self) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> None:
        self._framer.feed(data)

    def receive_eof(self) -> None:
        self._eof = True

    def next_event(self) -> SmtpEvent | NeedData:
        while self._waiting is None and self._after is After.GO_ON:
            event = self._body_event() if self._state is State.BODY else self._line_event()
            if event is None:
                continue  # the engine has answered by itself
            if isinstance(event, NeedData):
                return self._starved()
            if not isinstance(event, (BodyChunk, BodyAborted)):
                self._waiting = event
            return event
        return NEED_DATA

    def _starved(self) -> BodyAborted | NeedData:
        """Nothing whole is left; a body that ends here has been cut off."""
        if self._eof and self._state is State.BODY and self._refusal is None and not self._cut_off:
            self._cut_off = True
            return BodyAborted("connection ended within the data")
        return NEED_DATA

    def send(self, reply: Answer) -> None:
        event, self._waiting = self._waiting, None
        reply = self._counted(event, reply)
        if self._terms.lmtp and type(event) is BodyEnd and isinstance(reply, Reply) and reply.code != 421:
            reply = Replies((reply,) * self._taken)
        self._out += reply.encode()
        if event is not None:
            self._taken = self._taken_by(event, reply)
            self._move(event, reply)
        if reply.code == 421:
            self._close()
        elif self._stopping:
            self.shutting_down()

    # --- from the outside: TLS, time, the end, trouble -----------------------------------------------------

    def tls_started(self) -> None:
        self._framer.clear()
        self._after = After.GO_ON
        self._state = State.FRESH

    def timed_out(self) -> None:
        self._say_last(replies.timed_out(self._terms.hostname))

    def shutting_down(self) -> None:
        """421 where a reply may stand: not within the data, nor before the answer that is being made."""
        self._stopping = True
        if self._waiting is None and self._state is not State.BODY and self._after is After.GO_ON:
            self._say_last(replies.shutting_down(self._terms.hostname))

    def internal_error(self, error_id: str) -> None:
        """The session failed.  Within a body, the rest of it is read before the answer goes."""
        reply = replies.internal_error(error_id)
        if self._waiting is None and self._state is State.BODY:
            self._refusal = self._refusal or reply
        else:
            self.send(reply)

    def _say_last(self, reply: Reply) -> None:
        self._out += reply.encode()
        self._close()

    def _close(self) -> None:
        self._after = After.CLOSE
        self._framer.clear()

    # --- transitions ----------------------------------------------------------------------------------------

    def _move(self, event: SmtpEvent, reply: Answer) -> None:
        kind = type(event)
        if kind is Auth or kind is AuthResponse:
            self._state = State.AUTH if reply.code == 334 else State.GREETED
        elif kind is BodyEnd:
            self._state = State.GREETED
        elif kind is ChunkEnd:
            self._state = State.CHUNKS if reply.positive else State.GREETED
        elif not reply.positive:
            return
        elif kind is StartTls:
            self._after = After.START_TLS
        elif kind is Quit:
            self._close()
        elif kind in _NEXT and not (kind is Rset and self._state is State.FRESH):
            self._state = _NEXT[kind]
        if isinstance(event, Mail):
            self._utf8 = event.params[SMTPUTF8]
            self._binary = event.params[BODY] == "BINARYMIME"
        elif kind is Data:
            self._begin_body()

    def _taken_by(self, event: SmtpEvent, reply: Answer) -> int:
        """How many recipients the message has now."""
        if isinstance(event, Mail):
            return 0
        return self._taken + (isinstance(event, Rcpt) and reply.positive)

    def _begin_body(self) -> None:
        self._decoder, self._last = DataDecoder(), True
        self._begin_octets()
        self._begin_check()

    def _begin_octets(self) -> None:
        self._bodies += 1
        self._body_octets = 0

    def _begin_check(self) -> None:
        limits, terms = self._limits, self._terms
        self._check = TextCheck(
            size_limit=limits.message_octets,
            line_limit=limits.text_line_octets,
            bare=BareLineEnds.KEEP if self._binary else terms.bare_line_ends,
        )
        self._refusal = None
        self._drained = 0

    def _counted(self, event: SmtpEvent | None, reply: Answer) -> Answer:
        """The reply, or 421 in its place when the peer has been refused too often."""
        if type(event) is BodyEnd and reply.positive:
            self._refusals = 0
        elif reply.code >= 500 and event is not None and not (self._terms.authenticated or self._terms.lmtp):
            self._refusals += 1
        if reply.code == 535:
            self._failed_logins += 1
        if self._refusals > self._limits.errors or self._failed_logins > self._limits.failed_logins:
            return replies.too_many_errors(self._terms.hostname)
        return reply

    # --- lines ------------------------------------------------------------------------------------------------

    def _line_event(self) -> Command | NeedData | None:
        """The next command; None when the engine has answered a line by itself."""
        if self._state is State.FRESH and self._speaks_tls():
            return None
        line: bytes | None = b""
        try:
            line = self._framer.line(self._line_limit())
            if line is None:
                return NEED_DATA
            return auth.response(line) if self._state is State.AUTH else self._command(line)
        except CommandFault as fault:
            self._fault(fault.reply, line or b"")
        except LineTooLong:
            self._fault(replies.AUTH_LINE_TOO_LONG if self._state is State.AUTH else replies.LINE_TOO_LONG)
        except BareLineEnd:
            self._fault(replies.BARE_LINE_END)
        return None

    def _line_limit(self) -> int:
        """A line for AUTH may be longer, and which verb it has is known only when it is there."""
        return self._limits.auth_line_octets if self._terms.mechanisms else self._limits.command_line_octets

    def _speaks_tls(self) -> bool:
        """A client that begins with TLS where it should not would otherwise wait for its time-out."""
        start = self._framer.take(2) if len(self._framer) else b""
        self._framer.untake(start)
        if start != _TLS_RECORD:
            return False
        self._say_last(replies.foreign_protocol(self._terms.hostname))
        return True

    def _command(self, line: bytes) -> Command | None:
        """command = verb [SP argument]; quirk: blanks at the end"""
        name, _, argument = line.rstrip(b" ").partition(b" ")
        verb = self._verbs.get(name.upper().decode("latin-1"))
        if verb is None:
            self._unknown(line)
            return None
        if len(line) + 2 > self._limits.command_line_octets and verb.name != "AUTH":
            raise CommandFault(replies.LINE_TOO_LONG)
        if self._state not in verb.states:
            raise CommandFault(self._out_of_place(verb.states))
        if verb.name == "DATA" and self._binary:
            raise CommandFault(replies.BDAT_ONLY)  # RFC 3030 §3
        if verb.name == "BDAT":
            self._begin_chunk(verb, argument)
            return None
        return verb.parse(_text(argument), Context(self._mail_params, self._rcpt_params, self._utf8))

    def _begin_chunk(self, verb: Verb, argument: bytes) -> None:
        """The octets behind it are read in any case, and never as commands."""
        try:
            chunk = verb.parse(_text(argument), Context())
        except CommandFault:
            self._say_last(replies.endless_chunk(self._terms.hostname))
            return
        assert isinstance(chunk, Bdat)
        self._decoder, self._last = ChunkDecoder(chunk.octets), chunk.last
        self._begin_octets()
        if self._state not in chunking.IN_PLACE:
            self._back_to = self._state
            self._refusal = self._out_of_place(chunking.IN_PLACE)
        elif self._state is State.RCPT:
            self._begin_check()
        self._state = State.BODY

    def _out_of_place(self, places: frozenset[State]) -> Reply:
        if self._state is State.MAIL and State.RCPT in places:
            # DATA behind recipients that were all refused: RFC 2920 §3.1
            return replies.NO_RECIPIENTS_TAKEN if self._terms.lmtp else replies.NO_VALID_RECIPIENTS
        if self._state is State.FRESH and self._terms.lmtp:
            return replies.LHLO_FIRST
        return _OUT_OF_PLACE[self._state]

    def _unknown(self, line: bytes) -> None:
        if is_foreign(line):
            self._say_last(replies.foreign_protocol(self._terms.hostname))
            return
        raise CommandFault(replies.UNKNOWN_COMMAND)

    def _fault(self, reply: Reply, line: bytes = b"") -> None:
        """Answer a line that never becomes an event."""
        self.on_fault("AUTH" if self._state is State.AUTH else self._tellable(line), reply)
        if self._state is State.AUTH:
            self._state = State.GREETED  # the exchange is over
        self._faults += reply not in (replies.NO_VALID_RECIPIENTS, replies.NO_RECIPIENTS_TAKEN)
        if self._faults > self._limits.bad_commands:
            self._say_last(replies.too_many_errors(self._terms.hostname))
        else:
            self.send(reply)

    def _tellable(self, line: bytes) -> str:
        """For the log.  A line that is no command may be half a login that came too early: it stays out."""
        verb = line.partition(b" ")[0].upper().decode("latin-1")
        if verb not in self._verbs:
            return "a command"
        return verb if verb == "AUTH" else line[:_TOLD_OCTETS].decode("utf-8", "replace")

    # --- the body ---------------------------------------------------------------------------------------------

    def _body_event(self) -> BodyChunk | BodyEnd | ChunkEnd | BodyAborted | NeedData | None:
        """The next of the body; None when its end has been answered with a refusal."""
        if self._decoder.ended:
            if self._last and self._refusal is None and self._check is not None and self._check.waits:
                return self._checked(b"")  # `BDAT 0 LAST` behind a CR
            return self._end_body()
        octets = self._framer.take(_BODY_OCTETS)
        if not octets:
            return NEED_DATA
        self._body_octets += len(octets)
        decoded = self._decoder.feed(octets)
        if self._decoder.rest:
            self._framer.untake(self._decoder.rest)
        return self._checked(decoded)

    def _checked(self, decoded: bytes) -> BodyChunk | BodyAborted | None:
        if self._refusal is not None:
            self._drain(len(decoded))
            return None
        assert self._check is not None
        try:
            chunk = self._check.feed(decoded)
            if self._decoder.ended and self._last:
                chunk += self._check.finish()
        except BodyFault as fault:
            self._refusal = _BODY_REFUSALS[type(fault)]
            return BodyAborted(str(fault))
        return BodyChunk(chunk) if chunk else None

    def _drain(self, octets: int) -> None:
        """The message is refused, and yet read to its end: only there may the reply stand."""
        self._drained += octets
        if self._drained > self._limits.drained_octets:
            self._say_last(replies.too_much_data(self._terms.hostname))

    def _end_body(self) -> BodyEnd | ChunkEnd | None:
        decoder, self._decoder = self._decoder, DataDecoder()
        if self._refusal is None and not self._last:
            assert isinstance(decoder, ChunkDecoder)
            return ChunkEnd(decoder.octets)
        self._check = None
        if self._refusal is None:
            return BodyEnd()
        refusal, self._refusal = self._refusal, None
        if self._back_to is not None:
            self._state, self._back_to = self._back_to, None
        else:
            self._waiting = BodyEnd() if self._last else ChunkEnd(0)
        self.send(refusal)
        return None


def _nobody(_command: str, _reply: Reply) -> None:
    pass


def _text(argument: bytes) -> str:
    """Decoded once, here: ASCII, or UTF-8 where the grammar lets it stand (RFC 6531 §3.3)."""
    try:
        return argument.strip(b" ").decode("utf-8")
    except UnicodeDecodeError:
        raise CommandFault(replies.BAD_ARGUMENT) from None
