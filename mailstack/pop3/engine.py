"""The server's side of the POP3 wire, sans-IO (`base.engine`).

Each event is a `Command`, answered by one `send` of `Ok`, `Err`, `Listing`, `Whole` or
`Challenge`, or by `Opening`, `Piece` …, `Closing`.  After a `Challenge` the next
line comes as `AuthLine`.

    AUTHORIZATION --Ok to PASS, AUTH, AuthLine--> TRANSACTION
    Ok to STLS: TLS starts;  any answer to QUIT: the end

Syntax, sequence (`PASS` without `USER`) and base64 faults are answered here, and
counted; so are refused logins.
"""

from dataclasses import replace

from mailstack.base.engine import NEED_DATA, After, NeedData
from mailstack.base.errors import ParseFault
from mailstack.base.framing import Framer
from mailstack.pop3.commands import (
    Auth,
    AuthLine,
    Command,
    ForeignProtocol,
    Pass,
    Quit,
    Stls,
    User,
    from_base64,
    parse_command,
)
from mailstack.pop3.responses import Challenge, Closing, Err, Listing, Ok, Opening, Piece, Response, Whole, single_line
from mailstack.pop3.stuffing import DotStuffer
from mailstack.pop3.values import Pop3Limits, State

__all__ = ["Pop3Engine"]

_TLS_HELLO = b"\x16\x03"


class Pop3Engine:
    """One connection."""

    def __init__(self, limits: Pop3Limits) -> None:
        self._limits = limits
        self._framer = Framer()
        self._out: list[bytes] = []
        self._fresh = True  # nothing has been heard yet
        self._event: Command | None = None  # waits for its answer
        self._body: DotStuffer | None = None  # of the answer that is being sent
        self._in_exchange = False  # the next line is SASL's
        self._user = ""  # what USER said
        self._bad_commands = 0
        self._failed_logins = 0
        self.state = State.AUTHORIZATION
        self.after = After.GO_ON

    @property
    def errors(self) -> int:
        """Commands that were not understood, and logins that failed."""
        return self._bad_commands + self._failed_logins

    # --- octets in, events out ------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        if self._fresh and data.startswith(_TLS_HELLO):
            self._hang_up("TLS is spoken on another port, or after STLS")
        self._fresh = False
        if self.after is not After.CLOSE:
            self._framer.feed(data)

    def receive_eof(self) -> None:
        """Nothing more will come; half a line is dropped with the connection."""

    def next_event(self) -> Command | NeedData:
        while self._event is None and self.after is After.GO_ON:
            try:
                line = self._framer.line(self._limits.auth_bytes if self._in_exchange else self._limits.command_bytes)
                if line is None:
                    return NEED_DATA
                self._event = self._exchange_line(line) if self._in_exchange else self._command(line)
            except ForeignProtocol as fault:
                self._hang_up(str(fault))
            except ParseFault as fault:
                self._fault(str(fault))
            else:
                return self._event
        return NEED_DATA

    def _command(self, line: bytes) -> Command:
        command = parse_command(line, self.state)
        if isinstance(command, Pass):
            if not self._user:
                raise ParseFault("USER comes first")
            name, self._user = self._user, ""  # a wrong password needs USER again: RFC 1939 §7
            return replace(command, name=name)
        return command

    def _exchange_line(self, line: bytes) -> AuthLine:
        """base64, or `*` to give up.  RFC 5034 §4"""
        self._in_exchange = False  # unless the answer is another challenge
        if line == b"*":
            raise ParseFault("login given up")
        return AuthLine(from_base64(line))

    def _fault(self, text: str) -> None:
        self._bad_commands += 1
        self._in_exchange = False  # a line too long of an exchange ends it
        if self._bad_commands >= self._limits.bad_commands:
            self._hang_up("too many bad commands")
        else:
            self._out.append(single_line("-ERR", text))

    def _hang_up(self, text: str) -> None:
        self._out.append(single_line("-ERR", text))
        self.after = After.CLOSE

    # --- responses in, octets out ---------------------------------------------------------------------

    def send(self, response: Response) -> None:
        match response:
            case Ok(text):
                self._out.append(single_line("+OK", text))
                self._agreed()
            case Err(text, code):
                self._out.append(single_line("-ERR", text, code))
                self._refused()
            case Whole(text, data):
                body = DotStuffer()
                self._out += (single_line("+OK", text), body.feed(data), body.finish())
            case Listing(text, lines):
                self._out += (single_line("+OK", text), lines, b".\r\n")
            case Challenge():
                self._out.append(response.encode())
                self._in_exchange = True
            case Opening(text):
                self._out.append(single_line("+OK", text))
                self._body = DotStuffer()
            case Piece(data):
                assert self._body is not None, "a Piece follows an Opening"
                self._out.append(self._body.feed(data))
            case Closing():
                assert self._body is not None, "a Closing follows an Opening"
                self._out.append(self._body.finish())
                self._body = None
        if self._body is None:
            self._event = None

    def _agreed(self) -> None:
        """The only place where the state moves on."""
        match self._event:
            case User(name):
                self._user = name
            case Pass() | Auth() | AuthLine():
                self.state = State.TRANSACTION
            case Stls():
                self.after = After.START_TLS
            case Quit():
                self.after = After.CLOSE

    def _refused(self) -> None:
        match self._event:
            case Pass() | Auth() | AuthLine():
                self._failed_logins += 1
                if self._failed_logins >= self._limits.failed_logins:
                    self.after = After.CLOSE
            case Quit():
                self.after = After.CLOSE

    def data_to_send(self) -> bytes:
        octets = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return octets

    def internal_error(self, error_id: str) -> None:
        """In a body there is nothing to say that would not be read as the message: the connection ends."""
        if self._body is not None:
            self._body = None
            self.after = After.CLOSE
        else:
            self.send(Err(f"internal error {error_id}, try again later", "SYS/TEMP"))

    # --- the connection -------------------------------------------------------------------------------

    @property
    def buffered(self) -> int:
        return len(self._framer)

    @property
    def idle_limit(self) -> float:
        early = self.state is State.AUTHORIZATION
        return self._limits.login_seconds if early else self._limits.idle_seconds

    def tls_started(self) -> None:
        """Nothing said in the clear counts.  RFC 2595 §4"""
        self._framer.clear()
        self._user = ""
        self.after = After.GO_ON

    def timed_out(self) -> None:
        """No word, and no UPDATE: RFC 1939 §3."""
        self.after = After.CLOSE

    def shutting_down(self) -> None:
        """The same: POP3 has no word for it that a client would expect."""
        self.after = After.CLOSE
