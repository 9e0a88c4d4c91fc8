"""An SMTP server that takes mail into a list, and does what a script says instead where there is one."""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

DROP = object()  # close the connection instead of answering
SILENT = object()  # say nothing


class Sink:
    """`script`: verb ("GREETING", "EHLO", "MAIL", "RCPT x@t.test", "DATA", "DOT"…) → a reply, DROP, SILENT, or a list.

    A list is used up one by one, its last entry for ever.  `tls` is a context factory.
    """

    def __init__(
        self, reactor, *, script=None, keywords=("PIPELINING", "8BITMIME", "SIZE"), tls=None, port=0, ip="127.0.0.1"
    ):
        self.script = {verb: list(does) if isinstance(does, list) else [does] for verb, does in (script or {}).items()}
        self.keywords = list(keywords)
        self.tls = tls
        self.implicit = False
        self.mails = []  # (MAIL line, RCPT lines, octets)
        self.commands = []  # every line, one list a connection
        self.busy = 0  # connections that are open
        self.under_tls = []  # whether each mail came under TLS
        factory = Factory.forProtocol(_Connection)
        factory.noisy = False
        factory.sink = self
        self._listening = reactor.listenTCP(port, factory, interface=ip)
        self.port = self._listening.getHost().port

    def does(self, *verbs):
        for verb in verbs:
            if verb in self.script:
                actions = self.script[verb]
                return actions.pop(0) if len(actions) > 1 else actions[0]
        return None

    def stop(self):
        self._listening.stopListening()


class _Connection(LineReceiver):
    MAX_LENGTH = 100_000

    def connectionMade(self):
        self.sink = self.factory.sink
        self.sink.busy += 1
        self.said = []
        self.sink.commands.append(self.said)
        self.tls = False
        self.auth = 0
        self.body = None
        self._clear()
        if self.sink.implicit:
            self.transport.startTLS(self.sink.tls)
            self.tls = True
        self._answer(["GREETING"], "220 sink ESMTP")

    def connectionLost(self, reason=None):
        self.sink.busy -= 1

    def _clear(self):
        self.mail, self.rcpts = None, []

    def _answer(self, verbs, usual):
        """Whether the answer was positive."""
        does = self.sink.does(*verbs) or usual
        if does is DROP:
            self.transport.loseConnection()
            return False
        if does is SILENT:
            return False
        self.transport.write(does.encode() + b"\r\n")
        return does[0] in "23"

    def lineReceived(self, line):
        if self.body is not None:
            self._body_line(line)
            return
        text = line.decode("utf-8")
        self.said.append(text)
        if self.auth:
            self.auth -= 1
            self._answer(["AUTH"], "334 " if self.auth else "235 2.7.0 welcome")
            return
        verb = text.split(" ")[0].upper()
        getattr(self, f"do_{verb}", self.do_other)(text)

    def do_other(self, text):
        self._answer([text.split(" ")[0].upper()], "502 5.5.1 no")

    def do_EHLO(self, text):
        keywords = [*self.sink.keywords, *(["STARTTLS"] if self.sink.tls and not self.tls else [])]
        lines = [f"250-{word}" for word in ("sink", *keywords)]
        self._answer(["EHLO"], "\r\n".join([*lines, "250 HELP"]))

    def do_HELO(self, text):
        self._answer(["HELO"], "250 sink")

    def do_STARTTLS(self, text):
        if self._answer(["STARTTLS"], "220 2.0.0 go"):
            self.transport.startTLS(self.sink.tls)
            self.tls = True

    def do_AUTH(self, text):
        if text.upper() == "AUTH LOGIN":
            self.auth = 2
            self._answer(["AUTH"], "334 VXNlcm5hbWU6")
        else:
            self._answer(["AUTH"], "235 2.7.0 welcome")

    def do_MAIL(self, text):
        if self._answer(["MAIL"], "250 2.1.0 ok"):
            self.mail = text

    def do_RCPT(self, text):
        address = text[text.index("<") + 1 : text.index(">")]
        if self.mail is None:
            self._answer([], "503 5.5.1 MAIL first")
        elif self._answer([f"RCPT {address}", "RCPT"], "250 2.1.5 ok"):
            self.rcpts.append(text)

    def do_BDAT(self, text):
        """The octets come whatever is said of them; in one chunk, the last."""
        self.wanted = int(text.split()[1])
        self.chunk = b""
        if self.wanted:
            self.setRawMode()
        else:
            self._chunk_end()

    def rawDataReceived(self, data):
        room = self.wanted - len(self.chunk)
        self.chunk, rest = self.chunk + data[:room], data[room:]
        if len(self.chunk) == self.wanted:
            self._chunk_end()
            self.setLineMode(rest)

    def _chunk_end(self):
        if self._answer(["DOT"], "250 2.0.0 queued as 1"):
            self.sink.mails.append((self.mail, tuple(self.rcpts), self.chunk))
            self.sink.under_tls.append(self.tls)
        self._clear()

    def do_DATA(self, text):
        if not self.rcpts:
            self._answer(["DATA"], "554 5.5.1 no valid recipients")
        elif self._answer(["DATA"], "354 go ahead"):
            self.body = []

    def _body_line(self, line):
        if line != b".":
            self.body.append(line.removeprefix(b"."))
            if len(self.body) == 1:
                self._early()
            return
        octets = b"".join(each + b"\r\n" for each in self.body)
        self.body = None
        self.sink.mails.append((self.mail, tuple(self.rcpts), octets))
        self.sink.under_tls.append(self.tls)
        self._clear()
        self._answer(["DOT"], "250 2.0.0 queued as 1")

    def _early(self):
        if "BODY" in self.sink.script:
            self._answer(["BODY"], "")

    def do_RSET(self, text):
        self._clear()
        self._answer(["RSET"], "250 2.0.0 ok")

    def do_QUIT(self, text):
        self._answer(["QUIT"], "221 2.0.0 bye")
        self.transport.loseConnection()

    def lineLengthExceeded(self, line):
        raise AssertionError("a line beyond all measure")
