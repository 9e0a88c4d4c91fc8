"""One SASL exchange, server side, sans-IO (RFC 4422): octets of the client in, a challenge or a claim out."""

from dataclasses import dataclass
from typing import Protocol

from mailstack.accounts.api import Claim

__all__ = ["Challenge", "Done", "Refused", "ServerExchange"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """Octets for the client, before base64."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The exchange is over, and this is what the client claims; `accounts.login` decides."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Refused:
    """The client's octets make no sense; `reason` is for the log."""

    reason: str


class ServerExchange(Protocol):
    name: str

    def step(self, response: bytes | None) -> Challenge | Done | Refused:
        """`None` first when the client gave no initial response; afterwards each decoded response in turn."""
