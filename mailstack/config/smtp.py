"""`[smtp]` and `[submission]`: what is taken from strangers, and from people who have logged in."""

# ruff: noqa: RUF009  `setting()` and `required()` are this package's `field()`

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from mailstack.config.kinds import (
    DURATION,
    FLAG,
    TEXT,
    ListOf,
    Number,
    choice,
)
from mailstack.config.setting import Section, setting

__all__ = ["Smtp", "Submission"]


_BARE_LINE_ENDS = (
    "What becomes of a CR or LF in a message that is not part of a CRLF.  refuse: 550 5.6.11.  normalise: it becomes a "
    "line end."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp(Section):
    doc: ClassVar[str] = "Mail from other servers: listeners with the protocol smtp."

    greeting_delay: timedelta = setting(
        DURATION,
        timedelta(0),
        "How long clients from other machines wait for the greeting.  Who speaks before it is sent away (554): bots "
        "do, servers never.  0s: not at all; 2s to 6s is usual.",
        why="bots take your places, and senders may wait a little",
        live=True,
    )

    bare_line_ends: Literal["refuse", "normalise"] = setting(
        choice("refuse", "normalise"),
        "refuse",
        _BARE_LINE_ENDS,
        why="a machine of yours that cannot be mended sends such mail; strangers could smuggle with it elsewhere",
        live=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(Section):
    doc: ClassVar[str] = "Mail from people who have logged in: listeners with the protocol submission."

    bare_line_ends: Literal["refuse", "normalise"] = setting(
        choice("refuse", "normalise"),
        "normalise",
        _BARE_LINE_ENDS,
        why="every program in use here is known to be right",
        live=True,
    )
    check_header_from: bool = setting(
        FLAG,
        True,
        "Whether the address in From must be one of the account's own, or an alias that leads to it.  The sender "
        "address of the envelope always must.",
        why="a program sends in the names of many people",
        live=True,
    )
    messages_per_hour: int = setting(
        Number(0, 10_000_000),
        300,
        "Messages that one account may send within an hour.  `mailstack account limits` sets others for one "
        "account.  0: any number.  Beyond a limit mail is refused for the time being (451 4.7.1), and the log"
        " warns.",
        why="a program sends for many people",
        live=True,
    )
    messages_per_day: int = setting(
        Number(0, 10_000_000),
        2000,
        "Messages that one account may send within a day.  0: any number.",
        why="a program sends for many people",
        live=True,
    )
    recipients_per_hour: int = setting(
        Number(0, 10_000_000),
        2000,
        "Recipients, each of each message counted, within an hour.  0: any number.",
        why="a program sends for many people",
        live=True,
    )
    recipients_per_day: int = setting(
        Number(0, 10_000_000),
        10000,
        "Recipients within a day.  0: any number.",
        why="a program sends for many people",
        live=True,
    )
    new_recipients_per_day: int = setting(
        Number(0, 10_000_000),
        500,
        "Recipients within a day to whom the account has never written before: what spammers with a stolen "
        "password need.  0: any number.",
        why="a newsletter goes out from an account",
        live=True,
    )
    hold_at_most: timedelta = setting(
        DURATION,
        timedelta(days=30),
        "How long a message may be held back when a mail program asks for that (FUTURERELEASE: send later).  0s: not "
        "at all.",
        why="people plan further ahead, or the disk is small",
        live=True,
    )
    urgent_senders: tuple[str, ...] = setting(
        ListOf(TEXT),
        (),
        'Accounts whose mail goes before that of others when they ask for it (MT-PRIORITY above 0); "*" is everybody.  '
        "Everybody may ask to be served later than others.",
        example=("alarm@example.org",),
        why="a monitoring system or a command post sends from here",
        live=True,
    )
    show_client_ip: bool = setting(
        FLAG,
        False,
        "Whether the Received line tells from which IP address the author has sent.",
        why="your provider asks for it, to trace abuse",
        live=True,
    )
