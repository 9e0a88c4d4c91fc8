"""What is known of this server that the DNS must say: `zone.records.Facts` from the configuration and its files."""

import hashlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address

from mailstack.config.model import Config
from mailstack.config.units import SocketAddress
from mailstack.dkim.keys import published
from mailstack.dkim.names import a_labels
from mailstack.tls.certs import CertificateFault, pairs_of, spki_of
from mailstack.zone.records import Facts, Service

__all__ = ["facts_of", "global_addresses"]

# RFC 6186 §3 and RFC 8314 §5.1: (name, protocol, TLS from the start)
_SERVICES = (
    ("submissions", "submission", "implicit"),
    ("submission", "submission", "starttls"),
    ("imaps", "imap", "implicit"),
    ("imap", "imap", "starttls"),
    ("pop3s", "pop3", "implicit"),
    ("pop3", "pop3", "starttls"),
)
# documentation addresses (RFC 5737, RFC 3849): a route to them is a route to the world, and nothing is sent
_SOMEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def facts_of(config: Config, domain: str, addresses: Sequence[str] = ()) -> Facts:
    """`addresses` empty: those that this machine has in the world, as far as it can tell by itself."""
    return Facts(
        domain=domain,
        host=config.hostname,
        addresses=tuple(addresses) or tuple(global_addresses(config)),
        services=tuple(Service(name, _port(config, protocol, tls)) for name, protocol, tls in _SERVICES),
        dkim=tuple(published(config.dkim_folder, a_labels(domain))),
        key_digests=tuple(dict.fromkeys(_digests(config))),
        reports_to=f"postmaster@{domain}",
    )


def global_addresses(config: Config) -> Iterator[str]:
    """Addresses that smtp listens on, when they are named; else those that this machine would be seen with.

    Behind NAT there is none: only the world knows the address, and `--ip` tells it.
    """
    named = [ip_address(each.host) for each in _listening(config) if not ip_address(each.host).is_unspecified]
    found = named or [ip_address(text) for text in _routed()]
    yield from (str(address) for address in found if address.is_global)


def _listening(config: Config) -> Iterator[SocketAddress]:
    for listener in config.listeners:
        if listener.enabled and listener.protocol == "smtp":
            yield from listener.address


def _routed() -> Iterator[str]:
    for family, far in _SOMEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            yield probe.getsockname()[0]


def _port(config: Config, protocol: str, tls: str) -> int:
    """Where programs from outside reach the service; 0: it is not offered to them."""
    for listener in config.listeners:
        if listener.enabled and listener.protocol == protocol and listener.tls == tls:
            for address in listener.address:
                if not ip_address(address.host).is_loopback:
                    return address.port
    return 0


def _digests(config: Config) -> Iterator[str]:
    with suppress(CertificateFault):
        for pair in pairs_of(config.tls):
            yield hashlib.sha256(spki_of(pair)).hexdigest()
