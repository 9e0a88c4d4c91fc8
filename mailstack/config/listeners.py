"""`[listeners.NAME]`: one socket service each; seven names exist without being written."""

# ruff: noqa: RUF009  `setting()` and `required()` are this package's `field()`

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from mailstack.config.kinds import FLAG, LISTEN_ADDRESSES, NETWORKS, PATH, TEXT, Choice, Kind, ListOf, Number
from mailstack.config.setting import Section, required, setting
from mailstack.config.units import Network, SocketAddress

__all__ = ["MECHANISMS", "STANDARD_LISTENERS", "Listener", "Protocol", "TlsUse"]

Protocol = Literal["smtp", "submission", "lmtp", "imap", "pop3"]
TlsUse = Literal["none", "starttls", "implicit"]

MECHANISMS = (
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "EXTERNAL",
    "OAUTHBEARER",
    "XOAUTH2",
    "PLAIN",
    "LOGIN",
)
# quirk: mutt 2.2 with libgsasl takes -PLUS wherever it is offered, knows no tls-exporter, and tries nothing else
_USUAL_MECHANISMS = ("SCRAM-SHA-256", "PLAIN", "LOGIN")

_PROTOCOL = cast("Kind[Protocol]", Choice(("smtp", "submission", "lmtp", "imap", "pop3")))
_TLS_USE = cast("Kind[TlsUse]", Choice(("none", "starttls", "implicit")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener(Section):
    """One listening service; `name` is its table's."""

    doc: ClassVar[str] = (
        "A service that listens.  The seven standard names below exist without being written here; a table changes "
        "what it names and leaves the rest.  A name of your own makes one more service: it needs protocol, address "
        "and tls."
    )

    name: str
    enabled: bool = setting(
        FLAG,
        True,
        "Whether the service runs at all.",
        why="nobody here needs it; POP3 is the usual one",
    )
    protocol: Protocol = required(
        _PROTOCOL,
        "What is spoken: smtp takes mail for own domains from anybody (no login, no relaying), submission takes mail "
        "for anywhere from people who have logged in, lmtp takes mail for own domains from another server of yours "
        "(Postfix, a filter; best on 127.0.0.1, and never on port 25), imap and pop3 let them read it.",
        example="smtp",
        why="a service of a name of your own needs it",
    )
    address: tuple[SocketAddress, ...] = required(
        LISTEN_ADDRESSES,
        "Where to listen: IP addresses with ports, IPv6 in brackets.  A socket that systemd has opened for the same "
        "address (mailstack.socket) is taken over.",
        why="to listen on some addresses only, or on other ports",
        example=(SocketAddress("0.0.0.0", 25), SocketAddress("::", 25)),  # noqa: S104  a mail server is for everybody
    )
    path: str = setting(
        PATH,
        "",
        "A socket in the file system to listen on, beside addresses or without (address = []), for lmtp only.  "
        "Programs on this machine use it, such as Postfix: mailbox_transport = lmtp:unix:/path.",
        example="/run/mailstack/lmtp.sock",
        why="only some programs on this machine may deliver",
    )
    path_mode: Literal["0600", "0660", "0666"] = setting(
        cast("Kind[Literal['0600', '0660', '0666']]", Choice(("0600", "0660", "0666"))),
        "0660",
        "Who may connect to path: its owner, its group too, or everybody on this machine.",
        why="the other program runs as a user of its own",
    )
    path_group: str = setting(
        TEXT,
        "",
        'The group that path is given to.  "": the server\'s own.  It takes a start as root, or membership.',
        example="postfix",
        why="the other program runs with a group of its own",
    )
    tls: TlsUse = required(
        _TLS_USE,
        "implicit: TLS from the first octet.  starttls: in the clear, until the client asks for TLS.  none: never TLS, "
        "and so never a login, except as accounts.allow_auth_in_clear_on_loopback says.",
        why="a proxy in front of the server ends TLS",
        example="starttls",
    )
    mechanisms: tuple[str, ...] = setting(
        ListOf(Choice(MECHANISMS)),
        _USUAL_MECHANISMS,
        "The SASL mechanisms offered for login, in this order: many clients take the first that they know.  "
        "SCRAM-SHA-256-PLUS, offered over TLS only, also proves that nobody sits in the middle of the connection; it "
        "is not among the usual ones because mutt as Debian 12 has it cannot send where it is offered.  SCRAM-SHA-1 is "
        "for clients that know no better; its keys are made when a password is set, or at the next login by PLAIN or "
        "LOGIN.  Without PLAIN and LOGIN the password itself is never taken, and IMAP's LOGIN and POP3's USER are "
        "refused, too.  OAUTHBEARER and XOAUTH2 want [oauth], EXTERNAL wants client_ca.  smtp listeners offer none, "
        "whatever is written.",
        why="all clients here know SCRAM, or one misbehaves with a mechanism",
    )
    client_ca: str = setting(
        PATH,
        "",
        "Path of a CA, PEM: clients are asked for a certificate from there, and one with an account's address (in "
        'subjectAltName, as email) logs in by EXTERNAL, without a password.  "": none is asked for.',
        why="your people have certificates of your own CA",
        example="/etc/mailstack/people-ca.pem",
    )
    proxy_protocol_from: tuple[Network, ...] = setting(
        NETWORKS,
        (),
        "Proxies in front of this service (HAProxy, a load balancer), as addresses or networks.  They must begin each "
        "connection with the PROXY protocol, version 1 or 2; from any other address it is not understood.",
        why="a load balancer would otherwise be the only client you ever see",
        live=True,
    )
    xclient_from: tuple[Network, ...] = setting(
        NETWORKS,
        (),
        "Proxies and filters that may say by XCLIENT for whom they speak (nginx, Postfix, a spam filter in front), as "
        "addresses or networks; for smtp, submission and lmtp.  What they say is believed, a login too.",
        why="a filter in front would otherwise be the only client you ever see",
        live=True,
    )
    max_connections: int = setting(
        Number(0, 1_000_000),
        0,
        "How many connections this service keeps at the same time; more are told to come later.  0: only "
        "limits.connections counts.",
        why="one service must not take all the places from the others",
        live=True,
    )
    max_connections_per_address: int = setting(
        Number(0, 1_000_000),
        0,
        "How many of them one IP address may have.  0: limits.smtp_connections_per_address for smtp, no limit of its "
        "own for the others.",
        why="many people sit behind one address, or one address takes too much",
        live=True,
    )


def _standard(name: str, protocol: Protocol, port: int, tls: TlsUse) -> Listener:
    everywhere = (SocketAddress("0.0.0.0", port), SocketAddress("::", port))  # noqa: S104  as above
    return Listener(name=name, protocol=protocol, address=everywhere, tls=tls)


STANDARD_LISTENERS = (
    _standard("smtp", "smtp", 25, "starttls"),
    _standard("submission", "submission", 587, "starttls"),
    _standard("submissions", "submission", 465, "implicit"),
    _standard("imap", "imap", 143, "starttls"),
    _standard("imaps", "imap", 993, "implicit"),
    _standard("pop3", "pop3", 110, "starttls"),
    _standard("pop3s", "pop3", 995, "implicit"),
)
