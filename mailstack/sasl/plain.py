"""PLAIN: one message with both identities and the password.  RFC 4616."""

from mailstack.accounts.api import Claim
from mailstack.base.errors import ParseFault
from mailstack.base.secret import Secret
from mailstack.sasl.api import Challenge, Done, Refused
from mailstack.sasl.fields import NAME_LIMIT, PASSWORD_LIMIT, text_field

__all__ = ["PlainExchange"]


class PlainExchange:
    """Client speaks first; without an initial response it is asked with an empty challenge."""

    name = "PLAIN"

    def step(self, response: bytes | None) -> Challenge | Done | Refused:
        if response is None:
            return Challenge(b"")
        try:
            return Done(_claim(response))
        except ParseFault as fault:
            return Refused(str(fault))


def _claim(message: bytes) -> Claim:
    """message = [authzid] UTF8NUL authcid UTF8NUL passwd     RFC 4616 §2"""
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise ParseFault("not three fields parted by NUL")
    authzid = text_field(parts[0], "authorization identity", NAME_LIMIT) if parts[0] else ""
    authcid = text_field(parts[1], "user name", NAME_LIMIT)
    password = text_field(parts[2], "password", PASSWORD_LIMIT)
    # quirk: mbsync and others (Cyrus SASL) send the user name as authorization identity too
    return Claim(PlainExchange.name, authcid, Secret(password), "" if authzid == authcid else authzid)
