"""Flow over the real store in memory's manner, with a directory and a queue that are tables."""

from datetime import UTC, datetime

from mailstack.accounts.api import Forward, Local, NotOurs, Principal, Rights, Unknown
from mailstack.base.engine import Peer
from mailstack.flow.api import Arriving
from mailstack.flow.inbound import Inbound
from mailstack.flow.promise import Promise
from mailstack.flow.settings import FlowSettings
from mailstack.flow.submission import Submission
from mailstack.queue.api import Recipient
from mailstack.store.service import Store
from mailstack.store.values import NO_QUOTA
from tests.smtp.world import run

MOMENT = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
ALICE = Principal("alice@demo.test", frozenset({"alice@demo.test", "sales@demo.test"}))


class Table:
    """Implements accounts.api.Directory for demo.test."""

    def __init__(self, aliases=None):
        self.aliases = aliases or {}

    def rights(self, account):
        return Rights()

    def resolve(self, address):
        local, _, domain = address.lower().rpartition("@")
        if domain != "demo.test":
            return NotOurs()
        if address.lower() in self.aliases:
            return Forward(tuple(self.aliases[address.lower()]))
        name, _, detail = local.partition("+")
        if name in {"alice", "bob", "postmaster"}:
            return Local(f"{name}@demo.test", detail)
        return Unknown()

    def takes_bounces_only(self, address):
        return address.startswith("srs0=")

    def is_own_domain(self, domain):
        return domain == "demo.test"

    def own_domains(self):
        return ("demo.test",)


class Queue:
    """Remembers what was given to it; `fails` is raised instead."""

    def __init__(self):
        self.taken = []
        self.fails = None

    async def enqueue(self, envelope, staged):
        if self.fails:
            raise self.fails
        self.taken.append((envelope, staged.read(0, staged.size)))


class NoLimits:
    def expect(self, account, recipients):
        pass

    def take(self, account, recipients):
        pass


class World:
    def __init__(self, folder, aliases=None, quotas=None, **settings):
        quotas = quotas or {}
        quota_of = lambda account: quotas.get(account, NO_QUOTA)  # noqa: E731
        self.store = Store.inline(folder, now=MOMENT.timestamp, quota_of=quota_of)
        self.queue = Queue()
        self.receipts = []
        self.bounced = []
        self.directory = Table(aliases)
        self.settings = FlowSettings("mail.demo.test", **settings)
        promise = Promise(
            self.store, self.queue, self.directory, self.settings, lambda: MOMENT, self._receipt, self._bounce
        )
        self.inbound = Inbound(promise, self.directory, self.settings)
        self.submission = Submission(promise, self.directory, self.settings, lambda: MOMENT, NoLimits())

    async def _bounce(self, envelope, undelivered, content):
        self.bounced += [(each.recipient.address, each.reply.status) for each in undelivered]

    async def _receipt(self, envelope, told, head):
        self.receipts += [(each.recipient.address, each.action) for each in told]

    def arriving(self, principal=None):
        tls = {"tls": True, "tls_version": "TLSv1.3", "tls_cipher": "TLS_AES_128_GCM_SHA256"} if principal else {}
        peer = Peer("192.0.2.9", 40000, "submission" if principal else "smtp", **tls)
        return Arriving("m1", peer, "c1", "client.test", "ESMTPSA" if principal else "ESMTP", principal)

    def send(self, message, *recipients, reverse_path="far@elsewhere.test", principal=None):
        """The whole way; what `accept` says, or MailError."""
        flow = self.submission if principal else self.inbound
        mail = self.arriving(principal)
        run(flow.sender(mail, reverse_path))
        for address in recipients:
            run(flow.recipient(mail, Recipient(address)))
        staged = flow.stage(mail)
        try:
            for at in range(0, len(message), 7):
                staged.write(message[at : at + 7])
            staged.finish()
            return run(flow.accept(mail, staged))
        finally:
            staged.discard()

    def submit(self, message, *recipients, reverse_path="alice@demo.test"):
        return self.send(message, *recipients, reverse_path=reverse_path, principal=ALICE)

    def box(self, account, name="INBOX"):
        """The messages in a mailbox, oldest first."""
        mailbox = run(run(self.store.account(account)).open(name))
        contents = [mailbox.content(uid) for uid in mailbox.columns.uids]
        try:
            return [content.read(0, content.size) for content in contents]
        finally:
            for content in contents:
                content.close()
            mailbox.release()

    def create(self, account, name):
        run(run(self.store.account(account)).create(name))
