"""The sending side of SMTP, sans-IO.

The same four verbs as every engine here: `receive`, `next_event`, `send`,
`data_to_send`.  The engine knows the order of commands, groups them when the
server takes groups (RFC 2920), reads replies and says what each recipient got.
Whom to connect to, whether TLS is good enough and what to do next is decided by
its session (`relay.session`).

Where the server offers CHUNKING the message goes in one BDAT, behind the answers to
the recipients: as many round trips as with DATA, no dots to double, and nobody looks
for the end of anything (RFC 3030).
"""

import base64
import re
from collections import deque
from enum import Enum, auto

from mailstack.base.engine import NEED_DATA, BodyChunk, BodyEnd, NeedData
from mailstack.base.errors import ParseFault
from mailstack.queue.api import Recipient, RemoteReply
from mailstack.smtp.conversation import (
    BodyWanted,
    ClientEvent,
    ClientLimits,
    ClientRequest,
    Ended,
    Greeted,
    LoggedIn,
    LogIn,
    LoginRefused,
    Quit,
    StartTls,
    TlsGo,
    TlsRefused,
    Transaction,
    TransactionDone,
)
from mailstack.smtp.remote import Offer, RawReply, ReplyReader, read_offer
from mailstack.smtp.stuffing import DotStuffer

__all__ = ["SmtpClient"]

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
END_OF_DATA = "end of DATA"  # what RemoteReply.command says for the final dot


class _State(Enum):
    GREETING = "the greeting"
    EHLO = "the answer to EHLO"
    HELO = "the answer to HELO"
    READY = "nothing"
    STARTTLS = "the answer to STARTTLS"
    HANDSHAKE = "the TLS handshake"
    AUTH = "the answer to AUTH"
    ENVELOPE = "the answer to the envelope"
    BODY = "the message to be taken"
    DONE = "the answer to the message"
    QUIT = "the answer to QUIT"
    ENDED = "the end"


class _Step(Enum):
    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()


class SmtpClient:
    """One connection to one server.  `host` is its name, for replies; `name` is what we call ourselves."""

    def __init__(self, host: str, name: str, limits: ClientLimits) -> None:
        self._host, self._name, self._limits = host, name, limits
        self._reader = ReplyReader(limits.reply_line_octets, limits.reply_lines)
        self._out = bytearray()
        self._events: deque[ClientEvent] = deque()
        self._state = _State.GREETING
        self._command = ""  # the last command, for a reply's `command`
        self._secrets: deque[bytes] = deque()  # AUTH lines for the next challenges
        self._mail: _Mail | None = None
        self._fresh = True  # no transaction has left anything behind
        self.offer = Offer({})
        self.replies = 0  # whole replies so far: what counts as a sign of life

    # --- the four verbs --------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._reader.feed(data)

    def receive_eof(self) -> None:
        """What came before counts first."""
        self._read_replies()
        self._end(self._words("4.4.2", f"connection closed while waiting for {self._state.value}"))

    def next_event(self) -> ClientEvent | NeedData:
        if not self._events:
            self._read_replies()
        return self._events.popleft() if self._events else NEED_DATA

    def send(self, request: ClientRequest) -> None:
        """A request after the end is dropped: its answer, Ended, is there already."""
        if self._state is _State.ENDED:
            return
        match request:
            case BodyChunk(data):
                mail = self._transaction
                self._out += data if mail.transaction.chunked else mail.stuffer.stuff(data)
            case BodyEnd():
                self._out += self._transaction.end()
                self._enter(_State.DONE, END_OF_DATA)
            case Transaction():
                self._begin(request)
            case StartTls():
                self._say("STARTTLS", _State.STARTTLS)
            case LogIn():
                self._log_in(request)
            case Quit():
                self._say("QUIT", _State.QUIT)

    def data_to_send(self) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    # --- what the connection tells and asks ------------------------------------------------------------

    def tls_started(self) -> None:
        """What was said in the clear is forgotten.  RFC 3207 §4.2"""
        self.offer = Offer({})
        self._say(f"EHLO {self._name}", _State.EHLO)

    def timed_out(self) -> None:
        """`idle_limit` has passed without a whole reply."""
        self._end(self._words("4.4.2", f"timed out after {self.idle_limit:.0f} s waiting for {self._state.value}"))

    @property
    def idle_limit(self) -> float:
        """Seconds to wait for the next event.  RFC 5321 §4.5.3.2"""
        limits = self._limits
        match self._state:
            case _State.GREETING:
                return limits.greeting_seconds
            case _State.HANDSHAKE:
                return limits.handshake_seconds
            case _State.BODY:
                return limits.block_seconds
            case _State.DONE:
                return limits.end_of_data_seconds
            case _State.QUIT:
                return limits.quit_seconds
            case _State.ENVELOPE if self._transaction.awaited[0][0] is _Step.DATA:
                return limits.data_seconds
        return limits.command_seconds

    @property
    def ended(self) -> bool:
        return self._state is _State.ENDED

    @property
    def interrupted(self) -> bool:
        """Whether the rest of a body is of no use: the server has answered before its end, or is gone."""
        self._read_replies()
        return self._state is not _State.BODY

    # --- replies ---------------------------------------------------------------------------------------

    def _read_replies(self) -> None:
        while not self._events and self._state is not _State.ENDED:
            try:
                reply = self._reader.next()
            except ParseFault as fault:
                self._end(self._words("4.5.0", str(fault)))
                return
            if reply is None:
                return
            self.replies += 1
            self._take(reply)

    def _take(self, reply: RawReply) -> None:
        if reply.code == 421:
            self._end(reply.by(self._host, self._command))
            return
        match self._state:
            case _State.GREETING:
                self._greeting(reply)
            case _State.EHLO | _State.HELO:
                self._hello(reply)
            case _State.STARTTLS:
                self._starttls(reply)
            case _State.AUTH:
                self._auth(reply)
            case _State.ENVELOPE:
                self._envelope(reply)
            case _State.DONE:
                self._finish(reply.by(self._host, END_OF_DATA))
            case _State.BODY if reply.positive:
                self._end(self._words("4.5.0", f"a reply of {reply.code} before the end of the message"))
            case _:  # READY, BODY: the server has had enough; QUIT: as it should be
                self._end(reply.by(self._host, self._command))

    def _greeting(self, reply: RawReply) -> None:
        if reply.code == 220:
            self._say(f"EHLO {self._name}", _State.EHLO)
        else:
            self._end(reply.by(self._host, ""))

    def _hello(self, reply: RawReply) -> None:
        if reply.code == 250:
            self.offer = read_offer(reply) if self._state is _State.EHLO else Offer({})
            self._state = _State.READY
            self._events.append(Greeted(self.offer))
        elif reply.code >= 500 and self._state is _State.EHLO:
            self._say(f"HELO {self._name}", _State.HELO)  # RFC 5321 §3.2
        else:
            self._end(reply.by(self._host, self._command))

    def _starttls(self, reply: RawReply) -> None:
        if reply.code != 220:
            self._state = _State.READY
            self._events.append(TlsRefused(reply.by(self._host, "STARTTLS")))
        elif len(self._reader):
            # said before the handshake, to be believed after it: an injection (CVE-2011-0411 and its kin)
            self._end(self._words("4.7.5", "octets behind the answer to STARTTLS"))
        else:
            self._state = _State.HANDSHAKE
            self._events.append(TlsGo())

    def _log_in(self, login: LogIn) -> None:
        """XOAUTH2 for a token; else PLAIN with its response at once, or LOGIN.  RFC 4954 §4"""
        user, password = login.user.encode(), login.password.reveal().encode()
        if login.token and "XOAUTH2" in self.offer.mechanisms:
            response = base64.b64encode(b"user=%b\x01auth=Bearer %b\x01\x01" % (user, password))
            self._secrets = deque([b""])  # what a server hears that tells in JSON why the token is no good
            self._say("AUTH XOAUTH2", _State.AUTH, hidden=b" " + response)
        elif login.token:
            self._no_way_to_log_in("XOAUTH2")
        elif "PLAIN" in self.offer.mechanisms:
            response = base64.b64encode(b"\0" + user + b"\0" + password)
            self._secrets = deque([response])  # once more for a server that answers 334 to the first
            self._say("AUTH PLAIN", _State.AUTH, hidden=b" " + response)
        elif "LOGIN" in self.offer.mechanisms:
            self._secrets = deque([base64.b64encode(user), base64.b64encode(password)])
            self._say("AUTH LOGIN", _State.AUTH)
        else:
            self._no_way_to_log_in("PLAIN or LOGIN")

    def _no_way_to_log_in(self, needed: str) -> None:
        offered = ", ".join(sorted(self.offer.mechanisms)) or "none"
        words = self._words("4.7.0", f"no way to log in: need {needed}, the server offers {offered}")
        self._events.append(LoginRefused(words))

    def _auth(self, reply: RawReply) -> None:
        if reply.code == 334:
            self._out += (self._secrets.popleft() if self._secrets else b"*") + b"\r\n"
            return
        self._secrets.clear()
        self._state = _State.READY
        refused = LoginRefused(reply.by(self._host, self._command))
        self._events.append(LoggedIn() if reply.code == 235 else refused)

    # --- a transaction ---------------------------------------------------------------------------------

    @property
    def _transaction(self) -> "_Mail":
        if self._mail is None:
            raise RuntimeError("no transaction is under way")
        return self._mail

    def _begin(self, transaction: Transaction) -> None:
        if (words := self._hindrance(transaction)) is not None:
            self._events.append(TransactionDone((words,) * len(transaction.recipients)))
            return
        steps: list[tuple[_Step, int, str]] = [] if self._fresh else [(_Step.RSET, 0, "RSET")]
        steps.append((_Step.MAIL, 0, mail_line(transaction, self.offer)))
        for index, recipient in enumerate(transaction.recipients):
            steps.append((_Step.RCPT, index, rcpt_line(recipient, self.offer)))
        if not (transaction.chunked or transaction.probe):
            steps.append((_Step.DATA, 0, "DATA"))
        if any(_CONTROLS.search(line) for _, _, line in steps):
            raise ValueError("control characters in an address or parameter")
        self._mail = _Mail(transaction, deque(steps))
        self._state = _State.ENVELOPE
        self._fresh = False
        self._say_steps()

    def _hindrance(self, transaction: Transaction) -> RemoteReply | None:
        """What makes it useless to begin, in our words."""
        size_max = self.offer.size_max
        if size_max is not None and transaction.size > size_max:
            return self._words("5.3.4", f"message of {transaction.size} octets; {self._host} takes {size_max}")
        if transaction.smtputf8 and "SMTPUTF8" not in self.offer:
            return self._words("5.6.7", f"{self._host} does not take addresses or headers beyond ASCII (SMTPUTF8)")
        return None

    def _say_steps(self) -> None:
        """All that may be said before the next reply.  RFC 2920 §3.1: DATA ends a group."""
        mail = self._transaction
        while mail.unsaid and ("PIPELINING" in self.offer or not mail.awaited):
            step = mail.unsaid.popleft()
            if step[0] is _Step.DATA and not mail.awaited and not mail.wanted:
                self._undecided_to(None)
                return
            mail.awaited.append(step)
            self._out += step[2].encode() + b"\r\n"
        self._command = mail.awaited[0][2]

    def _envelope(self, reply: RawReply) -> None:
        mail = self._transaction
        step, index, command = mail.awaited.popleft()
        said = reply.by(self._host, shown(command))
        if step is _Step.DATA:
            self._data(reply, said)
            return
        if step is _Step.MAIL and not reply.positive:
            mail.refused_all = said
            mail.unsaid.clear()
        elif step is _Step.RCPT and not reply.positive:
            mail.refused[index] = said
        if mail.unsaid:
            self._say_steps()
        elif not mail.awaited:
            self._begin_chunk()
        else:
            self._command = mail.awaited[0][2]

    def _begin_chunk(self) -> None:
        """The whole message in one BDAT, now that somebody is known to want it; a probe ends here.  RFC 3030 §2"""
        mail = self._transaction
        if mail.transaction.probe:
            self._undecided_to(RemoteReply(self._host, 250, "2.1.5", "would be taken"))
            return
        if not (mail.transaction.chunked and mail.wanted):
            self._undecided_to(None)
            return
        octets = mail.transaction.size + (0 if mail.transaction.ends_line else 2)
        self._say(f"BDAT {octets} LAST", _State.BODY)
        self._events.append(BodyWanted())

    def _data(self, reply: RawReply, said: RemoteReply) -> None:
        mail = self._transaction
        if reply.code == 354 and mail.wanted:
            self._enter(_State.BODY, "DATA")
            self._events.append(BodyWanted())
        elif reply.code == 354:
            # grouped behind refused recipients; the server wants data all the same: none.  RFC 2920 §3.1
            self._out += b".\r\n"
            self._enter(_State.DONE, END_OF_DATA)
        else:
            self._undecided_to(said)

    def _finish(self, said: RemoteReply) -> None:
        """The reply to the final dot; it counts for those who were accepted."""
        self._fresh = True
        self._undecided_to(said)

    def _undecided_to(self, said: RemoteReply | None) -> None:
        """The transaction is over; `said` is for everybody who was not refused."""
        replies = self._transaction.replies(said)
        self._mail = None
        self._state = _State.READY
        self._events.append(TransactionDone(replies))

    # --- inside ----------------------------------------------------------------------------------------

    def _say(self, command: str, state: _State, *, hidden: bytes = b"") -> None:
        self._out += command.encode() + hidden + b"\r\n"
        self._enter(state, command)

    def _enter(self, state: _State, command: str) -> None:
        self._state, self._command = state, command

    def _words(self, status: str, text: str) -> RemoteReply:
        return RemoteReply(self._host, 0, status, text, shown(self._command))

    def _end(self, reply: RemoteReply) -> None:
        if self._state is _State.ENDED:
            return
        if self._mail is not None:
            mail, self._mail = self._mail, None
            said_no = self._state is _State.BODY and reply.code not in {0, 421}
            undecided = () if said_no or self._state is _State.DONE else mail.undecided
            self._events.append(TransactionDone(mail.replies(reply), undecided))
        self._state = _State.ENDED
        self._out.clear()
        self._events.append(Ended(reply))


class _Mail:
    """A transaction under way."""

    __slots__ = ("awaited", "refused", "refused_all", "stuffer", "transaction", "unsaid")

    def __init__(self, transaction: Transaction, unsaid: deque[tuple[_Step, int, str]]) -> None:
        self.transaction = transaction
        self.unsaid = unsaid
        self.awaited: deque[tuple[_Step, int, str]] = deque()
        self.refused_all: RemoteReply | None = None  # to MAIL
        self.refused: dict[int, RemoteReply] = {}
        self.stuffer = DotStuffer()

    @property
    def undecided(self) -> tuple[int, ...]:
        if self.refused_all is not None:
            return ()
        return tuple(i for i in range(len(self.transaction.recipients)) if i not in self.refused)

    @property
    def wanted(self) -> bool:
        """Whether somebody is left to have the message."""
        return self.refused_all is None and len(self.refused) < len(self.transaction.recipients)

    def end(self) -> bytes:
        """What follows the last octet of the message."""
        if not self.transaction.chunked:
            return self.stuffer.end()
        return b"" if self.transaction.ends_line else b"\r\n"

    def replies(self, said: RemoteReply | None) -> tuple[RemoteReply, ...]:
        """`said` for all who were not refused; only None when there is nobody left."""
        count = len(self.transaction.recipients)
        if self.refused_all is not None:
            return (self.refused_all,) * count
        return tuple(reply for i in range(count) if (reply := self.refused.get(i, said)) is not None)


# --- command lines ----------------------------------------------------------------------------------------


def mail_line(transaction: Transaction, offer: Offer) -> str:
    """mail = "MAIL FROM:" Reverse-path [SP Mail-parameters]       RFC 5321 §4.1.1.2"""
    words = [f"MAIL FROM:<{transaction.reverse_path}>"]
    if "SIZE" in offer:
        words.append(f"SIZE={transaction.size}")
    if transaction.eight_bit and "8BITMIME" in offer:
        words.append("BODY=8BITMIME")
    if transaction.smtputf8:
        words.append("SMTPUTF8")
    if "DSN" in offer and transaction.ret:
        words.append(f"RET={transaction.ret}")
    if "DSN" in offer and transaction.envid:
        words.append(f"ENVID={transaction.envid}")
    if "REQUIRETLS" in offer and transaction.requiretls:
        words.append("REQUIRETLS")
    if "MT-PRIORITY" in offer and transaction.priority:
        words.append(f"MT-PRIORITY={transaction.priority}")
    if "DELIVERBY" in offer and transaction.by:
        words.append(f"BY={transaction.by}")
    return " ".join(words)


def rcpt_line(recipient: Recipient, offer: Offer) -> str:
    """rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters]         RFC 5321 §4.1.1.3, RFC 3461 §4"""
    words = [f"RCPT TO:<{recipient.address}>"]
    if "DSN" in offer and recipient.notify:
        words.append("NOTIFY=" + ",".join(sorted(recipient.notify)))
    if "DSN" in offer and recipient.orcpt:
        words.append(f"ORCPT={recipient.orcpt}")
    return " ".join(words)


def shown(command: str) -> str:
    """A command as reports show it: without its parameters."""
    return command.partition("> ")[0] + ">" if "> " in command else command
