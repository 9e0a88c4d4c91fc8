"""What became of TLS with a host of a domain's MX: for the memory of levels and for TLS reports.  Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from mailstack.queue.api import RemoteReply
from mailstack.relay.mtasts import StsPolicy
from mailstack.relay.policy import TlsPolicy

__all__ = ["TlsLevel", "TlsResult", "Watch", "failure_of", "ignore", "spelled_policy"]


class TlsLevel(IntEnum):
    """The more, the better."""

    CLEAR = 0
    ENCRYPTED = 1  # TLS with any certificate
    VERIFIED = 2  # with the right one, by DANE or for its name

    @property
    def words(self) -> str:
        return ("in the clear", "with TLS, certificate not checked", "with TLS and the right certificate")[self]


@dataclass(frozen=True, slots=True)
class TlsResult:
    """One session with a server, or the want of one.

    `failure` is a result type of RFC 8460 §4.3, "" for a success; `level` is None where no
    session came about; `policy` None where none could be told (then `failure` says why).
    """

    domain: str
    host: str
    ip: str
    policy: TlsPolicy | None
    failure: str = ""
    reason: str = ""
    level: TlsLevel | None = None


Watch = Callable[[TlsResult], None]


def ignore(_result: TlsResult) -> None:
    """The watch of whoever is not interested."""


def failure_of(reply: RemoteReply) -> str:
    """The result type of a session that was not brought about; "" when TLS is not to blame.  RFC 8460 §4.3"""
    if reply.code or reply.status not in {"4.7.0", "4.7.5"}:
        return ""
    if reply.status == "4.7.0":
        return "starttls-not-supported"
    return next((kind for kind, pattern in _BY_WORDS if pattern.search(reply.text)), "validation-failure")


_BY_WORDS = (
    ("validation-failure", re.compile("^DANE")),
    ("certificate-expired", re.compile("expired", re.IGNORECASE)),
    ("certificate-host-mismatch", re.compile("VerificationError|mismatch", re.IGNORECASE)),
    ("certificate-not-trusted", re.compile("certificate verify failed|self.signed|local issuer", re.IGNORECASE)),
)


def spelled_policy(policy: TlsPolicy | None) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """policy-type, policy-string, mx-host.  RFC 8460 §4.2"""
    if policy is not None and policy.tlsa:
        records = (f"{r.usage} {r.selector} {r.matching} {r.data.hex()}" for r in policy.tlsa)
        return "tlsa", tuple(records), ()
    if policy is not None and policy.sts is not None:
        return "sts", _lines(policy.sts), policy.sts.mx
    return "no-policy-found", (), ()


def _lines(sts: StsPolicy) -> tuple[str, ...]:
    return ("version: STSv1", f"mode: {sts.mode.value}", *(f"mx: {mx}" for mx in sts.mx), f"max_age: {sts.max_age}")
