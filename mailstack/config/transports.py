"""`[[relay.transports]]`: mail for some domains, or from some senders, by another way."""

# ruff: noqa: RUF009  `setting()` and `required()` are this package's `field()`

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from mailstack.config.kinds import PATH, SERVER, TEXT, Choice, Kind, Number
from mailstack.config.setting import Section, required, setting

__all__ = ["Transport", "Via"]

Via = Literal["mx", "server", "discard", "fail"]
TlsDemand = Literal["opportunistic", "starttls", "implicit", "none"]

_TLS = cast("Kind[TlsDemand]", Choice(("opportunistic", "starttls", "implicit", "none")))
_VIA = cast("Kind[Via]", Choice(("mx", "server", "discard", "fail")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport(Section):
    """One rule; the first that fits a recipient is taken."""

    doc: ClassVar[str] = (
        "Another way for some of the mail.  Write one [[relay.transports]] table for each rule; the first that fits a "
        "recipient is taken, and what none fits goes by relay.smarthost or by MX.  Needs a restart."
    )

    to: str = setting(
        TEXT,
        "*",
        'Which recipients: "example.org" a domain, ".example.org" the domains below it, "me@example.org" an address; '
        "* stands for anything.",
        example="example.org",
        why="some domains are reached in a way of their own",
    )
    sender: str = setting(
        TEXT,
        "*",
        'Which senders, in the same forms; "<>" is the null sender of reports.',
        why="each of your domains has a smarthost of its own",
    )
    via: Via = required(
        _VIA,
        "mx: by the domain's MX.  server: to `host`.  discard: taken and thrown away.  fail: back to its sender with "
        "`text`.",
        example="server",
        why="the rule says what to do",
    )
    host: str = setting(
        SERVER,
        "",
        'The server\'s name or IP address, with via = "server".',
        example="mx.internal.example.org",
        why="the rule needs it",
    )
    port: int = setting(Number(1, 65535), 25, "Its port.", why="a submission port takes 587 or 465")
    tls: TlsDemand = setting(
        _TLS,
        "opportunistic",
        "opportunistic: TLS when offered, with any certificate.  starttls and implicit insist on TLS and a valid "
        "certificate for `host`.",
        why="the way leads through other people's networks",
    )
    user: str = setting(TEXT, "", 'The name to log in with.  "": no login.', why="the server asks for a login")
    password_file: str = setting(
        PATH, "", "Path of a file with the password on its first line.", why="a login is needed"
    )
    text: str = setting(
        TEXT, "this server sends no mail there", 'What the sender reads, with via = "fail".', why="to say why"
    )
