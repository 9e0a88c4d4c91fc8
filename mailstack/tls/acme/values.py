"""What an order is made of, without the library that speaks the protocol: that costs a third of a second."""

from dataclasses import dataclass

__all__ = ["AcmeFault", "Authority", "Issued"]


class AcmeFault(Exception):
    """No certificate this time.  `str()` says why in the authority's words, and what to do."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who is asked.  `trust`: a CA file for the authority's own HTTPS, "" for the system's."""

    directory: str
    contact: str  # an e-mail address, or ""
    account_key: str  # path; made when it is not there
    trust: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """PEM: the chain with the server's own first, and its key."""

    chain: bytes
    key: bytes
