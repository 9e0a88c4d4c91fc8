"""Two clients on one mailbox do what they like; each one's sequence numbers always mean what it was told.

The clients believe only what RFC 3501 §7 lets them: EXPUNGE shifts numbers, EXISTS adds at
the end, FETCH tells UID and FLAGS.  No EXPUNGE may come with FETCH, STORE and SEARCH.
The third knows QRESYNC and loses its connection now and then: what it has cached with
the modseq of RFC 7162 §6, and what SELECT then tells, is always all there is.
"""

import re

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.imap.fakes import World

FLAGS = ["\\Deleted", "\\Seen", "\\Flagged", "Work"]


def numbers(text):
    """`1:3,7` as numbers"""
    for part in text.split(","):
        low, _, high = part.partition(":")
        yield from range(int(low), int(high or low) + 1)


class Client:
    def __init__(self, world):
        self.world = world
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


class QuickClient(Client):
    """Keeps `flags` and `modseq` over its connections."""

    def __init__(self, world):
        self.modseq, self.seen, self.code, self.last = 0, 0, None, 0
        super().__init__(world)

    def command(self, text, *, quiet=False):
        if text.startswith("SELECT"):
            self.talk.say("e ENABLE QRESYNC")
        answer = super().command(text, quiet=quiet)
        self.take(f"* {answer}", quiet)
        self.settle()
        return answer

    def settle(self):
        """RFC 7162 §6: a code counts, whatever else was seen; else the greatest modseq."""
        self.modseq = self.code if self.code is not None else max(self.modseq, self.seen)
        self.seen, self.code = 0, None

    def take(self, line, quiet):
        assert " EXPUNGE" not in line or " OK " in line, line
        if found := re.search(r"\[HIGHESTMODSEQ (\d+)\]", line):
            self.code = int(found[1])
        elif found := re.fullmatch(r"\* VANISHED (\(EARLIER\) )?([\d:,]+)", line):
            assert not quiet, line
            for uid in numbers(found[2]):
                self.vanished(uid, earlier=found[1] is not None)
        else:
            modseq = re.search(r"MODSEQ \((\d+)\)", line)
            self.seen = max(self.seen, int(modseq[1]) if modseq else 0)
            super().take(line, quiet)

    def vanished(self, uid, *, earlier):
        self.flags.pop(uid, None)
        if earlier:
            assert uid not in self.uids
        elif uid in self.uids:
            self.uids.remove(uid)
        else:  # one of those whose UID was not asked yet; which number it had cannot be told
            first = self.uids.index(None)
            self.uids[first:] = [None] * (len(self.uids) - first - 1)

    def reconnect(self, uidvalidity):
        unknown = [number for number, uid in enumerate(self.uids, 1) if uid is None]
        if unknown:
            self.command(f"FETCH {unknown[0]}:* (UID FLAGS MODSEQ)", quiet=True)
        self.last = max((uid for uid in self.uids if uid), default=0)
        self.talk.wire.close()
        self.talk.wire.session.lost("cut")
        self.talk = self.world.login()
        self.talk.heard()
        self.uids = []
        self.command(f"SELECT INBOX (QRESYNC ({uidvalidity} {self.modseq}))")


class TwoSessions(RuleBasedStateMachine):
    @initialize(messages=st.integers(0, 5))
    def start(self, messages):
        self.world = World()
        self.box = self.world.box()
        for _ in range(messages):
            self.box.add()
        self.clients = [Client(self.world), Client(self.world), QuickClient(self.world)]
        for who in (0, 1, 2):
            self.catch_up(who)

    who = st.sampled_from([0, 1, 2])

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

    @rule(since=st.integers(0, 3))
    def store_unchanged(self, since):
        client = self.clients[2]
        if client.uids:
            before = max(client.modseq - since, 0)
            client.command(f"STORE 1:* (UNCHANGEDSINCE {before}) +FLAGS (\\Answered)", quiet=True)

    @rule()
    def reconnect(self):
        """What it was only told of by EXISTS is new to a client, whatever the modseq: it asks.  RFC 7162 §6"""
        client = self.clients[2]
        client.reconnect(self.box.folder.uidvalidity)
        truth = {uid: set(self.box.columns.flags(uid)) for uid in self.box.columns.uids}
        assert {uid: truth.get(uid) for uid in client.flags} == client.flags
        assert {uid for uid in truth if uid <= client.last} <= client.flags.keys()
        assert len(client.uids) == len(self.box.columns.uids)
        self.catch_up(2)

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
        for who in (0, 1, 2):
            self.catch_up(who)


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
