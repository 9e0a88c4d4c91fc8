"""Whether TLS is used, and how good it must be.  Pure: every decision says why.

For a host of an MX the strongest word counts: DANE (RFC 7672 §2.2), then MTA-STS (RFC 8461 §2 puts it
behind DANE), then nothing: TLS when it is offered.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import Enum

from mailstack.dns.api import TlsaRecord, TlsaSet
from mailstack.relay.dane import usable
from mailstack.relay.mtasts import StsMode, StsPolicy
from mailstack.relay.settings import Smarthost, SmarthostTls

__all__ = ["Need", "RefusedHost", "Step", "TlsPolicy", "for_mx", "for_mx_host", "for_smarthost"]


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
    """`verify`: the certificate must be good for the host's name; `reason` is for the log and the queue.

    `tlsa`: it must match one of these (DANE) instead, and for usage 2 name one of `names`.
    """

    need: Need
    verify: bool
    reason: str
    tlsa: tuple[TlsaRecord, ...] = ()
    names: tuple[str, ...] = ()
    by: str = ""  # who asks for that, when not we ourselves

    @property
    def words(self) -> str:
        return f"{self.need.value}{', certificate verified' if self.verify else ''}: {self.reason}"

    @property
    def mandatory(self) -> bool:
        return self.need in {Need.REQUIRED, Need.IMPLICIT}

    @property
    def level(self) -> Hashable:
        """What a connection must have had to be good for another message."""
        return self.need, self.verify, self.tlsa, self.names if self.tlsa else ()

    @property
    def worth(self) -> str:
        """What the certificate was worth, for the log, when TLS stands."""
        if not (self.verify or self.tlsa):
            return "unverified"
        return f"verified by {self.by}" if self.by else "verified"

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


def for_mx_host(usual: TlsPolicy, host: str, domain: str, tlsa: TlsaSet | None, sts: StsPolicy | None) -> TlsPolicy:
    """One host of a domain's MX.  RefusedHost when nothing may be sent there.

    `tlsa` is None where DNSSEC says nothing: the MX, the addresses or the records
    themselves are not secure.  `sts` is None without a policy, or with mode none.
    """
    if tlsa is not None and tlsa.secure and tlsa.records:
        records = usable(tlsa.records)
        if records:
            return TlsPolicy(Need.REQUIRED, verify=False, reason="DANE", tlsa=records, names=(host, domain), by="DANE")
        return TlsPolicy(Need.REQUIRED, verify=False, reason="DANE, with no record that can be used")
    if sts is None:
        return usual
    fits = sts.covers(host)
    if sts.mode is StsMode.TESTING:
        return replace(
            usual, reason=f"MTA-STS of {domain} is in testing{'' if fits else ', and does not name the host'}"
        )
    if not fits:
        raise RefusedHost(f"the MTA-STS policy of {domain} does not name {host}")
    return TlsPolicy(Need.REQUIRED, verify=True, reason=f"MTA-STS of {domain}", by="MTA-STS")


@dataclass(frozen=True, slots=True)
class RefusedHost(Exception):
    """A host that the domain's own policy rules out."""

    reason: str


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
