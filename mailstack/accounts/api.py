"""Who people are and where an address leads, as values; no I/O here."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailstack.base.engine import Peer
from mailstack.base.secret import Secret

__all__ = [
    "Allowance",
    "AnyClaim",
    "CertificateClaim",
    "Claim",
    "Directory",
    "Fetch",
    "Forward",
    "IssuerUnreachable",
    "Local",
    "Login",
    "NotOurs",
    "Principal",
    "Resolution",
    "Rights",
    "ScramClaim",
    "ScramKeys",
    "TokenClaim",
    "Unknown",
]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says it is: made by a SASL mechanism, or by USER/PASS or LOGIN.

    `authzid` "" means: the same as `name`.
    """

    mechanism: str  # "PLAIN", "LOGIN", "USER"
    name: str
    password: Secret
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What SCRAM needs of a password, for one hash function.  RFC 5802 §3"""

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    algorithm: str = "sha256"  # as hashlib calls it; "sha1" for SCRAM-SHA-1


@dataclass(frozen=True, slots=True)
class ScramClaim:
    """What a client says it is, with a proof over the messages of both sides that it knows the password.  RFC 5802 §3

    `authzid` "" means: the same as `name`.
    """

    mechanism: str  # "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
    name: str
    auth_message: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    authzid: str = ""
    algorithm: str = "sha256"


@dataclass(frozen=True, slots=True)
class TokenClaim:
    """What a client says it is, with an access token of the issuer that the configuration names.  RFC 7628

    `name` "" means: whoever the token was made for.
    """

    mechanism: str  # "OAUTHBEARER", "XOAUTH2"
    name: str
    token: Secret
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class CertificateClaim:
    """Whoever the client's certificate (`Peer.addresses`) was made for; `name` chooses among them, "" does not."""

    mechanism: str  # "EXTERNAL"
    name: str
    authzid: str = ""


AnyClaim = Claim | ScramClaim | TokenClaim | CertificateClaim


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who has logged in.  `account` is the primary address, lower case: the store's name of the account."""

    account: str
    addresses: frozenset[str]  # the addresses it may send as, lower case


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may do.  `epoch` grows whenever whoever is logged in must log in anew."""

    enabled: bool = True  # may log in
    may_send: bool = True
    may_receive: bool = True
    epoch: int = 0
    limits: Mapping[str, int] = field(default_factory=dict)  # of its own: see `accounts.sending`


@dataclass(frozen=True, slots=True)
class Local:
    """The address is a mailbox here.  `detail` is what stood behind the `+`."""

    account: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """An alias: its members, in order, local or remote; already expanded, loops and duplicates removed."""

    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The domain is ours, the address is nobody's."""


@dataclass(frozen=True, slots=True)
class NotOurs:
    """The domain is not ours."""


Resolution = Local | Forward | Unknown | NotOurs


class Directory(Protocol):
    """Domains, accounts and aliases."""

    def resolve(self, address: str) -> Resolution:
        """Where mail to `local@domain` goes.  In an own domain `postmaster` leads somewhere (RFC 5321 §4.5.1)."""

    def takes_bounces_only(self, address: str) -> bool:
        """A return path that this server made for mail that it passed on."""

    def is_own_domain(self, domain: str) -> bool: ...

    def own_domains(self) -> Sequence[str]: ...

    def rights(self, account: str) -> Rights | None:
        """None when there is no such account."""


class Allowance(Protocol):
    """How much each account may send."""

    def expect(self, account: str, recipients: int) -> None:
        """Whether one message more, for so many, would be within the limits.  MailError(RATE_LIMITED)"""

    def take(self, account: str, recipients: Sequence[str]) -> None:
        """The same for these addresses, and count it.  MailError(RATE_LIMITED)"""


class IssuerUnreachable(Exception):
    """No answer of the issuer of tokens, or not one that can be used.  `str()` is one line for the log."""


class Fetch(Protocol):
    """One request over HTTPS."""

    def __call__(self, url: str, form: Mapping[str, str] | None = None, authorization: str = "") -> Awaitable[bytes]:
        """GET, or POST of a form; the body of an answer 200.  IssuerUnreachable."""


class Login(Protocol):
    """Decides about claims, the same for every protocol."""

    def verify(self, claim: AnyClaim, peer: Peer, cid: str = "-") -> Awaitable[Principal]:
        """May take seconds after failures.  `cid` is the connection's, for the log.

        MailError(LOGIN_FAILED), the same words and time for an unknown name and a wrong password;
        MailError(LOGIN_UNAVAILABLE) when it cannot be told now.
        """

    def scram_keys(self, name: str, algorithm: str = "sha256") -> Awaitable[ScramKeys]:
        """What is kept for a user; for an unknown one always the same keys that nobody has.  MailError as above."""
