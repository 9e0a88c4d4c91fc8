"""Several sessions on one mailbox against a naive model: what each client has been told is what there is.

Each client keeps what a client keeps: a list of messages by number, moved only by what it hears (EXISTS, EXPUNGE,
FETCH).  After any commands of any of them its numbers mean what the server takes them for, no EXPUNGE comes where
RFC 3501 §7.4.1 forbids it, and a NOOP brings everybody up to date.
"""

import re

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.imap.fakes import World

SESSIONS = 3
FLAGS = ["\\Seen", "\\Flagged", "\\Deleted"]
NUMBER = re.compile(r"\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH)(?: \((.*)\))?")
SILENT = {"FETCH", "STORE", "SEARCH"}


class Client:
    """`known[i]` is message i+1 as this client has it: its UID (None until told) and its flags (None until told)."""

    def __init__(self, world):
        self.talk = world.login()
        self.known = []
        self.tags = 0
        self.idling = False
        self.notified = False
        self.say("SELECT INBOX")

    def say(self, command):
        self.tags += 1
        said = self.talk.say(f"t{self.tags} {command}")
        self.hear(said, command.split()[0])
        assert said[-1].startswith(("+", f"t{self.tags} OK", f"t{self.tags} NO")), said
        return said

    def hear(self, said, command=""):
        for line in said:
            found = NUMBER.match(line)
            if found:
                self.told(int(found[1]), found[2], found[3] or "", command)

    def told(self, number, what, items, command):
        if what == "EXISTS":
            assert number >= len(self.known)
            self.known += [[None, None] for _ in range(number - len(self.known))]
        elif what == "EXPUNGE":
            assert command not in SILENT, f"EXPUNGE during {command}"
            del self.known[number - 1]
        elif what == "FETCH":
            message = self.known[number - 1]
            uid = re.search(r"UID (\d+)", items)
            if uid:
                assert message[0] in {None, int(uid[1])}, "a number has changed its message without a word"
                message[0] = int(uid[1])
            flags = re.search(r"FLAGS \(([^)]*)\)", items)
            if flags:
                message[1] = set(flags[1].split()) - {"\\Recent"}


class Sessions(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.world = World()
        self.model = {}  # UID: flags
        self.next_uid = 1
        for _ in range(3):
            self.arrive()
        self.clients = [Client(self.world) for _ in range(SESSIONS)]

    def arrive(self):
        self.world.box().add()
        self.model[self.next_uid] = set()
        self.next_uid += 1

    def listen(self):
        """What was pushed meanwhile."""
        for client in self.clients:
            pushed = client.talk.heard()
            assert client.idling or client.notified or not pushed, pushed
            client.hear(pushed)

    def client(self, number):
        client = self.clients[number % SESSIONS]
        if client.idling:
            client.idling = False
            client.hear(client.talk.say("DONE"))
        return client

    @rule()
    def delivery(self):
        self.arrive()
        self.listen()

    @rule(who=st.integers(0, 2), which=st.integers(0, 5), sign=st.sampled_from("+-"), flag=st.sampled_from(FLAGS))
    def store(self, who, which, sign, flag):
        client = self.client(who)
        if which < len(client.known):
            said = client.say(f"STORE {which + 1} {sign}FLAGS ({flag})")
            uid = client.known[which][0]
            if said[-1].split()[1] == "OK" and uid in self.model:
                (self.model[uid].add if sign == "+" else self.model[uid].discard)(flag)
            elif said[-1].split()[1] == "OK":
                self.learn_and_store(client, which, sign, flag)
        self.listen()

    def learn_and_store(self, client, which, sign, flag):
        """The client does not know the UID yet: it asks."""
        client.say(f"FETCH {which + 1} (UID)")
        uid = client.known[which][0]
        assert uid in self.model
        (self.model[uid].add if sign == "+" else self.model[uid].discard)(flag)

    @rule(who=st.integers(0, 2))
    def expunge(self, who):
        self.client(who).say("EXPUNGE")
        self.model = {uid: flags for uid, flags in self.model.items() if "\\Deleted" not in flags}
        self.listen()

    @rule(who=st.integers(0, 2), which=st.integers(0, 5))
    def move(self, who, which):
        client = self.client(who)
        if which < len(client.known):
            client.say(f"FETCH {which + 1} (UID)")
            uid = client.known[which][0]
            said = client.say(f"MOVE {which + 1} Archive")
            if said[-1].split()[1] == "OK":
                del self.model[uid]
        self.listen()

    @rule(who=st.integers(0, 2), command=st.sampled_from(["FETCH 1:* (UID FLAGS)", "SEARCH ALL", "UID SEARCH 1:*"]))
    def look(self, who, command):
        self.client(who).say(command)
        self.listen()

    @rule(who=st.integers(0, 2))
    def idle(self, who):
        client = self.client(who)
        client.say("IDLE")
        client.idling = True
        self.listen()

    @rule(who=st.integers(0, 2), delayed=st.booleans())
    def notify(self, who, delayed):
        client = self.client(who)
        kind = "selected-delayed" if delayed else "selected"
        client.say(f"NOTIFY SET ({kind} (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
        client.notified = True
        self.listen()

    @rule(who=st.integers(0, 2))
    @precondition(lambda self: self.clients)
    def catches_up(self, who):
        """NOOP tells all there is; then a client that asks has just what the model has."""
        client = self.client(who)
        client.say("NOOP")
        client.say("FETCH 1:* (UID FLAGS)")
        assert [uid for uid, _ in client.known] == sorted(self.model)
        assert dict(client.known) == self.model
        self.listen()

    @invariant()
    def flags_that_were_told_are_true_of_what_idles(self):
        """Who is in IDLE knows everything at once."""
        for client in getattr(self, "clients", ()):
            if client.idling:
                assert len(client.known) == len(self.model)
                for uid, flags in client.known:
                    assert flags is None or uid is None or flags == self.model[uid]


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
