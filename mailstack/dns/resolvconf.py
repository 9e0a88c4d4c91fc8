"""`/etc/resolv.conf`, as far as a stub resolver of ours is concerned.  Pure.  See resolv.conf(5)."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Servers", "read_resolv_conf", "trusted"]

Server = tuple[str, int]  # address, port
_SERVERS_MAX = 3  # as the C library's MAXNS


@dataclass(frozen=True, slots=True)
class Servers:
    """Where to ask; `trust_ad`: their word that an answer was validated is believed."""

    addresses: tuple[Server, ...]
    trust_ad: bool


def read_resolv_conf(text: str) -> Servers:
    """Without a usable nameserver line: the one on this host, as the C library does."""
    addresses = tuple(_nameservers(text))[:_SERVERS_MAX] or (("127.0.0.1", 53),)
    trust_ad = any("trust-ad" in line.split()[1:] for line in text.splitlines() if line.startswith("options"))
    return Servers(addresses, trust_ad or trusted(addresses))


def trusted(addresses: Sequence[Server]) -> bool:
    """Whether all of them are on this host, so that nobody stands in between."""
    return all(ipaddress.ip_address(ip.partition("%")[0]).is_loopback for ip, _ in addresses)


def _nameservers(text: str) -> Iterator[Server]:
    for line in text.splitlines():
        match line.split():
            case ["nameserver", ip, *_] if _is_address(ip):
                yield ip, 53


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
