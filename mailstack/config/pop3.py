"""`[pop3]`: what POP3 sessions see."""

# ruff: noqa: RUF009  `setting()` is this package's `field()`

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from mailstack.config.kinds import DURATION, Number
from mailstack.config.setting import Section, setting

__all__ = ["Pop3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop3(Section):
    doc: ClassVar[str] = "What POP3 sessions see: listeners with the protocol pop3."

    newest: int = setting(
        Number(0, 10_000_000),
        0,
        "Show only so many messages of the INBOX, the newest.  0: all.",
        why="mail programs that forgot what they had download years of mail, the oldest first",
        live=True,
    )
    newer_than: timedelta = setting(
        DURATION,
        timedelta(),
        "Show only messages that arrived within this time.  0s: all.",
        why="as above",
        live=True,
    )
    login_delay: timedelta = setting(
        DURATION,
        timedelta(),
        "The least time between two sessions of one account (LOGIN-DELAY, RFC 2449); who comes earlier is told to "
        "wait.  0s: none.",
        why="programs ask every few seconds",
        live=True,
    )
    take_over_after: timedelta = setting(
        DURATION,
        timedelta(minutes=1),
        "A maildrop belongs to one session at a time.  When that has said nothing for so long, a new login takes its "
        "place: the telephone that held it has lost its network.",
        why="a slow program is cut off by the same person's other one",
        live=True,
    )
