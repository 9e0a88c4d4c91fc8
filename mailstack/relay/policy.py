"""Whether TLS is used, and how good it must be.  Pure: every decision says why.

For a host of an MX the strongest word counts: the sender's REQUIRETLS (RFC 8689 §4.2.1) above all, then
DANE (RFC 7672 §2.2), then MTA-STS (RFC 8461 §2 puts it behind DANE), then nothing: TLS when it is offered.
`TLS-Required: No` (RFC 8689 §4.2.2) takes DANE and MTA-STS away.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import Enum

from mailstack.dns.api import TlsaRecord, TlsaSet
from mailstack.relay.dane import usable
from mailstack.relay.mtasts import StsMode, StsPolicy
from mailstack.relay.settings import Smarthost, SmarthostTls

__all__ = [
    "Need",
    "RefusedHost",
    "Step",
    "TlsPolicy",
    "for_mx",
    "for_mx_host",
    "for_requiretls",
    "for_smarthost",
    "regardless",
]


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
    sts: StsPolicy | None = None  # the domain's, whatever it asks for
    asked: bool = False  # the sender insists (REQUIRETLS): what fails, fails for good

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

    @property
    def authenticates(self) -> bool:
        """Whether the server must prove who it is."""
        return self.mandatory and (self.verify or bool(self.tlsa))

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
            usual, reason=f"MTA-STS of {domain} is in testing{'' if fits else ', and does not name the host'}", sts=sts
        )
    if not fits:
        raise RefusedHost(f"the MTA-STS policy of {domain} does not name {host}")
    return TlsPolicy(Need.REQUIRED, verify=True, reason=f"MTA-STS of {domain}", by="MTA-STS", sts=sts)


def for_requiretls(policy: TlsPolicy, host: str, domain: str, *, mx_secure: bool, sts: StsPolicy | None) -> TlsPolicy:
    """The same host for a message that its sender wants verified.  RefusedHost.  RFC 8689 §4.2.1

    Somebody must vouch for the host's name (DNSSEC for the MX, or an MTA-STS policy) unless
    it is the domain itself; then its certificate must be good, by DANE or for that name.
    """
    vouched = mx_secure or host == domain or (sts is not None and sts.covers(host))
    if not vouched:
        raise RefusedHost(f"REQUIRETLS: nothing vouches for {host} (no DNSSEC, no MTA-STS policy that names it)")
    return replace(
        policy,
        need=Need.IMPLICIT if policy.need is Need.IMPLICIT else Need.REQUIRED,
        verify=not policy.tlsa,
        reason=f"REQUIRETLS; {policy.reason}",
        asked=True,
    )


def regardless(usual: TlsPolicy) -> TlsPolicy:
    """`TLS-Required: No`: whatever the domain asks for.  RFC 8689 §4.2.2"""
    return replace(usual, reason="the sender says TLS-Required: No")


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
