"""One SASL exchange, server side, sans-IO (RFC 4422): octets of the client in, a challenge or a claim out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mailstack.accounts.api import AnyClaim, ScramKeys

__all__ = ["Challenge", "Channel", "Done", "Mechanisms", "NeedKeys", "Refused", "ServerExchange"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """Octets for the client, before base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The exchange is over, and this is what the client claims; `accounts.login` decides.

    `last` is for a client whose claim was found good; it answers with nothing.  `regret` is for one whose claim was
    not: it answers with whatever its mechanism says, and hears the failure then.
    """

    claim: AnyClaim
    last: bytes | None = None
    regret: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The client's octets make no sense; `reason` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Channel:
    """The connection, as far as it matters for the login.  RFC 5056

    `binding` is what both ends alone know of it, of the kind that the client has named; None when there is none.
    """

    binding: bytes | None = None
    binding_offered: bool = False  # by a mechanism whose name ends in -PLUS


@dataclass(frozen=True, slots=True)
class NeedKeys:
    """To go on, the exchange must know what is kept for `name`; `go_on` takes it, and the channel's `binding`.

    Keys come for every name, so that nobody can tell whether there is such a user.
    """

    name: str
    binding: str  # the kind of channel binding, "" for none: RFC 5929, RFC 9266
    go_on: Callable[[ScramKeys, Channel], Challenge | Refused] = field(compare=False, repr=False)
    algorithm: str = "sha256"


class ServerExchange(Protocol):
    name: str

    def step(self, response: bytes | None) -> Challenge | NeedKeys | Done | Refused:
        """`None` first when the client gave no initial response; afterwards each decoded response in turn."""


Mechanisms = Mapping[str, Callable[[], ServerExchange]]  # in the order in which they are offered
