"""A small world for POP3: a store, a login and a wire in memory, and a client that talks in lines."""

from collections.abc import Callable, Coroutine, Iterable
from types import SimpleNamespace

from mailstack.accounts.api import Claim, Principal
from mailstack.base.engine import NEED_DATA, After, Peer
from mailstack.base.errors import Condition, MailError
from mailstack.pop3.server.factory import Pop3Sessions
from mailstack.pop3.server.session import Pop3Settings
from mailstack.store.values import MailboxInvalidated

SETTINGS = Pop3Settings(clear_login_on_loopback=True)


def finish(coroutine: Coroutine):
    """The result of a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something")


class Content:
    def __init__(self, data: bytes, box: "Mailbox") -> None:
        self.data, self.size, self.box = data, len(data), box
        box.open_contents += 1

    def read(self, offset, length):
        if self.box.read_fails:
            raise self.box.read_fails
        return self.data[offset : offset + length]

    def close(self):
        self.box.open_contents -= 1


class Mailbox:
    def __init__(self, messages: dict[int, bytes]) -> None:
        self.messages = messages
        self.folder = SimpleNamespace(uidvalidity=1700000000)
        self.watchers: list[Callable] = []
        self.expunged: list[int] = []
        self.flagged: list[tuple] = []
        self.seconds = [0] * len(messages)
        self.opened = self.open_contents = 0
        self.expunge_fails: MailError | None = None
        self.flags_fail: MailError | None = None
        self.read_fails: Exception | None = None

    @property
    def columns(self):
        sizes = {uid: len(data) for uid, data in self.messages.items()}
        uids = sorted(self.messages)
        return SimpleNamespace(
            uids=uids,
            size=sizes.__getitem__,
            seconds_between=lambda start, stop: self.seconds[start:stop],
            sizes_between=lambda start, stop: [sizes[uid] for uid in uids[start:stop]],
        )

    def content(self, uid):
        if uid not in self.messages:
            raise MailError(Condition.NO_SUCH_MESSAGE, "this message was removed")
        return Content(self.messages[uid], self)

    def octets(self, uid):
        content = self.content(uid)
        try:
            return content.read(0, content.size)
        finally:
            content.close()

    def watch(self, watcher):
        self.watchers.append(watcher)

    def unwatch(self, watcher):
        self.watchers.remove(watcher)

    def release(self):
        self.opened -= 1

    def invalidate(self):
        for watcher in self.watchers:
            watcher(MailboxInvalidated(1, "rebuilt"))

    async def expunge(self, uids: Iterable[int]):
        if self.expunge_fails:
            raise self.expunge_fails
        gone = tuple(uid for uid in uids if self.messages.pop(uid, None) is not None)
        self.expunged += gone
        return gone

    async def set_flags(self, uids, mode, flags, *, source=None):
        if self.flags_fail:
            raise self.flags_fail
        self.flagged.append((tuple(uids), mode.value, tuple(flags)))
        return tuple(uids)


class World:
    """alice@demo.test has the messages of `messages`; her password is `alice-secret`."""

    def __init__(self, *messages: bytes, settings: Pop3Settings = SETTINGS) -> None:
        self.inbox = Mailbox(dict(enumerate(messages, 101)))
        self.locked = False
        self.open_fails: MailError | None = None
        self.claims: list[Claim] = []
        self.sessions = Pop3Sessions(self, self, settings)

    # Login
    async def verify(self, claim: Claim, peer: Peer, cid: str = "-") -> Principal:
        self.claims.append(claim)
        if (claim.name, claim.password.reveal()) != ("alice@demo.test", "alice-secret"):
            raise MailError(Condition.LOGIN_FAILED, "login failed: user name or password is wrong")
        return Principal(claim.name, frozenset({claim.name}))

    # MailStore and MailAccount
    async def account(self, name):
        return self

    def lock_maildrop(self):
        if self.locked:
            raise MailError(Condition.IN_USE, "another POP3 session has this mailbox open")
        self.locked = True
        return self._unlock

    def _unlock(self):
        assert self.locked
        self.locked = False

    async def open(self, name):
        assert name == "INBOX"
        if self.open_fails:
            raise self.open_fails
        self.inbox.opened += 1
        return self.inbox

    def client(self, **peer) -> "Client":
        return Client(self, Peer(**{"ip": "127.0.0.1", "port": 1, "listener": "pop3", **peer}))

    def logged_in(self) -> "Client":
        client = self.client()
        client.log_in()
        return client


class Client:
    """Plays the shell (`net.connection`) and the peer at once."""

    cid = "c1"

    def __init__(self, world: World, peer: Peer) -> None:
        self.peer = peer
        self.engine, self.session = world.sessions(self)
        self.rooms = 0
        self.room_fails: Exception | None = None
        self.failures: list[Exception] = []
        self.greeting = self.session.greet()
        self.engine.send(self.greeting)
        self.out = bytearray(self.engine.data_to_send())

    # Wire
    def send(self, response):
        self.engine.send(response)

    cut = False

    def close(self):
        self.cut = True

    def settled(self):
        """Nobody counts strangers here."""

    async def room(self):
        self.rooms += 1
        if self.room_fails:
            raise self.room_fails
        self.out += self.engine.data_to_send()

    # the pump
    def feed(self, octets: bytes) -> bytes:
        """Octets in, all that is answered out."""
        self.engine.receive(octets)
        while (event := self.engine.next_event()) is not NEED_DATA:
            try:
                response = finish(self.session.handle(event))
            except Exception as failure:
                self.failures.append(failure)
                self.engine.internal_error("e1")
            else:
                if response is not None:
                    self.engine.send(response)
            if self.engine.after is After.START_TLS:
                break
        return self.taken()

    def taken(self) -> bytes:
        octets = bytes(self.out) + self.engine.data_to_send()
        self.out.clear()
        return octets

    def say(self, line: str) -> str:
        """One command, its answer as text without the last CRLF."""
        answer = self.feed(line.encode() + b"\r\n")
        assert answer.endswith(b"\r\n") or not answer
        return answer[:-2].decode("utf-8", "surrogateescape")

    def log_in(self):
        self.taken()
        self.say("USER alice@demo.test")
        assert self.say("PASS alice-secret").startswith("+OK ")

    def lose(self):
        self.session.lost("gone")

    @property
    def closed(self) -> bool:
        return self.engine.after is After.CLOSE
