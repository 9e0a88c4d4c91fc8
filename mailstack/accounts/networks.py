"""The network that an address stands for: what one person, or one provider, has to choose addresses from."""

import ipaddress

__all__ = ["network_of", "parse_network", "wide_network_of"]


def network_of(ip: str) -> str:
    """An IPv4 address is itself; an IPv6 client has at least a /64."""
    return _within(ip, 32, 64)


def wide_network_of(ip: str) -> str:
    """What is handed out in one piece: /24, /48."""
    return _within(ip, 24, 48)


def _within(ip: str, four: int, six: int) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    length = four if address.version == 4 else six
    return _text(ipaddress.ip_network((address, length), strict=False))


def parse_network(text: str) -> str:
    """What somebody typed, as the functions above write it.  ValueError."""
    return _text(ipaddress.ip_network(text.strip(), strict=False))


def _text(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    return str(network).removesuffix("/32") if network.version == 4 else str(network)
