"""`[tls]`: the certificates, and how TLS is spoken."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

from mailstack.config.acme import Acme
from mailstack.config.kinds import FLAG, PATH, Choice, Kind
from mailstack.config.setting import Section, required, setting

__all__ = ["Certificate", "Tls"]

_VERSION = cast("Kind[Literal['1.2', '1.3']]", Choice(("1.2", "1.3")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(Section):
    """`[[tls.extra]]`: one more certificate, chosen by the name that the client asks for."""

    doc: ClassVar[str] = (
        "One more certificate, used when a client asks (SNI) for a name that it has.  Write one [[tls.extra]] table "
        "for each."
    )

    certificate: str = required(
        PATH, "Path of the certificate with its chain, PEM.", example="", why="it must be given", live=True
    )
    key: str = required(PATH, "Path of its private key, PEM.", example="", why="it must be given", live=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Section):
    doc: ClassVar[str] = "The certificate that listeners show, and how TLS is spoken."

    certificate: str = setting(
        PATH,
        "",
        "Path of the certificate for `hostname`, PEM, the server's own first, then its chain.  Needed as soon as a "
        "listener uses TLS.  Read again at a reload.",
        example="/etc/letsencrypt/live/mail.example.org/fullchain.pem",
        live=True,
        why="a first certificate, or another path",
    )
    key: str = setting(
        PATH,
        "",
        "Path of its private key, PEM, without a passphrase, readable for the server's user only.",
        example="/etc/letsencrypt/live/mail.example.org/privkey.pem",
        live=True,
        why="as for the certificate",
    )
    minimum_version: Literal["1.2", "1.3"] = setting(
        _VERSION,
        "1.2",
        "The oldest TLS version that is spoken.",
        why="to insist on 1.3, which shuts out mail programs and servers older than about 2019",
        live=True,
    )
    session_tickets: bool = setting(
        FLAG,
        True,
        "Whether clients may resume a TLS session with a ticket, which saves most of the handshake.",
        why="a rule of yours asks for full forward secrecy within the life of the process",
        live=True,
    )
    acme: Acme = field(default_factory=Acme)
    extra: tuple[Certificate, ...] = ()
