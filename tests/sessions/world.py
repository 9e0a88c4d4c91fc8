"""The world of a transcript: the real parts, built by the real composition root, in memory or behind real sockets."""

import base64
import codecs
import errno
import os
import re
import shutil
import socket
import ssl
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailstack.accounts.names import address_of_account, parse_domain
from mailstack.accounts.passwords import make_credential
from mailstack.app.parts import build
from mailstack.app.sessions import door_limits, setting
from mailstack.base import files
from mailstack.base.engine import Peer
from mailstack.base.secret import Secret
from mailstack.config.load import load
from mailstack.config.model import Tls
from mailstack.net.connection import Connection
from mailstack.net.listen import Bind, Listener, Total
from mailstack.store.values import Incoming
from mailstack.tls.contexts import ServerContexts
from tests.fakes.reactor import in_reactor
from tests.fakes.transport import MemoryTransport
from tests.sasl.scramclient import ScramClient

PASSWORDS = {"alice@demo.test": "alice-secret", "bob@demo.test": "bob-secret"}
CREDENTIALS = {
    name: make_credential(Secret(password), ("sha256", "sha1")) for name, password in PASSWORDS.items()
}  # hashed once
CONFIG = """
hostname = "mail.demo.test"
state = "{state}"
[tls]
certificate = "/unused"
key = "/unused"
[accounts]
allow_auth_in_clear_on_loopback = true
[listeners.submissions]
mechanisms = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
[listeners.imap-scram]
protocol = "imap"
address = ["127.0.0.1:1143"]
tls = "none"
mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-1"]
[listeners.pop3-scram]
protocol = "pop3"
address = ["127.0.0.1:1110"]
tls = "none"
mechanisms = ["SCRAM-SHA-1"]
[listeners.behind-proxy]
protocol = "smtp"
address = ["127.0.0.1:26"]
tls = "none"
xclient_from = ["127.0.0.0/8"]
[listeners.lmtp]
protocol = "lmtp"
address = ["127.0.0.1:24"]
tls = "none"
"""
PATIENCE = 5  # seconds for an answer over a real socket
START = 1_800_000_000  # the clock of every world: 2027-01-15 08:00 UTC
START_TLS = {"smtp": b"STARTTLS", "submission": b"STARTTLS", "imap": b"T STARTTLS", "pop3": b"STLS"}


def message(subject, sender="far@elsewhere.test", recipient="alice@demo.test"):
    lines = [f"From: {sender}", f"To: {recipient}", f"Subject: {subject}", "Date: Fri, 15 Jan 2027 08:00:00 +0000"]
    return "\r\n".join(
        [*lines, f"Message-ID: <{subject.replace(' ', '.')}@demo.test>", "", f"Text of {subject}.", ""]
    ).encode()


class Talk:
    """One connection in memory."""

    def __init__(self, connection, protocol):
        self.connection, self.protocol = connection, protocol
        self.transport = MemoryTransport(connection)
        self.transport.start()
        self.heard, self.said = b"", b""

    def send(self, octets):
        self.said = octets
        if self.transport.connected:
            self.connection.dataReceived(octets)

    def more(self):
        return self.transport.take()

    def line(self):
        while b"\r\n" not in self.heard:
            more = self.more()
            if not more:
                said = f"only {self.heard!r}" if self.heard else "nothing"
                raise AssertionError(f"the server said {said}" + (" and closed" if self.closed() else ""))
            self.heard += more
        line, _, self.heard = self.heard.partition(b"\r\n")
        return line.decode("utf-8", "surrogateescape")

    def start_tls(self):
        """When the transcript has not said the command itself: quietly, greeting and answer too."""
        if START_TLS[self.protocol].split()[-1] not in self.said.upper():
            self.line()
            self.send(START_TLS[self.protocol] + b"\r\n")
            self.line()
        self.wrap()

    def wrap(self):
        assert self.transport.tls

    def closed(self):
        return not self.transport.connected

    def close(self):
        self.transport.lose()


class SocketTalk(Talk):
    """One connection over a real socket."""

    def __init__(self, port, protocol, *, implicit_tls):
        self.protocol, self.heard, self.said = protocol, b"", b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if implicit_tls:
            self.wrap()

    def send(self, octets):
        self.said = octets
        with suppress(ConnectionError, ssl.SSLEOFError):
            self.socket.sendall(octets)

    def more(self):
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return b""
        except (ConnectionError, ssl.SSLEOFError):
            return b""

    def wrap(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def closed(self):
        return not self.heard and self.more() == b""

    def close(self):
        self.socket.close()


class World:
    """Built new for each transcript, in `folder`."""

    def __init__(self, folder, protocol):
        self.listener = protocol
        self.faults = ExitStack()
        self.config = load(CONFIG.format(state=folder / "state"))
        self.now(self.start)
        self.now(self.populate)
        if protocol == "pop3":
            self.deliver("alice@demo.test", "Welcome")

    async def start(self):
        self.clock = Clock()
        self.clock.advance(START)
        self.parts = build(self.config, self.clock, inline=True, tls_clients=object())
        self.parts.store.start()
        await self.parts.spool.open()

    async def populate(self):
        self.parts.account_store.add_domain("demo.test")
        for name, credential in CREDENTIALS.items():
            self.parts.account_store.add_account(name, credential)

    def now(self, work, *arguments):
        """The result of an async function, which in memory is there at once."""
        results = []
        Deferred.fromCoroutine(work(*arguments)).addBoth(results.append)
        assert results, "it did not end at once"
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    async def stop(self):
        await self.parts.store.stop()
        self.parts.account_store.close()

    def close(self):
        self.faults.close()
        self.now(self.stop)

    def connect(self):
        listener = self.config.listener(self.listener)
        given = setting(self.config, self.parts, listener, self.clock, object())
        peer = Peer("127.0.0.1", 40000, self.listener, tls=given.implicit_tls, protocol=given.protocol)
        return Talk(Connection(given, peer, lambda _: None), listener.protocol)

    # --- directives ----------------------------------------------------------------------------------------

    def directive(self, player, word, rest):
        handler = DIRECTIVES.get(word)
        assert handler, f"no directive {word!r}"
        handler(self, player, rest)

    def choose_listener(self, _player, name):
        self.listener = name.strip()

    def tls(self, player, rest):
        player.talk(int(rest or 1)).start_tls()

    def account(self, _player, rest):
        name, password = rest.split()
        self.now(
            self._call,
            self.parts.account_store.add_account,
            address_of_account(name),
            make_credential(Secret(password)),
        )

    def domain(self, _player, rest):
        self.now(self._call, self.parts.account_store.add_domain, parse_domain(rest))

    def alias(self, _player, rest):
        address, targets = rest.split()
        self.now(self._call, self.parts.account_store.add_alias, address, targets.split(","))

    def right(self, _player, rest):
        """`ACCOUNT RIGHT yes|no`"""
        account, right, word = rest.split()
        self.now(self._call, partial(self.parts.account_store.set_right, account, right, given=word == "yes"))

    def limit(self, _player, rest):
        """`ACCOUNT LIMIT NUMBER`"""
        account, name, number = rest.split()
        self.now(self._call, self.parts.account_store.set_limit, account, name, int(number))

    async def _call(self, function, *arguments):
        return function(*arguments)

    def stored(self, _player, rest):
        account, count = rest.split()
        status = self.now(self._status, account)
        assert status.messages == int(count), f"{status.messages} messages in the INBOX of {account}"

    async def _status(self, account):
        return await (await self.parts.store.account(account)).status("INBOX")

    def contains(self, _player, rest):
        """`ACCOUNT TEXT`: its newest message has it."""
        account, text = rest.split(" ", 1)
        newest = self.now(self._newest, account)
        assert text in newest, newest

    async def _newest(self, account):
        mailbox = await (await self.parts.store.account(account)).open("INBOX")
        content = mailbox.content(mailbox.columns.uids[-1])
        text = content.read(0, content.size).decode("utf-8", "replace")
        content.close()
        mailbox.release()
        return text

    def queued(self, _player, rest):
        rows, _after = self.now(self._call, self.parts.spool.list)
        count = len(rows)
        assert count == int(rest), f"{count} recipients in the queue"

    def quota(self, _player, rest):
        """`ACCOUNT OCTETS MESSAGES`; 0: no limit."""
        account, *limits = rest.split()
        self.now(self._call, self.parts.account_store.set_quota, account, *map(int, limits))

    def run_queue(self, _player, _rest):
        """From now on what is due is tried, on the world's clock."""
        self.parts.runner.startService()
        self.clock.advance(0)

    def raw(self, player, rest):
        """Octets with Python's escapes, or `{5 octets}`: so many x."""
        if many := re.fullmatch(r"\{(\d+) octets\}", rest):
            rest = "x" * int(many[1])
        player.talk().send(codecs.decode(rest, "unicode_escape").encode("latin-1"))

    def deliver(self, account, subject):
        self.now(self._deliver, account, subject)

    async def _deliver(self, account, subject):
        staged = self.parts.store.stage()
        staged.write(message(subject, recipient=account))
        staged.finish()
        await self.parts.store.deliver(staged, [(account, "INBOX")])

    def deliver_now(self, _player, rest):
        self.deliver(*rest.split(" ", 1))

    def mailbox(self, _player, rest):
        """`NAME 3 messages`: number 1 is `Message 1`."""
        name, count = re.fullmatch(r"(.+) (\d+) messages?", rest).groups()
        self.now(self._fill, "INBOX" if name.upper() == "INBOX" else name, int(count))

    async def _fill(self, name, count):
        account = await self.parts.store.account("alice@demo.test")
        if name not in [folder.name for folder in account.folders()]:
            await account.create(name)
        for number in range(1, count + 1):
            staged = self.parts.store.stage()
            staged.write(message(f"Message {number}"))
            staged.finish()
            await account.append(name, [Incoming(staged)])

    def makes_folder(self, _player, rest):
        """`ACCOUNT FOLDER`: another program makes it below the account's Maildir."""
        account, folder = rest.split()
        local, _, domain = account.partition("@")
        for part in ("tmp", "new", "cur"):
            Path(self.config.mail_folder, domain, local, folder, part).mkdir(parents=True)

    def removes_folder(self, _player, rest):
        account, folder = rest.split()
        local, _, domain = account.partition("@")
        shutil.rmtree(Path(self.config.mail_folder, domain, local, folder))

    def disk(self, _player, rest):
        """`ENOSPC write syncfs`: these operations fail from now on; `works`: none does."""
        self.faults.close()
        if rest != "works":
            name, *operations = rest.split()
            number = getattr(errno, name)

            def refuse(operation, path):
                if operation in operations:
                    raise OSError(number, os.strerror(number), path)

            self.faults.enter_context(files.watched_by(refuse))

    def login(self, player, rest):
        """Quietly, with the protocol's own words; an IMAP tag is `L`.  `@ login NAME 2` is for connection 2."""
        name, _, who = rest.partition(" ")
        talk = player.talk(int(who or 1))
        LOGINS[self.listener.rstrip("s")](talk, name, PASSWORDS[name])

    def scram(self, player, rest):
        """`first NAME [FLAG [HASH]]` makes $first; `final PASSWORD` takes $server, makes $final and $last."""
        word, *rest = rest.split()
        if word == "first":
            name, *flag = rest
            self.client = ScramClient(name, "", flag=flag[0] if flag else "n", sha="".join(flag[1:]) or "sha256")
            made = {"first": self.client.first()}
        else:
            self.client.password = rest[0].encode()
            made = {"final": self.client.final(base64.b64decode(player.taken["server"])), "last": self.client.expects()}
        player.taken.pop("server", None)
        player.taken |= {name: base64.b64encode(octets).decode() for name, octets in made.items()}

    def advance(self, _player, rest):
        """`+5m`, `+30s`"""
        number, unit = re.fullmatch(r"\+(\d+)([smhd])", rest.strip()).groups()
        self.clock.advance(int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit])

    def closes(self, player, rest):
        """`@ close`: the client goes; `@ closed`: the server has gone."""
        player.talk(int(rest or 1)).close()

    def closed(self, player, rest):
        talk = player.talk(int(rest or 1))
        assert talk.closed(), "the connection is still open"


class SocketWorld(World):
    """The same behind real sockets: the real reactor in a thread, the threaded store, TLS that is TLS."""

    def __init__(self, folder, protocol, certificate):
        self._certificate = certificate
        super().__init__(folder, protocol)

    def now(self, work, *arguments):
        return in_reactor(work, *arguments)

    async def start(self):
        self.parts = build(self.config, reactor)
        self.parts.store.start()
        self.parts.login.start()
        await self.parts.spool.open()
        tls = ServerContexts(Tls(certificate=self._certificate.certificate, key=self._certificate.key))
        self.listening, total = {}, Total(100)
        for one in self.config.listeners:
            listener = Listener(
                reactor, one.name, [Bind("127.0.0.1", 0)], passed_sockets={}, total=total, stop_limit_seconds=1
            )
            listener.bind()
            listener.open(setting(self.config, self.parts, one, reactor, tls), door_limits(self.config, one))
            self.listening[one.name] = listener

    async def stop(self):
        for listener in self.listening.values():
            for connection in list(listener.connections):
                connection.abort("the test ends")
            await listener.stopService()
        self.parts.login.stop()
        await super().stop()

    def connect(self):
        listener = self.config.listener(self.listener)
        [(_, port)] = self.listening[self.listener].addresses
        return SocketTalk(port, listener.protocol, implicit_tls=listener.tls == "implicit")


def _log_in_imap(talk, name, password):
    talk.line()
    talk.send(f'L LOGIN {name} "{password}"\r\n'.encode())
    answer = talk.line()
    assert answer.startswith("L OK"), answer


def _log_in_pop3(talk, name, password):
    talk.line()
    for command in (f"USER {name}", f"PASS {password}"):
        talk.send(command.encode() + b"\r\n")
        answer = talk.line()
        assert answer.startswith("+OK"), answer


LOGINS = {"imap": _log_in_imap, "pop3": _log_in_pop3}
DIRECTIVES = {
    "makes-folder": World.makes_folder,
    "removes-folder": World.removes_folder,
    "disk": World.disk,
    "listener": World.choose_listener,
    "tls": World.tls,
    "account": World.account,
    "alias": World.alias,
    "domain": World.domain,
    "right": World.right,
    "limit": World.limit,
    "stored": World.stored,
    "contains": World.contains,
    "queued": World.queued,
    "quota": World.quota,
    "queue-runs": World.run_queue,
    "raw": World.raw,
    "deliver": World.deliver_now,
    "mailbox": World.mailbox,
    "login": World.login,
    "scram": World.scram,
    "clock": World.advance,
    "close": World.closes,
    "closed": World.closed,
}
