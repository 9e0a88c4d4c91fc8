"""`[limits]`: what one peer, one message or one session may take.  The values are DESIGN §4's."""

# ruff: noqa: RUF009  `setting()` and `required()` are this package's `field()`

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from mailstack.config.kinds import DURATION, SIZE, Number
from mailstack.config.setting import Section, setting

__all__ = ["Limits"]

_COUNT = Number(1, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Section):
    doc: ClassVar[str] = (
        "What one peer, one message or one session may take.  The defaults suit a server of some hundred people; "
        "new values hold for connections made after a reload."
    )

    message_size: int = setting(
        SIZE,
        50 << 20,
        "The largest message taken, sent or appended, in octets; SIZE and APPENDLIMIT announce it.  An attachment "
        "grows by a third on its way.",
        why="people must send larger files, or the disk is small",
        live=True,
    )
    recipients: int = setting(
        _COUNT,
        1000,
        "Recipients of one message from somebody who has logged in.",
        live=True,
        why="a newsletter goes out from here, or a stolen password must do less harm",
    )
    recipients_unauthenticated: int = setting(
        Number(100, 1_000_000),  # RFC 5321 §4.5.3.1.8: at least 100
        100,
        "Recipients of one message from anybody else; at least 100 (RFC 5321 §4.5.3.1.8).",
        live=True,
        why="large lists come in from one server",
    )
    bad_commands: int = setting(
        _COUNT,
        20,
        "Commands that are not understood, before the connection ends.",
        live=True,
        why="a program of your own misbehaves and cannot be mended",
    )
    errors: int = setting(
        _COUNT,
        10,
        "Commands that are refused in one SMTP session, before the connection ends.",
        live=True,
        why="a list server tries many dead addresses in one session",
    )
    hops: int = setting(
        Number(10, 1000),
        100,
        "Received lines in a message, beyond which it is taken for a loop (RFC 5321 §6.3).",
        live=True,
        why="mail rightly passes through very many servers",
    )

    smtp_command_line: int = setting(
        SIZE,
        2048,
        "The longest SMTP command line, in octets with its line end; RFC 5321 §4.5.3.1.4 asks for 512, extensions for "
        "more.",
        live=True,
        why="none is known; addresses are limited to 254 octets",
    )
    smtp_auth_line: int = setting(
        SIZE,
        12288,
        "The same for AUTH and the lines that follow it, in octets (RFC 4954 §4).",
        live=True,
        why="tokens longer than that (OAuth) are used",
    )
    smtp_text_line: int = setting(
        SIZE,
        64 << 10,
        "The longest line in a message, in octets.  RFC 5321 §4.5.3.1.6 allows 1000; senders break it.",
        live=True,
        why="a program of yours writes a whole mail as one line",
    )
    imap_command: int = setting(
        SIZE,
        1 << 20,
        "The longest IMAP command, in octets, APPEND's message aside.",
        live=True,
        why="a mail program names very many messages one by one",
    )
    imap_literal_before_login: int = setting(
        SIZE,
        64 << 10,
        "The largest IMAP literal before login, in octets.",
        live=True,
        why="none is known; user names and passwords are short",
    )
    imap_nesting: int = setting(
        Number(10, 1000),
        100,
        "How deep brackets in an IMAP command and parts in a message may nest.",
        live=True,
        why="none is known; real mail nests below 20",
    )

    connections: int = setting(
        _COUNT,
        1000,
        "Connections of all services together.  Each takes one of the open files that systemd's LimitNOFILE allows.",
        why="more people, or phones that keep IDLE open",
        live=True,
    )
    smtp_connections_per_address: int = setting(
        _COUNT,
        50,
        "Connections of one IP address to smtp listeners.",
        live=True,
        why="one relay, such as a filter in front, brings all your mail",
    )
    strangers_per_address: int = setting(
        _COUNT,
        100,
        "Connections of one IP address, of all services together, on which nobody has logged in (yet).",
        why="many people sit behind one address, and their programs all connect at the same moment",
        live=True,
    )
    imap_connections_per_account: int = setting(
        _COUNT,
        100,
        "IMAP connections of one account; Thunderbird opens five, each phone two or three.",
        live=True,
        why="many people share one account",
    )

    before_login: timedelta = setting(
        DURATION,
        timedelta(seconds=60),
        "How long a POP3 or IMAP client may take to log in.",
        live=True,
        why="people type their password after the connection is made",
    )
    tls_handshake: timedelta = setting(
        DURATION,
        timedelta(seconds=30),
        "How long a TLS handshake may take.",
        live=True,
        why="clients come over very slow lines",
    )
    smtp_idle: timedelta = setting(
        DURATION,
        timedelta(minutes=5),
        "How long an SMTP client may be silent; at least 5m (RFC 5321 §4.5.3.2.7).",
        live=True,
        why="a sender computes for minutes between two commands",
    )
    smtp_message: timedelta = setting(
        DURATION,
        timedelta(minutes=10),
        "How long one message may take to come in, beyond a second for each KiB of it.",
        live=True,
        why="senders with large messages sit behind very slow lines",
    )
    pop3_idle: timedelta = setting(
        DURATION,
        timedelta(minutes=10),
        "How long a POP3 client may be silent; at least 10m (RFC 1939 §3).",
        live=True,
        why="a slow program reads between two commands",
    )
    imap_idle: timedelta = setting(
        DURATION,
        timedelta(minutes=30),
        "How long an IMAP client may be silent, IDLE included; at least 30m (RFC 9051 §5.4).",
        live=True,
        why="phones wake less often than that, to save their battery",
    )
    stop: timedelta = setting(
        DURATION,
        timedelta(seconds=20),
        "How long sessions may go on when the server stops, before they are cut.  Keep systemd's TimeoutStopSec above "
        "it.",
        live=True,
        why="large attachments come in over slow lines",
    )
