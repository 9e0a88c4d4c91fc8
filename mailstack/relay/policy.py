"""Whether TLS is used, and how good it must be.  Pure: every decision says why."""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

from mailstack.relay.settings import Smarthost, SmarthostTls

__all__ = ["Need", "Step", "TlsPolicy", "for_mx", "for_smarthost"]


class Need(Enum):
    """How much TLS a server must have."""

    NONE = "no TLS"
    OPPORTUNISTIC = "TLS when offered"
    REQUIRED = "TLS by STARTTLS"
    IMPLICIT = "TLS from the first octet"


class Step(Enum):
    """What comes after the server's EHLO in the clear."""

    GO_ON = "go on in the clear"
    START_TLS = "STARTTLS"
    GIVE_UP = "do not send"


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """`verify`: the certificate must be good for the host's name; `reason` is for the log and the queue."""

    need: Need
    verify: bool
    reason: str

    @property
    def mandatory(self) -> bool:
        return self.need in {Need.REQUIRED, Need.IMPLICIT}

    @property
    def level(self) -> Hashable:
        """What a connection must have had to be good for another message."""
        return self.need, self.verify

    def step(self, *, offered: bool) -> Step:
        """Decide after EHLO in the clear; `offered`: the server has STARTTLS."""
        match self.need:
            case Need.REQUIRED:
                return Step.START_TLS if offered else Step.GIVE_UP
            case Need.OPPORTUNISTIC if offered:
                return Step.START_TLS
        return Step.GO_ON

    def after_failure(self) -> "TlsPolicy | None":
        """How to try the same address again when TLS broke; None: not at all."""
        if self.need is not Need.OPPORTUNISTIC:
            return None
        return TlsPolicy(Need.NONE, verify=False, reason="STARTTLS failed there, and nothing asks for TLS")


def for_mx(*, opportunistic: bool) -> TlsPolicy:
    if not opportunistic:
        return TlsPolicy(Need.NONE, verify=False, reason="switched off by the configuration")
    return TlsPolicy(Need.OPPORTUNISTIC, verify=False, reason="the domain asks for nothing (no DANE, no MTA-STS)")


def for_smarthost(smarthost: Smarthost) -> TlsPolicy:
    needs = {
        SmarthostTls.NONE: Need.NONE,
        SmarthostTls.OPPORTUNISTIC: Need.OPPORTUNISTIC,
        SmarthostTls.STARTTLS: Need.REQUIRED,
        SmarthostTls.IMPLICIT: Need.IMPLICIT,
    }
    need = needs[smarthost.tls]
    verify = smarthost.verify and need in {Need.REQUIRED, Need.IMPLICIT}
    return TlsPolicy(need, verify, "the configuration of that server")
