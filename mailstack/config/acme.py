"""`[tls.acme]`: certificates from an authority that gives them by itself.  RFC 8555"""

from dataclasses import dataclass
from typing import ClassVar, cast

from mailstack.config.kinds import FLAG, HOST, HTTPS, LISTEN_ADDRESSES, NAME_SERVERS, PATH, TEXT, Choice, Kind, ListOf
from mailstack.config.setting import Section, setting
from mailstack.config.units import SocketAddress

__all__ = ["CHALLENGES", "Acme"]

CHALLENGES = ("http-01", "tls-alpn-01", "dns-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acme(Section):
    doc: ClassVar[str] = (
        "The certificate for `hostname` ordered, renewed and put to use by the server itself.  Until the first one is "
        "there, a self-signed one stands in."
    )

    enabled: bool = setting(
        FLAG,
        False,
        "Whether to do so.  Then tls.certificate and tls.key are not given: they are kept in the state folder.",
        why="a web server or a script of yours makes no certificates for this host",
    )
    names: tuple[str, ...] = setting(
        ListOf(HOST),
        (),
        "More names that the certificate is for, besides `hostname`; the DNS must lead each of them here.",
        why="mail programs know this server by other names, too, such as imap.example.org",
        live=True,
    )
    email: str = setting(
        TEXT,
        "",
        "Where the authority writes to when something is wrong with the account.  It may stay empty.",
        why="you want to hear of it",
        live=True,
    )
    directory: str = setting(
        HTTPS,
        "https://acme-v02.api.letsencrypt.org/directory",
        "The authority: the URL of its directory.",
        why="to try with Let's Encrypt's staging, or another authority is yours",
        live=True,
    )
    challenge: str = setting(
        cast("Kind[str]", Choice(CHALLENGES)),
        "http-01",
        "How the names are proven.  http-01: the authority visits port 80.  tls-alpn-01: port 443.  dns-01: a TXT "
        "record is put into the zone by dynamic update (RFC 2136); nothing is visited.",
        why="a web server has port 80, or it cannot be reached from outside",
        live=True,
    )
    address: tuple[SocketAddress, ...] = setting(
        LISTEN_ADDRESSES,
        (),
        "Where the authority's visit is waited for, during an order only.  []: every address, port 80 or 443.",
        why="a web server passes /.well-known/acme-challenge/ on to another port",
        live=True,
    )
    dns_server: tuple[SocketAddress, ...] = setting(
        NAME_SERVERS,
        (),
        "For dns-01: the primary name server of the zone, which takes the updates.",
        why="dns-01 needs it",
        live=True,
    )
    dns_key: str = setting(
        PATH,
        "",
        "For dns-01: the file with the TSIG key that may change the zone, as tsig-keygen prints it.",
        why="the name server wants a key",
        live=True,
    )
    trust: str = setting(
        PATH,
        "",
        "A CA file that the authority's own HTTPS is checked with.  \"\": the system's.",
        why="the authority is one of your own house",
        live=True,
    )
