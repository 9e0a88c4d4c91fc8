"""`[relay]` and `[relay.smarthost]`: how mail gets to other servers."""

# ruff: noqa: RUF009  `setting()` and `required()` are this package's `field()`

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from mailstack.config.kinds import (
    DURATION,
    FLAG,
    HOST,
    HTTPS,
    PATH,
    PORT,
    TEXT,
    Number,
    choice,
)
from mailstack.config.setting import Section, setting
from mailstack.config.transports import Transport

__all__ = ["Relay", "Smarthost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smarthost(Section):
    doc: ClassVar[str] = (
        "A server that takes all mail for other domains, in place of their MX: Microsoft 365, Google Workspace, "
        "SendGrid, Mailgun or your provider.  Many networks let no mail out by any other way."
    )

    host: str = setting(
        HOST,
        "",
        'Its name.  "": none, mail goes straight to the MX.',
        example="smtp.example.net",
        why="your network or your address is not trusted by other servers",
    )
    port: int = setting(PORT, 587, "Its port: 587 goes with starttls, 465 with implicit.", why="your provider says so")
    tls: Literal["starttls", "implicit", "none"] = setting(
        choice("starttls", "implicit", "none"),
        "starttls",
        "How TLS is used with it.  starttls and implicit insist on TLS and a valid certificate; none is for a server "
        "on the same machine.",
        why="your provider says so",
    )
    user: str = setting(
        TEXT,
        "",
        'The name to log in with.  "": no login.',
        example="postmaster@example.org",
        why="your provider gave you one",
    )
    password_file: str = setting(
        PATH,
        "",
        "Path of a file with the password on its first line, readable for the server's user only.  The password itself "
        "is never written here.",
        example="/etc/mailstack/smarthost.password",
        why="a login is needed",
    )
    token_url: str = setting(
        HTTPS,
        "",
        "Where to get an access token (OAuth 2.0, client credentials), to log in with by XOAUTH2 in place of a "
        "password; password_file then has the client's secret.  Microsoft 365 wants it.",
        example="https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
        why="the server takes no passwords any more",
    )
    client_id: str = setting(
        TEXT,
        "",
        "The name under which this server is known there.",
        example="00000000-0000-0000-0000-000000000000",
        why="with token_url",
    )
    token_scope: str = setting(
        TEXT,
        "https://outlook.office365.com/.default",
        "What the token shall be good for.",
        why="token_url is not Microsoft's",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay(Section):
    doc: ClassVar[str] = "Mail to other domains."

    give_up_after: timedelta = setting(
        DURATION,
        timedelta(days=5),
        "How long mail that cannot be delivered is tried again, before its sender gets a report.  RFC 5321 §4.5.4.1 "
        "asks for 4 to 5 days.",
        why="people would rather know sooner",
        live=True,
    )
    delay_notice_after: timedelta = setting(
        DURATION,
        timedelta(hours=4),
        "When the sender of mail that still waits gets a notice of it, once.  0s: never.",
        why="people ask why an answer does not come, or are troubled by notices",
        live=True,
    )
    concurrency: int = setting(
        Number(1, 1000),
        100,
        "Deliveries at the same time, in all.",
        why="a slow or small line, or a large list to send to",
        live=True,
    )
    concurrency_per_domain: int = setting(
        Number(1, 1000),
        20,
        "The most deliveries at the same time to one domain.  Within it the server finds out how many each bears: it "
        "begins with 3, more with each success, half when it is told to come later.",
        live=True,
        why="a domain with a server of your own can take more",
    )
    dane: bool = setting(
        FLAG,
        True,
        "Whether TLSA records in a validated DNS are obeyed (RFC 7672): TLS with exactly those certificates.  It takes "
        "a resolver that validates, and that is trusted: one on this machine.",
        why="a domain's records are wrong, and mail to it must go all the same",
    )
    mta_sts: bool = setting(
        FLAG,
        True,
        "Whether MTA-STS policies of other domains are fetched and obeyed (RFC 8461).  It takes HTTPS to the outside.",
        why="this machine may open no connections to port 443",
    )
    chunking: bool = setting(
        FLAG,
        True,
        "Whether messages go by BDAT (RFC 3030) to servers that offer it, else always by DATA.",
        why="a server or a firewall in between mistreats BDAT",
    )
    without_8bitmime: Literal["convert", "as-is"] = setting(
        choice("convert", "as-is"),
        "convert",
        "What becomes of a message with 8-bit octets for a server that does not take them (8BITMIME).  convert: its "
        "parts are encoded, which breaks DKIM signatures over them; what is signed within comes back.  as-is: it is "
        "sent unchanged.",
        why="an old server of yours takes 8-bit octets, and only does not say so",
    )
    srs: bool = setting(
        FLAG,
        True,
        "Whether mail of strangers that an alias passes on to another server gets a return path in the alias's domain "
        "(the Sender Rewriting Scheme), so that SPF lets it pass; bounces find their way back.  The key is in "
        "`srs.key` in the state folder.",
        why="the servers that your aliases lead to trust you and want to see the sender",
    )
    srs_days: int = setting(
        Number(1, 500), 21, "For how many days bounces to such a return path are believed.", why="bounces come later"
    )
    suppress_for: timedelta = setting(
        DURATION,
        timedelta(0),
        "How long an address whose server said that there is no such mailbox is not tried again: its mail comes back "
        "at once.  0s: always tried.  `mailstack suppression` shows and removes them.",
        why="you send to lists, and trying dead addresses costs your reputation; else a mailbox that is made tomorrow "
        "would be out of reach, and nobody would know why",
    )
    tls_reports: bool = setting(
        FLAG,
        True,
        "Whether domains that ask for it get a report each day on how TLS with their servers went (RFC 8460): how many "
        "sessions were good and what was wrong with the others, no addresses and no mail.",
        why="you do not want to tell",
    )
    tls_reports_to: str = setting(
        TEXT,
        "",
        "An address of yours whose mail is looked at for such reports of others, beside the postmaster of each domain; "
        "`mailstack tls reports` shows them.",
        why="your domains' records (_smtp._tls) name another address",
    )
    mx_port: int = setting(PORT, 25, "The port of other domains' servers.", why="only tests do: all the world has 25")
    smarthost: Smarthost = field(default_factory=Smarthost)
    transports: tuple[Transport, ...] = ()
