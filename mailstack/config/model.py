"""The whole configuration, as the rest of the server sees it: frozen, typed, and each setting explained.

The name of a field is the key in the file.  Durations are `timedelta`, sizes are
octets.  An empty path or host means "not given".
"""

# ruff: noqa: RUF009  `setting()` and `required()` are this package's `field()`

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from mailstack.config.abuse import Abuse
from mailstack.config.imap import Imap
from mailstack.config.kinds import (
    DURATION,
    FLAG,
    HOST,
    LISTEN_ADDRESSES,
    NAME_SERVERS,
    PATH,
    SIZE,
    Number,
    choice,
)
from mailstack.config.limits import Limits
from mailstack.config.listeners import STANDARD_LISTENERS, Listener
from mailstack.config.oauth import OAuth
from mailstack.config.pop3 import Pop3
from mailstack.config.relay import Relay, Smarthost
from mailstack.config.setting import Section, required, setting
from mailstack.config.smtp import Smtp, Submission
from mailstack.config.tls import Certificate, Tls
from mailstack.config.units import SocketAddress

__all__ = [
    "Abuse",
    "Accounts",
    "Certificate",
    "Config",
    "Control",
    "Dkim",
    "Dns",
    "History",
    "Http",
    "Imap",
    "Limits",
    "Listener",
    "Log",
    "OAuth",
    "Pop3",
    "Quota",
    "Relay",
    "Smarthost",
    "Smtp",
    "Store",
    "Submission",
    "Tls",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store(Section):
    doc: ClassVar[str] = "Where mail is kept, and what makes it durable."

    mail: str = setting(
        PATH,
        "",
        'Folder of the Maildirs, one for each account.  "": mail in the state folder.',
        why="mail belongs on another disk; it must be a local one for durability = syncfs",
    )
    durability: Literal["syncfs", "fsync"] = setting(
        choice("syncfs", "fsync"),
        "syncfs",
        "How a message is made safe before it is acknowledged.  syncfs: one sync of the file system for everything "
        "that came meanwhile, by far the fastest.  fsync: each file and folder by itself.",
        why="other programs write much to the same disk, or the mail is on a shared file system",
    )
    reserve: int = setting(
        SIZE,
        100 << 20,
        "Free space below which new mail is refused for the time being (452 4.3.1), so that mail can still be read, "
        "flagged and removed.  Never more than 1 % of the disk.",
        why="something else on the disk needs room of its own",
    )
    memory: int = setting(
        SIZE,
        256 << 20,
        "What may stay in memory only to be quicker: mailboxes that were open lately, answers that were made, what "
        "searches look at.  Those used least go first, whoever's they are.",
        why="many people work at once and there is memory to spare, or there is little",
    )
    keep_expunged: timedelta = setting(
        DURATION,
        timedelta(days=7),
        "How long mail that was expunged, and mailboxes that were deleted, can be brought back with `mailstack "
        'undelete`.  Nobody else sees it, and it counts for no quota.  "0s": it is removed at once.',
        live=True,
        why="a law asks for less, or people ask for more",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns(Section):
    doc: ClassVar[str] = "Whom to ask for MX and address records."

    servers: tuple[SocketAddress, ...] = setting(
        NAME_SERVERS,
        (),
        'Name servers: "127.0.0.1", or with a port "127.0.0.1:5353".  []: those of /etc/resolv.conf.',
        why="a validating resolver of your own runs somewhere else",
        example=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(Section):
    doc: ClassVar[str] = (
        "How much an account may keep, unless its domain or itself has a limit of its own: `mailstack account quota`."
    )

    storage: int = setting(
        SIZE,
        0,
        "Octets of all its messages together; what was expunged does not count.  0: no limit.",
        example=5 << 30,
        live=True,
        why="the disk is shared by many",
    )
    messages: int = setting(
        Number(0, 1 << 40), 0, "How many messages.  0: no limit.", live=True, why="as for storage", example=1_000_000
    )
    when_full: Literal["refuse", "defer"] = setting(
        choice("refuse", "defer"),
        "refuse",
        "What senders are told.  refuse: 552 5.2.2, they hear of it at once.  defer: 452 4.2.2, they try again for "
        "some days.",
        why="people here clear up soon when asked to",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts(Section):
    doc: ClassVar[str] = (
        "How addresses and logins are understood.  The accounts themselves: `mailstack account --help`."
    )

    subaddress: str = setting(
        choice("+", "-", "=", ""),
        "+",
        'What parts a mailbox from a tag of the user\'s own: alice+shop@… reaches alice.  "": nothing does.',
        why="people come from a server that used another sign",
        live=True,
    )
    default_domain: str = setting(
        HOST,
        "",
        'Completes a login name that has no domain: anna becomes anna@ this.  "": people log in with a full address.',
        example="example.org",
        why="people come from a server where the name alone was enough",
        live=True,
    )
    mail_about_new_networks: bool = setting(
        FLAG,
        False,
        "Whether people get a mail when their account is used from a network (a /24, IPv6: a /48) that it never came "
        "from before.",
        why="a stolen password should be noticed by whom it was stolen from; people who travel get many",
        live=True,
    )
    password_strength: int = setting(
        Number(0, 4),
        2,
        "How hard to guess a new password must be, from 0 (anything) to 4, as zxcvbn estimates it; 2 keeps out what "
        "falls to a million guesses.",
        why="people must choose better ones, or you set them for people yourself",
        live=True,
    )
    allow_auth_in_clear_on_loopback: bool = setting(
        FLAG,
        False,
        "Whether a program on this machine may log in without TLS.  From any other address that is refused, always.",
        why="a webmail on the same machine, or a proxy that ends TLS",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Section):
    doc: ClassVar[str] = "What the server says about itself, on its standard error output (systemd's journal)."

    format: Literal["text", "json"] = setting(
        choice("text", "json"), "text", "text: a line to read.  json: one object a line.", why="a program reads it"
    )
    level: Literal["debug", "info", "warn", "error"] = setting(
        choice("debug", "info", "warn", "error"),
        "info",
        "The least important event that is told.  debug adds connections and relay tries.",
        why="to look for a fault",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim(Section):
    doc: ClassVar[str] = (
        "Signatures on what leaves (RFC 6376).  Every domain that has a key is signed for: `mailstack dkim new DOMAIN`."
    )

    sign: bool = setting(
        FLAG,
        True,
        "Whether mail is signed with the keys that there are.  They are read again at a reload.",
        why="another server signs behind this one",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Section):
    doc: ClassVar[str] = (
        "What `mailstack why` can tell of: connections, decisions, deliveries, relay tries.  Addresses and replies are "
        "kept, never a subject or a text.  The folder is `history` in the state folder."
    )

    size: int = setting(
        SIZE,
        256 << 20,
        "The most room that it takes; about 600 octets a message.  0: nothing is kept.",
        why="a busy server should remember for longer, or the disk is small",
        live=True,
    )
    age: timedelta = setting(
        DURATION,
        timedelta(days=14),
        "How long it is kept, to a day.",
        why="a rule of yours says how long traffic data may, or must, be kept",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Http(Section):
    doc: ClassVar[str] = (
        "For programs that watch over the server: /metrics (Prometheus), /health/live, and /health/ready, which "
        "answers 503 and why while mail cannot be taken.  It has neither TLS nor a login: for this machine, or a "
        "network of your own."
    )

    address: tuple[SocketAddress, ...] = setting(
        LISTEN_ADDRESSES,
        (),
        "Where to listen.  []: nowhere.",
        example=(SocketAddress("127.0.0.1", 9125),),
        why="Prometheus, a load balancer or an orchestrator asks",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Section):
    doc: ClassVar[str] = "How the command `mailstack` reaches the running server."

    socket: str = setting(
        PATH,
        "",
        'Path of the Unix socket, open to root and the server\'s user.  "": control.sock in the state folder.',
        why="the state folder's path is too long for a socket (107 octets)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Section):
    """All of it."""

    doc: ClassVar[str] = ""

    hostname: str = required(
        HOST,
        "The full name of this server, in greetings, Received lines and EHLO.  Its A/AAAA record, the PTR record of "
        "its address and the domain's MX record should all agree with it: other servers look.",
        example="mail.example.org",
        why="it is yours to say",
    )
    state: str = setting(
        PATH,
        "/var/lib/mailstack",
        "Folder of everything that must last: accounts, queue, index, and mail unless store.mail says otherwise.  It "
        "belongs to the user that the server runs as; back it up.",
        why="the system disk is small, or several servers run on one machine",
    )
    listeners: tuple[Listener, ...] = STANDARD_LISTENERS
    tls: Tls = field(default_factory=Tls)
    limits: Limits = field(default_factory=Limits)
    store: Store = field(default_factory=Store)
    quota: Quota = field(default_factory=Quota)
    relay: Relay = field(default_factory=Relay)
    dns: Dns = field(default_factory=Dns)
    smtp: Smtp = field(default_factory=Smtp)
    submission: Submission = field(default_factory=Submission)
    imap: Imap = field(default_factory=Imap)
    pop3: Pop3 = field(default_factory=Pop3)
    accounts: Accounts = field(default_factory=Accounts)
    abuse: Abuse = field(default_factory=Abuse)
    oauth: OAuth = field(default_factory=OAuth)
    log: Log = field(default_factory=Log)
    dkim: Dkim = field(default_factory=Dkim)
    history: History = field(default_factory=History)
    http: Http = field(default_factory=Http)
    control: Control = field(default_factory=Control)

    @property
    def mail_folder(self) -> str:
        return self.store.mail or f"{self.state}/mail"

    @property
    def control_socket(self) -> str:
        return self.control.socket or f"{self.state}/control.sock"

    @property
    def accounts_file(self) -> str:
        return f"{self.state}/accounts.sqlite"

    @property
    def certificates_folder(self) -> str:
        return f"{self.state}/certificates"

    @property
    def dkim_folder(self) -> str:
        return f"{self.state}/dkim"

    @property
    def history_folder(self) -> str:
        return f"{self.state}/history"

    @property
    def guard_file(self) -> str:
        return f"{self.state}/guard.sqlite"

    @property
    def index_file(self) -> str:
        return f"{self.state}/index.sqlite"

    @property
    def scram_algorithms(self) -> tuple[str, ...]:
        """The hash functions, as hashlib calls them, for which SCRAM keys are kept: SHA-1 only where it is offered."""
        offered = {name for listener in self.listeners for name in listener.mechanisms}
        return ("sha256", "sha1") if offered & {"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"} else ("sha256",)

    def listener(self, name: str) -> Listener:
        """KeyError when there is none of that name."""
        for listener in self.listeners:
            if listener.name == name:
                return listener
        raise KeyError(name)
