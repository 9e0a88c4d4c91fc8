"""An SMTP conversation in memory: engine and session, with a wire that only remembers, around any flow."""

from collections.abc import Iterator
from datetime import UTC, datetime

from mailstack.accounts.api import Principal
from mailstack.base.engine import NEED_DATA, After, Peer
from mailstack.base.errors import Condition, MailError
from mailstack.flow.api import Accepted
from mailstack.sasl import SERVER_MECHANISMS
from mailstack.smtp.server.factory import SmtpSessions
from mailstack.smtp.server.listening import Listening
from mailstack.smtp.values import SmtpLimits

MECHANISMS = {name: SERVER_MECHANISMS[name] for name in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")}
NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)


def run(coroutine):
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


class Memory:
    """A Staged without a disk; `fails` is raised by the next write."""

    def __init__(self):
        self.data = bytearray()
        self.discarded = self.finished = False
        self.fails = None

    @property
    def size(self):
        return len(self.data)

    def write(self, data):
        assert data
        if self.fails:
            raise self.fails
        self.data += data

    def finish(self):
        self.finished = True

    def head(self):
        return bytes(self.data[: 64 * 1024])

    def read(self, offset, length):
        return bytes(self.data[offset : offset + length])

    def place(self, path):
        raise AssertionError(path)

    def discard(self):
        self.discarded = True


class TakesAll:
    """A flow that accepts what is not in `refuse` (step → error) and remembers it."""

    def __init__(self):
        self.refuse = {}
        self.taken = []
        self.staged = []

    async def sender(self, mail, reverse_path):
        self._may("sender")
        mail.reverse_path = reverse_path

    async def recipient(self, mail, recipient):
        self._may("recipient")
        self._may(recipient.address)
        mail.recipients.append(recipient)

    def stage(self, mail):
        self._may("stage")
        self.staged.append(Memory())
        self.staged[-1].fails = self.refuse.get("write")
        return self.staged[-1]

    async def accept(self, mail, staged):
        self._may("accept")
        for recipient in mail.recipients:
            self._may(f"accept {recipient.address}")
        assert staged.finished
        assert not staged.discarded
        self.taken.append((mail, bytes(staged.data)))
        return Accepted(mail.mid, "Taken")

    def _may(self, step):
        if step in self.refuse:
            raise self.refuse[step]


class OneLogin:
    """alice@demo.test, alice-secret"""

    principal = Principal("alice@demo.test", frozenset({"alice@demo.test"}))

    async def scram_keys(self, name, algorithm):
        raise MailError(Condition.LOGIN_FAILED, "Wrong user name or password")

    async def verify(self, claim, peer, cid="-"):
        if (claim.name, claim.password.reveal()) == ("alice@demo.test", "alice-secret"):
            return self.principal
        if claim.name == "later":
            raise MailError(Condition.LOGIN_UNAVAILABLE, "Try again later")
        raise MailError(Condition.LOGIN_FAILED, "Wrong user name or password")


class Talk:
    """One connection: `say` octets, get the reply lines."""

    def __init__(self, *, submission=False, tls=False, ip="192.0.2.9", flow=None, limits=None, **listening):
        self.peer = Peer(ip, 40000, "submission" if submission else "smtp", tls=tls)
        self.cid = "c1"
        self.flow = flow or TakesAll()
        sessions = SmtpSessions(
            self.flow,
            OneLogin(),
            MECHANISMS,
            limits or SmtpLimits(),
            Listening("mail.demo.test", submission=submission, starttls=not tls, **({"now": lambda: NOW} | listening)),
        )
        self.engine, self.session = sessions(self)
        self.engine.send(self.session.greet())
        self.greeting = self.lines()

    def settled(self):
        """Nobody counts strangers here."""

    def lines(self):
        return self.engine.data_to_send().decode().split("\r\n")[:-1]

    def say(self, *lines, raw=b""):
        """Send lines (CRLF is added) and raw octets in one piece; the reply lines."""
        self.engine.receive(b"".join(line.encode() + b"\r\n" for line in lines) + raw)
        self.pump()
        return self.lines()

    def pump(self):
        while (event := self.engine.next_event()) is not NEED_DATA:
            reply = run(self.session.handle(event))
            if reply is not None:
                self.engine.send(reply)

    def start_tls(self):
        assert self.engine.after is After.START_TLS
        assert not self.engine.buffered
        self.engine.tls_started()
        self.peer = Peer(self.peer.ip, self.peer.port, self.peer.listener, tls=True, tls_version="TLSv1.3")
        self.session.tls_started()

    @property
    def closed(self):
        return self.engine.after is After.CLOSE

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines())


def codes(lines):
    """The reply codes, one for each reply."""
    return [line[:3] for line in lines if line[3:4] == " "]
