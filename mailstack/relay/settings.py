"""What the relay is told, as values."""

from dataclasses import dataclass, field
from enum import Enum

from mailstack.base.secret import Secret
from mailstack.relay.tokens import ClientCredentials
from mailstack.smtp.conversation import ClientLimits, LogIn

__all__ = ["Carrying", "RelaySettings", "Reuse", "Smarthost", "SmarthostTls"]


@dataclass(frozen=True, slots=True)
class Reuse:
    """Limits of the connections that are kept for the next message.  `idle_max` is for all servers together."""

    idle_seconds: float = 5.0  # servers need their places too; Postfix keeps 2 s, RFC 5321 §4.5.3.2.7 allows 5 min
    messages_max: int = 100  # some count, and hang up rudely
    idle_max: int = 100


@dataclass(frozen=True, slots=True)
class Carrying:
    """How messages are put to servers.  `converts`: encoded for servers without 8BITMIME, else sent as they are."""

    chunking: bool = True  # BDAT where it is offered
    converts: bool = True


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """`name` is what we call ourselves in EHLO; `own_names` are hosts that are this server (no mail to oneself)."""

    name: str
    own_names: frozenset[str] = frozenset()
    port: int = 25
    connect_seconds: float = 30
    hosts_max: int = 5  # MX hosts that one attempt may try
    addresses_max: int = 4  # addresses of one host that one attempt may try
    opportunistic_tls: bool = True
    limits: ClientLimits = field(default_factory=ClientLimits)
    reuse: Reuse = field(default_factory=Reuse)


class SmarthostTls(Enum):
    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Smarthost:
    """The one server that takes everything.  No login when `user` is empty."""

    host: str  # a name, or an address
    port: int = 587
    tls: SmarthostTls = SmarthostTls.STARTTLS
    verify: bool = True  # its certificate must be good for `host`
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    tokens: ClientCredentials | None = None  # then there is no password

    async def login(self) -> LogIn | None:
        """None: without.  IssuerUnreachable when there is no token now."""
        if not self.user:
            return None
        if self.tokens is None:
            return LogIn(self.user, self.password)
        return LogIn(self.user, await self.tokens.token(), token=True)
