"""What must hold between settings; each check is one function from the configuration to its faults."""

import ipaddress
from collections.abc import Callable, Iterator
from datetime import timedelta

from mailstack.config.faults import Fault
from mailstack.config.model import Config
from mailstack.config.units import SocketAddress

__all__ = ["cross_check"]

_SOCKET_PATH_LIMIT = 107  # octets of a Unix socket's path, Linux unix(7)


def cross_check(config: Config) -> tuple[Fault, ...]:
    return tuple(fault for check in _CHECKS for fault in check(config))


def _certificate_needed(config: Config) -> Iterator[Fault]:
    tls = config.tls
    if bool(tls.certificate) != bool(tls.key):
        missing, given = ("key", "certificate") if tls.certificate else ("certificate", "key")
        yield Fault(f"tls.{missing}", f"is missing while tls.{given} is given; allowed: both or none")
    elif not tls.certificate:
        names = [listener.name for listener in config.listeners if listener.enabled and listener.tls != "none"]
        if names:
            yield Fault(
                "tls.certificate",
                f"is missing, and TLS is used by {', '.join(names)}; allowed: the path of a certificate, "
                'or tls = "none" or enabled = false for each of them',
            )
            yield Fault("tls.key", "is missing; allowed: the path of the certificate's private key")


def _acme_is_whole(config: Config) -> Iterator[Fault]:
    acme, folder = config.tls.acme, config.certificates_folder
    if not acme.enabled:
        return
    if config.tls.certificate != f"{folder}/fullchain.pem":
        yield Fault("tls.acme.enabled", "is true while tls.certificate is given; allowed: one or the other")
    if acme.challenge == "dns-01" and not acme.dns_server:
        yield Fault("tls.acme.dns_server", "is missing; allowed: for dns-01 the zone's primary name server")


def _something_listens(config: Config) -> Iterator[Fault]:
    if not any(listener.enabled for listener in config.listeners):
        yield Fault("listeners", "none is enabled; allowed: at least one with enabled = true")
    for listener in config.listeners:
        if listener.enabled and not (listener.address or listener.path):
            yield Fault(
                f"listeners.{listener.name}.address", "is empty; allowed: at least one address, or enabled = false"
            )


def _paths(config: Config) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for listener in config.listeners:
        if not listener.path:
            continue
        key = f"listeners.{listener.name}.path"
        if listener.protocol != "lmtp":
            yield Fault(key, f"is for lmtp only, not for {listener.protocol}; allowed: address")
        if (octets := len(listener.path.encode())) > _SOCKET_PATH_LIMIT:
            yield Fault(key, f"has {octets} octets; allowed for a socket: at most {_SOCKET_PATH_LIMIT}")
        if listener.path in taken:
            yield Fault(key, f"is used by listeners.{taken[listener.path]} already; allowed: each path once")
        taken.setdefault(listener.path, listener.name)


def _no_lmtp_on_port_25(config: Config) -> Iterator[Fault]:
    """RFC 2033 §5: who expects SMTP there would lose mail."""
    for listener in config.listeners:
        if listener.protocol == "lmtp" and any(address.port == 25 for address in listener.address):
            yield Fault(
                f"listeners.{listener.name}.address", "has port 25, which is SMTP's; allowed: another, such as 24"
            )


def _one_listener_a_port(config: Config) -> Iterator[Fault]:
    taken: dict[SocketAddress, str] = {}
    for listener in config.listeners:
        for address in listener.address if listener.enabled else ():
            if address.port == 0:
                continue
            if other := _overlapping(address, taken):
                yield Fault(
                    f"listeners.{listener.name}.address",
                    f'"{address}" is used by listeners.{taken[other]} ("{other}") already; '
                    "allowed: each address and port once",
                )
            taken.setdefault(address, listener.name)


def _overlapping(address: SocketAddress, taken: dict[SocketAddress, str]) -> SocketAddress | None:
    return next((other for other in taken if _overlap(address, other)), None)


def _overlap(one: SocketAddress, other: SocketAddress) -> bool:
    """The same, or one of them is every address of the same family."""
    a, b = ipaddress.ip_address(one.host), ipaddress.ip_address(other.host)
    return one.port == other.port and a.version == b.version and (a == b or a.is_unspecified or b.is_unspecified)


def _password_with_user(config: Config) -> Iterator[Fault]:
    smarthost = config.relay.smarthost
    key = "relay.smarthost"
    if smarthost.user and not smarthost.password_file:
        yield Fault(
            f"{key}.password_file", "is missing while a user is given; allowed: the path of a file with the password"
        )
    if smarthost.password_file and not smarthost.user:
        yield Fault(f"{key}.user", "is missing while a password_file is given; allowed: the name to log in with")
    if smarthost.user and smarthost.tls == "none":
        yield Fault(
            f"{key}.tls", '"none" would send the password in the clear; allowed with a user: "starttls", "implicit"'
        )
    if smarthost.token_url and not (smarthost.user and smarthost.client_id):
        missing = "client_id" if smarthost.user else "user"
        yield Fault(f"{key}.{missing}", "is missing while a token_url is given; allowed: the name to log in with")
    if smarthost.user and not smarthost.host:
        yield Fault(f"{key}.host", "is missing while a user is given; allowed: the name of the server")


def _mechanisms_have_what_they_want(config: Config) -> Iterator[Fault]:
    oauth = config.oauth
    if oauth.issuer and not oauth.introspection and not oauth.audience:
        yield Fault("oauth.audience", "is missing; allowed: what tokens for mail have as aud (or oauth.introspection)")
    if oauth.client_secret_file and not oauth.client_id:
        yield Fault("oauth.client_id", "is missing while a client_secret_file is given; allowed: the name it goes with")
    for listener in config.listeners:
        key = f"listeners.{listener.name}"
        if {"OAUTHBEARER", "XOAUTH2"} & set(listener.mechanisms) and not (oauth.issuer or oauth.introspection):
            yield Fault("oauth.issuer", f"is missing, and {key}.mechanisms wants it; allowed: the provider of tokens")
        if "EXTERNAL" in listener.mechanisms and not listener.client_ca:
            yield Fault(f"{key}.client_ca", "is missing with EXTERNAL; allowed: the path of the CA of the clients")
        if listener.client_ca and listener.tls == "none":
            yield Fault(f"{key}.client_ca", 'cannot be used with tls = "none"; allowed: tls = "starttls", "implicit"')


def _transports(config: Config) -> Iterator[Fault]:
    for number, transport in enumerate(config.relay.transports, 1):
        key = f"relay.transports[{number}]"
        if transport.via == "server" and not transport.host:
            yield Fault(f"{key}.host", 'is missing with via = "server"; allowed: a name or an IP address')
        if transport.user and not transport.password_file:
            yield Fault(f"{key}.password_file", "is missing while a user is given; allowed: the path of a file")
        if transport.user and transport.tls in {"none", "opportunistic"}:
            yield Fault(
                f"{key}.tls", f'"{transport.tls}" may send the password in the clear; allowed: "starttls", "implicit"'
            )


def _own_name(config: Config) -> Iterator[Fault]:
    if not config.hostname:
        yield Fault("hostname", "is empty; allowed: the full name of this server, such as mail.example.org")
    if config.relay.smarthost.host and config.relay.smarthost.host == config.hostname:
        yield Fault("relay.smarthost.host", "is this server itself, a loop; allowed: the name of another server")


def _state_folder(config: Config) -> Iterator[Fault]:
    if config.state in ("", "/"):
        yield Fault("state", f'"{config.state}" cannot be used; allowed: the path of a folder of its own')
    if (octets := len(config.control_socket.encode())) > _SOCKET_PATH_LIMIT:
        yield Fault(
            "control.socket",
            f'"{config.control_socket}" has {octets} octets; allowed for a socket: at most {_SOCKET_PATH_LIMIT}',
        )


def _rfc_minimums(config: Config) -> Iterator[Fault]:
    for key, least in (("smtp_idle", 5), ("pop3_idle", 10), ("imap_idle", 30)):
        if getattr(config.limits, key) < timedelta(minutes=least):
            yield Fault(f"limits.{key}", f"is too short for the RFC; allowed: {least}m or more")
    for key, octets in (
        ("smtp_command_line", 512),
        ("smtp_auth_line", 12288),
        ("smtp_text_line", 1000),
        ("imap_command", 8192),
    ):
        if getattr(config.limits, key) < octets:
            yield Fault(f"limits.{key}", f"is too small for the RFC; allowed: {octets} octets or more")
    if config.limits.message_size < 64 << 10:
        yield Fault("limits.message_size", 'is too small for the RFC; allowed: "64KiB" or more (RFC 5321 §4.5.3.1.7)')


_CHECKS: tuple[Callable[[Config], Iterator[Fault]], ...] = (
    _own_name,
    _state_folder,
    _something_listens,
    _paths,
    _no_lmtp_on_port_25,
    _one_listener_a_port,
    _certificate_needed,
    _acme_is_whole,
    _password_with_user,
    _transports,
    _mechanisms_have_what_they_want,
    _rfc_minimums,
)
