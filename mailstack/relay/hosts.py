"""Which hosts to try for a domain, in which order.  Pure; the dice are an argument.  RFC 5321 §5.1"""

import ipaddress
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest
from random import Random

from mailstack.dns.api import MxHost, MxSet
from mailstack.queue.api import RemoteReply

__all__ = ["NoHosts", "address_literal", "interleave", "order_hosts"]


@dataclass(frozen=True, slots=True)
class NoHosts(Exception):
    """Nobody takes mail for the domain; `reply` says why, for good."""

    reply: RemoteReply


def _never(_host: str) -> bool:
    return False


def order_hosts(
    domain: str, mx: MxSet, own_names: Collection[str], dice: Random, first: Callable[[str], bool] = _never
) -> tuple[str, ...]:
    """Host names in the order in which to try them.  NoHosts when there is none.

    Without MX the domain is the host (implicit MX).  Equals stand in random order, behind
    those that are to be `first` (a connection is open already).  When we are in the list,
    only hosts better than us are left: mail never goes sideways or back.
    """
    if not mx.hosts:
        if domain in own_names:
            raise _loop(domain)
        return (domain,)
    if any(host.host == "" for host in mx.hosts):
        raise _null_mx(domain) if len(mx.hosts) == 1 else _refusal("5.4.4", f"{domain} has a broken MX (RFC 7505)")
    hosts = _better_than_us(mx.hosts, own_names)
    if not hosts:
        raise _loop(domain)
    ordered: dict[str, None] = {}
    for _, equals in groupby(sorted(hosts, key=_preference), key=_preference):
        names = sorted({each.host for each in equals})
        dice.shuffle(names)
        names.sort(key=lambda name: not first(name))
        ordered.update(dict.fromkeys(names))
    return tuple(ordered)


def _preference(host: MxHost) -> int:
    return host.preference


def _better_than_us(hosts: Sequence[MxHost], own_names: Collection[str]) -> list[MxHost]:
    ours = [host.preference for host in hosts if host.host in own_names]
    return [host for host in hosts if not ours or host.preference < min(ours)]


def _refusal(status: str, text: str) -> NoHosts:
    return NoHosts(RemoteReply("", 0, status, text))


def _null_mx(domain: str) -> NoHosts:
    return _refusal("5.1.10", f"{domain} does not accept mail (null MX)")  # RFC 7505 §4.2


def _loop(domain: str) -> NoHosts:
    return _refusal("5.4.6", f"the MX of {domain} leads back to this server, which does not serve it")


def address_literal(domain: str) -> str | None:
    """The address in `[192.0.2.1]` or `[IPv6:2001:db8::1]`; None when it is no address literal.  RFC 5321 §4.1.3

    ValueError for brackets with something else in them.
    """
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    inner = domain[1:-1]
    if inner[:5].lower() == "ipv6:":
        return str(ipaddress.IPv6Address(inner[5:]))
    return str(ipaddress.IPv4Address(inner))


def interleave(ips: Sequence[str], at_most: int) -> tuple[str, ...]:
    """IPv6 and IPv4 by turns, so that a broken one of the two costs one try.  After RFC 8305 §4"""
    six = [ip for ip in ips if ":" in ip]
    four = [ip for ip in ips if ":" not in ip]
    return tuple(ip for ip in chain.from_iterable(zip_longest(six, four)) if ip is not None)[:at_most]
