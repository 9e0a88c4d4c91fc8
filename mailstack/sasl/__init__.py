"""SASL mechanisms, server side, sans-IO: each speaks, `accounts.login` decides.

A mechanism is a class without arguments whose `step` is given the client's
octets (already out of base64) and answers `Challenge`, `Done(claim)` or
`Refused(reason)`.  It knows neither accounts nor the protocol around it, so the
same classes serve SMTP, POP3 and IMAP.

Refused: DIGEST-MD5 and CRAM-MD5, because they need the password itself to be
kept; SASLprep of names and passwords, because what `accounts` compares with has
been prepared by `accounts` (RFC 4616 §2 leaves the choice to the server).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mailstack.sasl.api import ServerExchange
from mailstack.sasl.login import LoginExchange
from mailstack.sasl.plain import PlainExchange

__all__ = ["SERVER_MECHANISMS"]

# in the order in which they are offered
SERVER_MECHANISMS: Mapping[str, Callable[[], ServerExchange]] = MappingProxyType(
    {
        PlainExchange.name: PlainExchange,
        LoginExchange.name: LoginExchange,
    }
)
