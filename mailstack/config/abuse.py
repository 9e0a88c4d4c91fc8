"""`[abuse]`: when an address is sent away for a while."""

# ruff: noqa: RUF009  `setting()` is this package's `field()`

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import ClassVar

from mailstack.config.kinds import DURATION, NETWORKS, Number
from mailstack.config.setting import Section, setting
from mailstack.config.units import Network

__all__ = ["Abuse"]

_COUNT = Number(0, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abuse(Section):
    doc: ClassVar[str] = (
        "When an address is sent away for a while.  An address here is an IPv4 address or an IPv6 /64.  One from which "
        "somebody has logged in within a week is never sent away.  See `mailstack ban --help`."
    )

    wrong_passwords: int = setting(
        _COUNT,
        20,
        "Different wrong passwords (or names) from one address within an hour, before it is banned from logging in; a "
        "program that says its old password again and again has said one.  0: nobody is banned.",
        why="many people who mistype share an address from which nobody has logged in yet",
        live=True,
    )
    ban: timedelta = setting(
        DURATION,
        timedelta(minutes=15),
        "How long the first ban of an address lasts; the next one is four times as long, and so on.",
        why="people are troubled by it, or guessers are not",
        live=True,
    )
    longest_ban: timedelta = setting(
        DURATION, timedelta(days=1), "How long a ban lasts at most.", why="guessers come back each day", live=True
    )
    connections_per_minute: int = setting(
        _COUNT,
        300,
        "Connections that one address may make within a minute, of all services together.  0: any number.",
        why="one machine of yours makes more (name it in `never`)",
        live=True,
    )
    connections_per_minute_network: int = setting(
        _COUNT,
        3000,
        "The same for a whole /24, or an IPv6 /48.",
        why="a large company's machines send to you",
        live=True,
    )
    errors_per_hour: int = setting(
        _COUNT,
        1000,
        "Errors (unknown recipients, commands that are refused or not understood) of one address within an hour, "
        "before it is banned from logging in.  0: any number.",
        why="a list with many dead addresses comes in",
        live=True,
    )
    never: tuple[Network, ...] = setting(
        NETWORKS,
        (ip_network("127.0.0.1"), ip_network("::1")),
        "Addresses and networks that are never counted and never banned: this machine, a webmail, a monitor.",
        why="a machine of yours logs in for many people",
        live=True,
    )
