"""The server's side of the IMAP wire: tags, literals, states, continuation; sans-IO (`base.engine`).

Events, each answered by one `send` unless said otherwise:

    Request(tag, row, command)      a whole, well-formed command in a legal state
                                    → Done, or Continue when the row has `resume`
    Continued(line)                 after Continue: the client's next line (a SASL response, IDLE's DONE)
                                    → Continue or Done
    AppendStart(tag, row, command)  APPEND up to its message's literal, which has not been asked for yet
                                    → Continue to take the message, Done (NO) to refuse it;
                                    again before each further message of the same command (MULTIAPPEND)
    BodyChunk(data) …               the message as it comes: no answer (a Done refuses the rest)
    AppendEnd(command)              the message and its command are whole; `command`: what stood behind it → Done
    BodyAborted(reason)             the rest of the command is bad, the engine has said so: no answer

A literal that is refused is not asked for; one that comes unasked (`{n+}`) is passed
over, and so is the rest of its command.  A faulty command is answered here: `tag BAD`, or
`* BAD` when the tag cannot be read; too many of them end the connection.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from mailstack.base.engine import NEED_DATA, After, BodyAborted, BodyChunk, NeedData
from mailstack.base.errors import ParseFault
from mailstack.base.framing import BareLineEnd, LineTooLong
from mailstack.imap.cursor import Cursor, LiteralAwaited
from mailstack.imap.deflate import DeflateFault, DeflateLayer
from mailstack.imap.fragment import Announced, Fragments, announced
from mailstack.imap.responses import Bad, Bye, Continue, Done, Response
from mailstack.imap.values import ImapLimits, Row, State

__all__ = ["AppendEnd", "AppendStart", "Continued", "ImapEngine", "ImapEvent", "Request"]

# tag = 1*<any ASTRING-CHAR except "+">; then the command's name, and its space   RFC 9051 §9
_TAG: Final = re.compile(rb'([^\x00-\x20(){%*"\\+\x7f-\xff]+)(?: |\Z)')
_NAME: Final = re.compile(rb"((?:[Uu][Ii][Dd] )?[A-Za-z0-9.=-]+)(?: |\Z)")
_HTTP: Final = re.compile(rb"[A-Z]+ \S+ HTTP/\d")
_TLS_HELLO: Final = b"\x16\x03"
_GO_AHEAD: Final = Continue(b"Ready for literal data")


@dataclass(frozen=True, slots=True)
class Request:
    tag: bytes
    row: Row
    command: Any


@dataclass(frozen=True, slots=True)
class AppendStart:
    tag: bytes
    row: Row
    command: Any
    size: int  # octets that will come


@dataclass(frozen=True, slots=True)
class AppendEnd:
    command: Any


@dataclass(frozen=True, slots=True)
class Continued:
    line: bytes


ImapEvent = Request | AppendStart | AppendEnd | Continued | BodyChunk | BodyAborted


class _Refused(Exception):
    """A command is refused by the engine itself: (text, literal announced last, code, NO or BAD)."""

    def __init__(self, text: str, literal: Announced | None, code: bytes = b"", result: bytes = b"BAD") -> None:
        super().__init__(text, literal, code, result)


class _Expects(Enum):
    """What comes next on the wire, or that the session has to answer first."""

    COMMAND = auto()
    LITERAL = auto()
    REST_OF_LINE = auto()
    CONTINUED = auto()
    BODY = auto()
    END_OF_APPEND = auto()
    ANSWER = auto()


class ImapEngine:
    """One connection.  `rows` is the table of `imap.server.commands`, with `UID X` names for UID forms."""

    def __init__(self, rows: Mapping[bytes, Row], limits: ImapLimits) -> None:
        self._rows = rows
        self._limits = limits
        self._fragments = Fragments()
        self._out: list[bytes] = []
        self._expects = _Expects.COMMAND
        self._faults = 0
        self._fresh = True  # nothing has been heard yet
        self._tag = b""
        self._row: Row | None = None
        self._pieces: list[bytes] = []
        self._octets = 0  # of the pieces
        self._start = 0  # where the arguments begin in the first piece
        self._literal: Announced | None = None  # APPEND's message, until the session has answered
        self._messages = self._message_octets = 0  # of the present APPEND
        self._said: Any = None  # what stood before its present message
        self._ending = False  # BYE was said amid a command
        self._layer: DeflateLayer | None = None
        self._utf8 = False  # the client has enabled it
        self._continued: bytes | None = None  # the line that went on with the present command
        self._again: bytes | None = None  # a line that is read again, as a command
        self._clear = b""  # made before the deflate layer began, and not sent yet
        self.state = State.NOT_AUTHENTICATED
        self.after = After.GO_ON

    # --- octets in, events out ------------------------------------------------------------------------

    @property
    def errors(self) -> int:
        """Commands that were not understood."""
        return self._faults

    def receive(self, data: bytes) -> None:
        if self._fresh and data.startswith(_TLS_HELLO):
            self._hang_up("TLS is spoken on another port, or after STARTTLS")
        if self.after is After.CLOSE:
            return
        if self._layer is None:
            self._fragments.feed(data)
        else:
            self._layer.feed(data)

    def receive_eof(self) -> None:
        """Nothing more will come; what is not whole is dropped with the connection."""

    def next_event(self) -> ImapEvent | NeedData:
        while self.after is After.GO_ON:
            try:
                event = self._read()
            except (LineTooLong, BareLineEnd) as fault:
                self._hang_up(str(fault))
                break
            except _Refused as refused:
                self._refuse(refused)
                continue
            if event is NEED_DATA and self._inflate():
                continue
            if event is not None:
                return event
        return NEED_DATA

    def _inflate(self) -> bool:
        """Whether there is more to read, from under the deflate layer."""
        if self._layer is None or self._expects is _Expects.ANSWER:
            return False
        try:
            block = self._layer.inflated()
        except DeflateFault as fault:
            self._hang_up(str(fault))
            return False
        self._fragments.feed(block)
        return bool(block)

    def _read(self) -> ImapEvent | NeedData | None:
        """One step over the pieces; None when there may be another."""
        expects = self._expects
        if expects is _Expects.ANSWER:
            return NEED_DATA
        if expects is _Expects.LITERAL:
            return self._read_literal()
        if expects is _Expects.BODY:
            return self._read_body()
        line, self._again = self._again or self._fragments.line(self._room), None
        if line is None:
            return NEED_DATA
        if expects is _Expects.COMMAND:
            return self._first_line(line)
        if expects is _Expects.REST_OF_LINE:
            return self._further_line(line)
        if expects is _Expects.CONTINUED:
            self._expects = _Expects.ANSWER
            self._continued = line
            return Continued(line)
        return self._append_end(line)

    @property
    def _room(self) -> int:
        """Octets that one command may have, literals included."""
        early = self.state is State.NOT_AUTHENTICATED
        return self._limits.unauthenticated_bytes if early else self._limits.command_bytes

    def _first_line(self, line: bytes) -> ImapEvent | None:
        """command = tag SP (name [SP arguments])   RFC 9051 §9

        What is refused here is refused before any of its literals is asked for.
        """
        if self._fresh and _HTTP.match(line):
            self._hang_up("This is IMAP, not HTTP")
            return None
        self._fresh = False
        tag = _TAG.match(line)
        self._tag = tag[1] if tag else b""
        name = _NAME.match(line, tag.end()) if tag else None
        row = self._rows.get(name[1].upper()) if name else None
        if row is None or name is None:
            raise _Refused("Unknown command" if tag else "A command starts with a tag", announced(line))
        if not row.states._value_ & self.state._value_:  # as `&` of the flags says, which takes ten times as long
            raise _Refused(_not_now(row, self.state), announced(line))
        self._row = row
        self._pieces, self._octets = [], 0
        self._start = name.end()
        return self._further_line(line)

    def _further_line(self, line: bytes) -> ImapEvent | None:
        """The command ends with this line, or this line announces a literal."""
        assert self._row is not None
        self._pieces.append(line)
        self._octets += len(line)
        literal = announced(line)
        if literal is None:
            return self._whole()
        if self._row.begin is not None:
            self._messages = self._message_octets = 0
            try:
                return self._append_start(self._parsed(), literal)
            except LiteralAwaited:
                pass  # it is the mailbox's name
            except ParseFault as fault:
                raise _Refused(str(fault), literal) from None
        self._octets += literal[0]
        if self._octets > self._room:
            raise _Refused("Command too long", literal, b"TOOBIG")
        if literal[1]:
            self._out.append(_GO_AHEAD.encode())
        self._fragments.expect(literal[0])
        self._expects = _Expects.LITERAL
        return None

    def _read_literal(self) -> NeedData | None:
        octets = self._fragments.literal()
        if octets is None:
            return NEED_DATA
        self._pieces.append(octets)
        self._expects = _Expects.REST_OF_LINE
        return None

    def _whole(self) -> ImapEvent | None:
        assert self._row is not None
        try:
            command = self._parsed()
        except ParseFault as fault:
            raise _Refused(str(fault), None) from None
        self._expects = _Expects.ANSWER
        return Request(self._tag, self._row, command)

    def _parsed(self) -> Any:
        assert self._row is not None
        cursor = Cursor(self._pieces, self._start, by_uid=self._row.name.startswith(b"UID "), utf8=self._utf8)
        command = self._row.parse(cursor)
        cursor.end()
        return command

    # --- APPEND's message -------------------------------------------------------------------------------

    def _append_start(self, command: Any, literal: Announced) -> ImapEvent:
        """The line ends with the message's literal."""
        assert self._row is not None
        self._messages += 1
        self._message_octets += literal[0]
        limits = self._limits
        together = max(limits.append_bytes, limits.message_bytes)
        if literal[0] > limits.message_bytes or self._message_octets > together:
            raise _Refused("Message too big", literal, b"TOOBIG", b"NO")
        if self._messages > limits.append_messages:
            raise _Refused(f"No more than {limits.append_messages} messages", literal, b"LIMIT", b"NO")
        self._literal = literal
        self._said = command
        self._expects = _Expects.ANSWER
        return AppendStart(self._tag, self._row, command, literal[0])

    def _append_goes_on(self, literal: Announced) -> None:
        if literal[1]:
            self._out.append(_GO_AHEAD.encode())
        self._literal = None
        self._fragments.expect(literal[0])
        self._expects = _Expects.BODY

    def _read_body(self) -> ImapEvent | NeedData | None:
        if not self._fragments.left:
            self._expects = _Expects.END_OF_APPEND
            return None
        chunk = self._fragments.chunk()
        return BodyChunk(chunk) if chunk else NEED_DATA

    def _append_end(self, line: bytes) -> ImapEvent:
        """The command ends, or another message (RFC 3502) or piece of one (RFC 4469) follows; else it is spoilt."""
        literal = announced(line)
        try:
            return self._append_further(line, literal)
        except ParseFault as fault:
            self._refuse(_Refused(str(fault), literal))
        except _Refused as refused:
            self._refuse(refused)
        return BodyAborted("octets behind the message's literal")

    def _append_further(self, line: bytes, literal: Announced | None) -> ImapEvent:
        assert self._row is not None
        assert self._row.further is not None
        cursor = Cursor([line], utf8=self._utf8)
        command = self._row.further(cursor, self._said)
        cursor.end()
        if literal is not None:
            return self._append_start(command, literal)
        self._expects = _Expects.ANSWER
        return AppendEnd(command)

    # --- answers in, octets out -------------------------------------------------------------------------

    def send(self, response: Response) -> None:
        if isinstance(response, Done):
            self._complete(response)
        elif isinstance(response, Continue):
            self._go_on(response)
        else:
            self._out.append(response.encode())
            if isinstance(response, Bye) and self._expects is not _Expects.ANSWER:
                self.after = After.CLOSE
            elif isinstance(response, Bye):
                self._ending = True

    def _go_on(self, response: Continue) -> None:
        if self._literal is not None:
            self._append_goes_on(self._literal)
        else:
            self._out.append(response.encode())
            self._expects = _Expects.CONTINUED

    def _complete(self, done: Done) -> None:
        """The tagged answer; only OK makes the command count."""
        assert self._row is not None
        self._out.append(done.encode(self._tag))
        self._pass_over()
        self._expects = _Expects.COMMAND
        self._pieces = []
        if done.again:
            self._again = self._continued
        if done.positive:
            if self._row.compresses:
                self._begin_deflate()
            self.state = self._row.then or self.state
            if done.deselected and self.state is State.SELECTED:
                self.state = State.AUTHENTICATED
            self.after = self._row.after
            self._utf8 = (self._utf8 or done.utf8) and self.state is not State.NOT_AUTHENTICATED
            if self.state is not State.NOT_AUTHENTICATED:
                self._faults = 0
        else:
            if done.result == b"NO":
                self.state = self._row.otherwise or self.state
            if done.result == b"BAD" or self.state is State.NOT_AUTHENTICATED:
                self._count_fault()
        if self._ending:
            self.after = After.CLOSE

    def _begin_deflate(self) -> None:
        """Behind the OK that has just been made.  RFC 4978 §3"""
        self._clear = b"".join(self._out)
        self._out.clear()
        self._layer = DeflateLayer(self._fragments.take_all())

    def _pass_over(self) -> None:
        """The answer comes before the whole message: what is on its way is not a command."""
        if self._literal is not None:
            self._fragments.drop(self._literal)
            self._literal = None
        elif self._expects is _Expects.BODY or self._expects is _Expects.END_OF_APPEND:
            self._fragments.drop_rest()

    def _refuse(self, refused: "_Refused") -> None:
        """A faulty command: answer it, pass over what is left of it, go on with the next."""
        text, literal, code, result = refused.args
        if self._tag:
            self._out.append(Done(text, code, result).encode(self._tag))
        else:
            self._out.append(Bad(text, code).encode())
        self._fragments.drop(literal)
        self._expects = _Expects.COMMAND
        self._pieces = []
        self._count_fault()
        if literal is not None and not literal[1] and literal[0] > 2 * self._limits.message_bytes:
            self._hang_up("Literal too big", b"TOOBIG")  # RFC 7888 §4: better than to read it all

    def _count_fault(self) -> None:
        self._faults += 1
        if self._faults >= self._limits.bad_commands:
            self._hang_up("Too many bad commands")

    def _hang_up(self, reason: str, code: bytes = b"") -> None:
        self._out.append(Bye(reason, code).encode())
        self.after = After.CLOSE

    def internal_error(self, error_id: str) -> None:
        """The handler failed in a way nobody foresaw: the command ends, the session goes on.  RFC 5530 §3"""
        if self._expects is not _Expects.COMMAND:
            self.send(Done.no(f"Internal error {error_id}", b"SERVERBUG"))

    def data_to_send(self) -> bytes:
        octets = b"".join(self._out)
        self._out.clear()
        if self._layer is not None:
            octets = self._clear + (self._layer.deflated(octets) if octets else b"")
            self._clear = b""
        return octets

    # --- what the connection asks and tells -----------------------------------------------------------------

    @property
    def buffered(self) -> int:
        return len(self._fragments) + (len(self._layer.waiting) if self._layer is not None else 0)

    @property
    def idle_limit(self) -> float:
        early = self.state is State.NOT_AUTHENTICATED
        return self._limits.login_seconds if early else self._limits.idle_seconds

    def tls_started(self) -> None:
        """Nothing was logged in before, so there is nothing to forget but the command.  RFC 9051 §6.2.1"""
        self.after = After.GO_ON
        self._fresh = False

    def timed_out(self) -> None:
        self._hang_up("Silent for too long")

    def shutting_down(self) -> None:
        self._hang_up("Server stops", b"UNAVAILABLE")


def _not_now(row: Row, state: State) -> str:
    """Why BAD: the command is fine, the state is not.  RFC 9051 §3"""
    if state is State.NOT_AUTHENTICATED:
        return "Log in first"
    return "Logged in already" if row.states is State.NOT_AUTHENTICATED else "Select a mailbox first"
