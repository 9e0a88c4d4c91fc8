"""Two clients on one mailbox do what they like; each one's sequence numbers always mean what it was told.

The clients believe only what RFC 3501 §7 lets them: EXPUNGE shifts numbers, EXISTS adds at
the end, FETCH tells UID and FLAGS.  No EXPUNGE may come with FETCH, STORE and SEARCH.
"""

import re

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.imap.fakes import World

FLAGS = ["\\Deleted", "\\Seen", "\\Flagged", "Work"]


class Client:
    def __init__(self, world):
        self.talk = world.login()
        self.uids = []  # by sequence number; None: it has been counted, its UID was not asked yet
        self.flags = {}
        self.commands = 0
        self.talk.heard()
        self.command("SELECT INBOX")

    def command(self, text, *, quiet=False):
        """Say it, take in what is told; `quiet`: no EXPUNGE may come."""
        self.commands += 1
        tag = f"c{self.commands}"
        *told, answer = self.talk.say(f"{tag} {text}")
        assert answer.startswith(f"{tag} "), answer
        for line in told:
            self.take(line, quiet)
        return answer

    def take(self, line, quiet):
        if found := re.fullmatch(r"\* (\d+) EXPUNGE", line):
            assert not quiet, line
            self.flags.pop(self.uids.pop(int(found[1]) - 1), None)
        elif found := re.fullmatch(r"\* (\d+) EXISTS", line):
            assert int(found[1]) >= len(self.uids), line
            self.uids += [None] * (int(found[1]) - len(self.uids))
        elif found := re.fullmatch(r"\* (\d+) FETCH \((.*)\)", line):
            self.fetched(int(found[1]), found[2])

    def fetched(self, number, items):
        uid = re.search(r"UID (\d+)", items)
        if uid:
            assert self.uids[number - 1] in {None, int(uid[1])}
            self.uids[number - 1] = int(uid[1])
        flags = re.search(r"FLAGS \(([^)]*)\)", items)
        if flags and self.uids[number - 1]:
            self.flags[self.uids[number - 1]] = set(flags[1].split()) - {"\\Recent"}


class TwoSessions(RuleBasedStateMachine):
    @initialize(messages=st.integers(0, 5))
    def start(self, messages):
        self.world = World()
        self.box = self.world.box()
        for _ in range(messages):
            self.box.add()
        self.clients = [Client(self.world), Client(self.world)]
        for who in (0, 1):
            self.catch_up(who)

    who = st.sampled_from([0, 1])

    @rule()
    def deliver(self):
        self.box.add()

    @rule(who=who, flag=st.sampled_from(FLAGS), sign=st.sampled_from("+-"), data=st.data())
    def store(self, who, flag, sign, data):
        client = self.clients[who]
        if client.uids:
            number = data.draw(st.integers(1, len(client.uids)))
            client.command(f"STORE {number} {sign}FLAGS ({flag})", quiet=True)

    @rule(who=who)
    def uid_store(self, who):
        self.clients[who].command("UID STORE * +FLAGS.SILENT (\\Deleted)")
        self.clients[who].command("UID FETCH 1:* FLAGS")

    @rule(who=who)
    def expunge(self, who):
        self.clients[who].command("EXPUNGE")

    @rule(who=who)
    def search(self, who):
        self.clients[who].command("SEARCH ALL", quiet=True)

    @rule(who=who)
    def fetch(self, who):
        client = self.clients[who]
        if client.uids:
            client.command("FETCH 1:* (UID FLAGS)", quiet=True)

    @rule(who=who)
    def move(self, who):
        if self.clients[who].uids:
            self.clients[who].command("MOVE 1 Trash")

    @rule(who=who)
    def idle(self, who):
        client = self.clients[who]
        for line in client.talk.say("i IDLE"):
            client.take(line, quiet=False)
        self.box.add()
        for line in client.talk.say("DONE"):
            client.take(line, quiet=False)

    @rule(who=who)
    def catch_up(self, who):
        """After NOOP, what a client was told of flags is true; after FETCH it knows all there is to know."""
        client = self.clients[who]
        client.command("NOOP")
        for uid, flags in client.flags.items():
            assert flags == set(self.box.columns.flags(uid))
        client.command("UID FETCH 1:* (UID FLAGS)")
        assert client.uids == self.box.columns.uids
        assert client.flags == {uid: set(self.box.columns.flags(uid)) for uid in self.box.columns.uids}

    def teardown(self):
        for who in (0, 1):
            self.catch_up(who)


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
